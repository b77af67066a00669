"""A real sshd on a free port, with keys and settings of its own, that runs one command for whoever logs in."""

import getpass
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from tests.brokers import free_port
from tests.needs import find_program, need
from tests.waiting import wait_until

_SEPARATION = Path("/run/sshd")  # where root's sshd puts the process that has not logged in yet


@dataclass(frozen=True)
class Sshd:
    """A running sshd. Its client takes no escape characters, so that every byte reaches the other end."""

    folder: Path
    port: int

    def client(self, *words: str, tty: bool = True) -> list[str]:
        """Return the command line of a client that asks for `words`."""
        ssh = find_program("ssh")
        assert ssh is not None
        return [
            ssh, "-F", os.devnull, "-i", str(self.folder / "key"), "-p", str(self.port), "-e", "none",
            "-tt" if tty else "-T", "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null",
            "-o", "LogLevel=ERROR", "-o", "BatchMode=yes", "-o", "SendEnv=CONSOLE_* EDITOR DATABASE_URL",
            "127.0.0.1", *words,
        ]  # fmt: skip


@contextmanager
def sshd(folder: Path, command: str) -> Iterator[Sshd]:
    """Run one whose only key is forced to this command, with the options that SECURITY.md names."""
    program = find_program("sshd")
    need("sshd", program)
    assert program is not None
    made = _make_separation()
    running = Sshd(folder, free_port())
    for name in ("host_key", "key"):
        subprocess.run(
            [str(find_program("ssh-keygen")), "-q", "-t", "ed25519", "-N", "", "-f", str(folder / name)],
            check=True,
        )
    public = (folder / "key.pub").read_text()
    (folder / "authorized_keys").write_text(f'restrict,pty,command="{command}" {public}')
    (folder / "sshd_config").write_text(
        f"ListenAddress 127.0.0.1\nPort {running.port}\nHostKey {folder}/host_key\nPidFile none\n"
        f"AuthorizedKeysFile {folder}/authorized_keys\nStrictModes no\nUsePAM no\nPrintMotd no\n"
        f"PasswordAuthentication no\nKbdInteractiveAuthentication no\nAllowUsers {getpass.getuser()}\n"
        "PermitRootLogin forced-commands-only\nAcceptEnv LANG LC_*\n"
    )
    log = folder / "sshd.log"
    process = subprocess.Popen([program, "-D", "-f", str(folder / "sshd_config"), "-E", str(log)])

    def listens() -> bool:
        assert process.poll() is None, log.read_text()
        return "Server listening" in (log.read_text() if log.exists() else "")

    try:
        wait_until(listens, 20)
        yield running
    finally:
        process.terminate()
        process.wait(10)
        if made:
            with suppress(OSError):
                _SEPARATION.rmdir()


def _make_separation() -> bool:
    if os.geteuid() != 0 or _SEPARATION.exists():
        return False
    _SEPARATION.mkdir(mode=0o755)
    return True

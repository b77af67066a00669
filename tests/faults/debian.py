"""The distribution's PostgreSQL in a cluster of one's own, with TLS and access rules as a test likes them.

``python -m tests.faults.debian COMMAND…`` runs a command with CONSOLE_TEST_DATABASE_URL pointing at such a cluster;
what the tests kill is then of the distribution, too.
"""

import contextlib
import os
import pwd
import shutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypedDict

from tests.brokers import free_port
from tests.needs import debian_binaries, need
from tests.waiting import wait_until

CHOSEN = "CONSOLE_TEST_DEBIAN_POSTGRES"  # also for the servers that are killed


class AsAccount(TypedDict, total=False):
    """What starts a process as somebody else."""

    user: int
    group: int
    cwd: str


class DebianPostgres:
    """A cluster on a TCP port of 127.0.0.1 and in a folder for its Unix socket. The superuser is ``owner``."""

    def __init__(self, programs: Path, folder: Path, rules: str, settings: dict[str, str]) -> None:
        self._programs, self.folder = programs, folder
        self.port = free_port()
        self._account = pwd.getpwnam("postgres") if os.geteuid() == 0 else None
        if self._account:
            shutil.chown(folder, self._account.pw_uid, self._account.pw_gid)
        data = folder / "data"
        self._run(
            "initdb", "-D", str(data), "-U", "owner", "--auth=trust", "-E", "UTF8", "--locale=C", "--no-sync"
        )
        (data / "pg_hba.conf").write_text(f"local all all trust\n{rules}\n")
        options = {
            "port": str(self.port), "listen_addresses": "127.0.0.1", "unix_socket_directories": str(folder),
            "fsync": "off", "max_connections": "100", **settings,
        }  # fmt: skip
        self._argv = [str(programs / "postgres"), "-D", str(data)]
        self._argv += [part for name, value in options.items() for part in ("-c", f"{name}={value}")]
        self._log = (folder / "log").open("wb")
        self._stopping = threading.Event()
        self._keeper: threading.Thread | None = None
        self._start()
        wait_until(self._answers, 30)

    def _start(self) -> None:
        self._process = subprocess.Popen(self._argv, stdout=self._log, stderr=self._log, **self._as_account())

    def keep_alive(self) -> None:
        """Start the server again whenever it ends, as an operating system would."""

        def keep() -> None:
            while not self._stopping.is_set():
                self._process.wait()
                if not self._stopping.wait(0.2):  # what is left of it needs a moment to go
                    self._start()

        self._keeper = threading.Thread(target=keep, daemon=True)
        self._keeper.start()

    @property
    def url(self) -> str:
        """By the Unix socket, as superuser."""
        return f"postgresql://owner@/postgres?host={self.folder}&port={self.port}"

    def _answers(self) -> bool:
        assert self._process.poll() is None, (self.folder / "log").read_text()
        ready = [str(self._programs / "pg_isready"), "-q", "-h", str(self.folder), "-p", str(self.port)]
        return subprocess.run(ready, check=False).returncode == 0

    def _run(self, program: str, *arguments: str) -> None:
        argv = [str(self._programs / program), *arguments]
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, **self._as_account())

    def _as_account(self) -> AsAccount:
        account = self._account
        return {"user": account.pw_uid, "group": account.pw_gid, "cwd": "/"} if account else {}

    def stop(self) -> None:
        self._stopping.set()
        self._process.terminate()
        if self._keeper is not None:
            self._keeper.join(10)
            self._process.terminate()  # it may have started one more
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(10)
        self._process.kill()
        self._process.wait()
        self._log.close()


@contextmanager
def debian_postgres(
    rules: str = "", files: dict[str, bytes] | None = None, **settings: str
) -> Iterator[DebianPostgres]:
    """A running cluster; `files` are laid beside its data, readable for the server alone."""
    programs = debian_binaries()
    need("the distribution's PostgreSQL", programs)
    assert programs is not None
    folder = Path(tempfile.mkdtemp(prefix="dc-debian-"))
    folder.chmod(0o711)
    for name, content in (files or {}).items():
        (folder / name).write_bytes(content)
        (folder / name).chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(folder / name, "postgres")
    server = DebianPostgres(
        programs, folder, rules, {k: v.format(folder=folder) for k, v in settings.items()}
    )
    try:
        yield server
    finally:
        server.stop()
        shutil.rmtree(folder, ignore_errors=True)


def main() -> int:
    with debian_postgres() as server:
        return subprocess.run(
            sys.argv[1:],
            check=False,
            env={**os.environ, "CONSOLE_TEST_DATABASE_URL": server.url, CHOSEN: "1"},
        ).returncode


if __name__ == "__main__":
    sys.exit(main())

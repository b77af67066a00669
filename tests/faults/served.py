"""The real program with --serve-ssh on a free port, with keys of its own, and the clients that come to it."""

import asyncio
import json
import os
import re
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import asyncssh
import pyte

from console.mqtt.session import BrokerAddress
from tests.faults.processes import Running, environment, program
from tests.faults.terminal import Terminal
from tests.needs import find_program
from tests.waiting import PATIENCE_S, until

NOWHERE = BrokerAddress("127.0.0.1", 1)  # the sessions themselves need no broker
ACME = 'environment="CONSOLE_TENANT=acme",environment="CONSOLE_OPERATOR=kim"'
RIVAL = 'environment="CONSOLE_TENANT=rival",environment="CONSOLE_OPERATOR=eve"'
READER = f'{ACME},environment="CONSOLE_READ_ONLY=1"'
CLIENT = {"PATH": os.environ["PATH"], "TERM": "xterm-256color", "LANG": "C.UTF-8"}
_PORT = re.compile(r"ready: SSH on [^ ]*:(\d+),")


class Keys:
    """Keys by name, each in a file, and the file of those that are admitted."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._made: dict[str, asyncssh.SSHKey] = {}
        self.path = folder / "authorized_keys"
        self.path.write_text("")
        self.path.chmod(0o600)

    def __getitem__(self, name: str) -> asyncssh.SSHKey:
        if name not in self._made:
            made = asyncssh.generate_private_key("ssh-ed25519")
            made.write_private_key(str(self.file(name)))
            self.file(name).chmod(0o600)
            self._made[name] = made
        return self._made[name]

    def file(self, name: str) -> Path:
        return self._folder / f"key-{name}"

    def line(self, name: str, options: str) -> str:
        return f"{options} {self.public(name)} {name}\n".lstrip()

    def public(self, name: str) -> str:
        return self[name].export_public_key().decode().strip()

    def admit(self, **options: str) -> None:
        """Replace the file by these keys and their options, as an editor does."""
        new = self.path.with_name("new")
        new.write_text("".join(self.line(name, given) for name, given in options.items()))
        new.chmod(0o600)
        new.replace(self.path)


@dataclass
class Served:
    """A running server. OpenSSH's client takes no escape characters, so that every byte reaches the other end."""

    running: Running
    keys: Keys
    port: int

    def client(self, key: str, *words: str, tty: bool = True, options: tuple[str, ...] = ()) -> list[str]:
        """The command line of OpenSSH's client that asks for `words`, with one key only."""
        return [
            *self.openssh("ssh", key), "-p", str(self.port), "-e", "none", "-tt" if tty else "-T", *options,
            "-o", "SendEnv=LANG LC_* COLORTERM NO_COLOR", "anybody@127.0.0.1", *words,
        ]  # fmt: skip

    def openssh(self, program: str, key: str) -> list[str]:
        found = find_program(program)
        assert found is not None
        _ = self.keys[key]
        return [
            found, "-F", os.devnull, "-i", str(self.keys.file(key)), "-o", "IdentitiesOnly=yes", "-o", "BatchMode=yes",
            "-o", "StrictHostKeyChecking=no", "-o", "UserKnownHostsFile=/dev/null", "-o", "LogLevel=ERROR",
        ]  # fmt: skip

    async def connect(self, *names: str, **options: Any) -> asyncssh.SSHClientConnection:
        """A connection of asyncssh's client, with these keys in their order."""
        given: dict[str, Any] = {"username": "anybody", "agent_path": None, **options}
        return await asyncssh.connect(
            "127.0.0.1", self.port, known_hosts=None, config=None,
            client_keys=[self.keys[name] for name in names] or None, **given,
        )  # fmt: skip

    async def run(self, key: str, command: str, **options: Any) -> tuple[int | None, str, str]:
        """Run a shell command over a connection of its own; return exit code, output and errors."""
        async with await self.connect(key) as connection:
            done = await connection.run(command, **options)
        return done.exit_status, str(done.stdout), str(done.stderr)

    @asynccontextmanager
    async def screen(
        self,
        key: str,
        *,
        columns: int = 100,
        rows: int = 30,
        options: tuple[str, ...] = (),
        env: Mapping[str, str] | None = None,
        **more: str,
    ) -> AsyncIterator[Terminal]:
        """OpenSSH's client on a terminal of its own."""
        screen = Terminal(columns, rows)
        await screen.start_command(CLIENT | dict(env or {}) | more, *self.client(key, options=options))
        try:
            yield screen
        finally:
            await screen.close()

    def events(self, event: str) -> list[dict[str, Any]]:
        """What the log says happened, one object a line."""
        return [line for line in self.log if line.get("event") == event]

    @property
    def log(self) -> list[dict[str, Any]]:
        return list(_objects(self.running.message))

    async def tells(self, event: str, count: int = 1, timeout_s: float = PATIENCE_S) -> dict[str, Any]:
        """Wait for so many of an event; return the last."""

        async def told() -> bool:
            assert self.running.alive, self.running.message
            return len(self.events(event)) >= count

        await until(told, timeout_s)
        return self.events(event)[count - 1]


def _objects(lines: list[str]) -> Iterator[dict[str, Any]]:
    for line in lines:
        if line.startswith("{"):
            yield json.loads(line)


@asynccontextmanager
async def served(
    folder: Path,
    database_url: str,
    *flags: str,
    broker: BrokerAddress = NOWHERE,
    settings: Mapping[str, str] | None = None,
    **more: str,
) -> AsyncIterator[Served]:
    """Serve this database; `keys` can be changed while it runs. Admitted are kim and a reader of acme, and eve."""
    keys = Keys(folder)
    keys.admit(kim=ACME, reader=READER, eve=RIVAL)
    home = folder / "home"
    home.mkdir(exist_ok=True)
    env = environment(
        home, database_url, broker, CONSOLE_AUTHORIZED_KEYS=str(keys.path), **(settings or {}), **more
    )
    async with started(keys, env, *flags) as running:
        yield running


@asynccontextmanager
async def started(keys: Keys, env: dict[str, str], *flags: str) -> AsyncIterator[Served]:
    async with program(env, "--serve-ssh", "0", *flags) as running:

        async def listens() -> bool:
            assert running.alive, running.message
            return _PORT.search("\n".join(running.message)) is not None

        await until(listens)
        found = _PORT.search("\n".join(running.message))
        assert found is not None
        yield Served(running, keys, int(found[1]))


async def communicate(argv: list[str], env: dict[str, str] | None = None) -> tuple[int | None, str]:
    """Run another program to its end; return exit code, and output with errors."""
    process = await asyncio.create_subprocess_exec(
        *argv, env=CLIENT | (env or {}), stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    try:
        async with asyncio.timeout(PATIENCE_S):
            out, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    return process.returncode, out.decode(errors="replace")


class FarScreen:
    """A screen of asyncssh's client, where OpenSSH's adds nothing."""

    def __init__(self, process: asyncssh.SSHClientProcess[bytes], columns: int, rows: int) -> None:
        self.process = process
        self.raw = bytearray()
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._reading = asyncio.create_task(self._read())

    async def _read(self) -> None:
        with suppress(asyncssh.Error):
            while data := await self.process.stdout.read(65_536):
                self.raw += data
                with suppress(Exception):  # pyte trips over some private sequences
                    self._stream.feed(data)

    @property
    def text(self) -> str:
        return "\n".join(self._screen.display)

    def type(self, keys: str) -> None:
        self.process.stdin.write(keys.encode())

    async def shows(self, text: str) -> None:
        async def there() -> bool:
            assert not self._reading.done(), await self.process.stderr.read()
            return text in self.text

        try:
            await until(there)
        except AssertionError as error:
            raise AssertionError(f"no {text!r} on the screen ({error}):\n{self.text}") from None

    async def ended(self) -> tuple[int | None, str]:
        """The exit code, and what was said last."""
        async with asyncio.timeout(PATIENCE_S):
            await self.process.wait_closed()
            await self._reading
        return self.process.exit_status, (await self.process.stderr.read()).decode()


async def far_screen(
    connection: asyncssh.SSHClientConnection, *, columns: int = 100, rows: int = 30, term: str = "xterm-256color",
    window: int = 4 * 1024 * 1024, env: Mapping[str, str] | None = None,
) -> FarScreen:  # fmt: skip
    """A screen over this connection; nothing is waited for."""
    process = await connection.create_process(
        encoding=None, term_type=term, term_size=(columns, rows), env=dict(env or {}), window=window
    )
    return FarScreen(process, columns, rows)

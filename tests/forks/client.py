"""Starts the program for a test: forked from a server where that is the same, else by an interpreter of its own."""

import asyncio
import atexit
import json
import os
import signal
import socket
import subprocess
import sys
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, STDOUT
from collections.abc import Mapping
from pathlib import Path
from typing import Any

REPOSITORY = Path(__file__).parents[2]

# What is read when an interpreter or a library starts, and not later.
_READ_ONCE = (
    "PYTHON",
    "LC_",
    "LANG",
    "TZ",
    "TEXTUAL_",
    "LD_",
    "MALLOC_",
    "GLIBC_",
    "OPENSSL_",
    "PYDANTIC_",
    "VIRTUAL_ENV",
)
_COLD = (
    "CONSOLE_TEST_CLOCK_SHIFT_S",  # set before anything has looked at a clock
    "CONSOLE_TEST_MARK",  # looked for in /proc, where a fork keeps the environment of its server
)


class ForkedProcess:
    """What asyncio.subprocess.Process is, for a process whose parent is the server."""

    def __init__(
        self, pid: int, handle: int, ended: asyncio.StreamReader, server: asyncio.StreamWriter
    ) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self.stdin: asyncio.StreamWriter | None = None
        self.stdout: asyncio.StreamReader | None = None
        self.stderr: asyncio.StreamReader | None = None
        self._handle = handle
        self._ending = asyncio.create_task(self._wait(ended, server))

    async def _wait(self, ended: asyncio.StreamReader, server: asyncio.StreamWriter) -> int:
        try:
            message = await ended.readline()
            assert message, "the server of forks has gone"
            self.returncode = int(message)
            return self.returncode
        finally:
            os.close(self._handle)
            server.close()

    async def wait(self) -> int:
        return await asyncio.shield(self._ending)

    async def communicate(self) -> tuple[bytes, bytes]:
        out, err, _ = await asyncio.gather(_rest(self.stdout), _rest(self.stderr), self.wait())
        return out, err

    def send_signal(self, number: int) -> None:
        if self._ending.done():
            raise ProcessLookupError
        signal.pidfd_send_signal(self._handle, number)

    def terminate(self) -> None:
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self.send_signal(signal.SIGKILL)


Process = asyncio.subprocess.Process | ForkedProcess


async def _rest(stream: asyncio.StreamReader | None) -> bytes:
    return await stream.read() if stream else b""


class _Server:
    """One server, and the way to it."""

    def __init__(self, environment: Mapping[str, str]) -> None:
        self._path = str(Path(tempfile.mkdtemp(prefix="dc-forks-")) / "socket")
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self._path)
            listening.listen(64)
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.forks.server", str(listening.fileno())], cwd=REPOSITORY,
                env=dict(environment), pass_fds=[listening.fileno()], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL,
            )  # fmt: skip
        atexit.register(self._end)

    def _end(self) -> None:
        self._process.communicate()

    async def fork(self, request: dict[str, Any], descriptors: list[int]) -> ForkedProcess:
        asked = socket.socket(socket.AF_UNIX)
        asked.connect(self._path)
        socket.send_fds(asked, [json.dumps(request).encode()], descriptors)
        asked.sendall(b"\n")
        pid, handles, _, _ = await asyncio.to_thread(socket.recv_fds, asked, 64, 1)
        reader, writer = await asyncio.open_unix_connection(sock=asked)
        return ForkedProcess(int(pid), handles[0], reader, writer)


_servers: dict[frozenset[tuple[str, str]], _Server] = {}
_asked: set[frozenset[tuple[str, str]]] = set()


def _server_for(env: Mapping[str, str]) -> _Server | None:
    """The server whose interpreter started with these settings; None for the first start with them."""
    if not hasattr(os, "pidfd_open") or any(env.get(name) for name in _COLD):
        return None
    read_once = frozenset(item for item in env.items() if item[0].startswith(_READ_ONCE))
    if read_once not in _asked:
        _asked.add(read_once)
        return None
    if read_once not in _servers:
        kept = {k: v for k, v in env.items() if not k.startswith(("CONSOLE_", "COVERAGE_"))}
        _servers[read_once] = _Server(kept)
    return _servers[read_once]


async def start_program(
    module: str, *arguments: str, env: Mapping[str, str], cwd: Path | None = None, stdin: int = DEVNULL,
    stdout: int = DEVNULL, stderr: int = DEVNULL, new_session: bool = False, warn: bool = False, cold: bool = False,
) -> Process:  # fmt: skip
    """Start ``python -m module`` as asyncio.create_subprocess_exec does; `warn` is Python's ``-W default``.

    `cold` is for a test of what an interpreter does.
    """
    server = None if cold else _server_for(env)
    if server is None:
        shown = ("-W", "default") if warn else ()
        return await asyncio.create_subprocess_exec(
            sys.executable, *shown, "-m", module, *arguments, env=env, cwd=cwd, stdin=stdin, stdout=stdout,
            stderr=stderr, start_new_session=new_session,
        )  # fmt: skip
    request = {
        "module": module, "arguments": arguments, "env": dict(env), "cwd": str(cwd or Path.cwd()),
        "new_session": new_session, "warn": warn,
    }  # fmt: skip
    ours: dict[int, int] = {}
    theirs = [os.open(os.devnull, os.O_RDWR)]
    given = []
    for number, wanted in enumerate((stdin, stdout, stderr)):
        if wanted == PIPE:
            assert number, "no test writes into a pipe"
            ours[number], end = os.pipe()
            theirs.append(end)
            given.append(end)
        elif wanted == STDOUT:
            given.append(given[1])
        else:
            given.append(theirs[0] if wanted == DEVNULL else wanted)
    try:
        process = await server.fork(request, given)
    finally:
        for descriptor in theirs:
            os.close(descriptor)
    process.stdout, process.stderr = [await _reader(ours[n]) if n in ours else None for n in (1, 2)]
    return process


async def _reader(descriptor: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader()
    protocol = asyncio.StreamReaderProtocol(reader)
    await asyncio.get_running_loop().connect_read_pipe(lambda: protocol, os.fdopen(descriptor, "rb", 0))
    return reader

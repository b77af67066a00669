"""The server: reads the libraries, then forks for each request on its socket; ``python -m tests.forks.server FD``.

A request is one line of JSON with three descriptors. The answer is the process id with a pidfd and, when the process
has ended, a second line: what it ended with.
"""

import ast
import contextlib
import gc
import io
import json
import os
import runpy
import select
import socket
import sys
import threading
import types
import warnings
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import console

_SOURCE = Path(console.__file__).parent
_COVERAGE = ("COVERAGE_PROCESS_CONFIG", "COVERAGE_PROCESS_START")


def _imports() -> Iterator[tuple[str, tuple[str, ...]]]:
    """What the program imports from others, by its source: the module and the names taken from it."""
    for path in _SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_bytes())):
            if isinstance(node, ast.Import):
                yield from ((alias.name, ()) for alias in node.names)
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                yield node.module, tuple(alias.name for alias in node.names)


def read_libraries() -> None:
    """Import all that the program may import, except the program itself."""
    os.environ["TEXTUAL_ANIMATIONS"] = "none"  # as console.tui sets it before Textual reads it
    for module, names in sorted(set(_imports())):
        if module.partition(".")[0] == "console":
            continue
        with contextlib.suppress(ImportError):  # another platform's, or one that the program can do without
            library = import_module(module)
            for name in names:  # Textual imports its widgets when they are asked for
                getattr(library, name, None)
    del sys.modules["console"]
    assert not any(name.partition(".")[0] == "console" for name in sys.modules)
    assert threading.active_count() == 1, "a thread would not be in what is forked"


def _stream(descriptor: int, *, like: Any) -> io.TextIOWrapper:
    """The stream as a start of the interpreter makes it."""
    unbuffered = bool(os.environ.get("PYTHONUNBUFFERED"))
    raw: Any = io.FileIO(descriptor, "wb" if descriptor else "rb", closefd=False)
    raw.name = like.name
    if not (unbuffered and descriptor):
        raw = io.BufferedWriter(raw) if descriptor else io.BufferedReader(raw)
    lines = not unbuffered and (descriptor == 2 or os.isatty(descriptor))
    text = io.TextIOWrapper(
        raw, like.encoding, like.errors, newline="\n" if descriptor else None,
        line_buffering=lines, write_through=unbuffered,
    )  # fmt: skip
    setattr(text, "mode", like.mode)  # noqa: B010 - it is there in each stream of a start
    return text


def _set_stream(name: str, descriptor: int) -> None:
    stream = _stream(descriptor, like=getattr(sys, name))
    setattr(sys, name, stream)
    setattr(sys, f"__{name}__", stream)


def _become(request: dict[str, Any], descriptors: list[int]) -> None:
    """Take on what the request says; afterwards nothing of the server is left but what it has imported."""
    if request["new_session"]:
        os.setsid()
    for number, descriptor in enumerate(descriptors):
        os.dup2(descriptor, number)
    os.closerange(3, os.sysconf("SC_OPEN_MAX"))
    os.chdir(request["cwd"])
    os.environ.clear()
    os.environ.update(request["env"])
    module, arguments = request["module"], request["arguments"]
    sys.argv = ["-m", *arguments]
    sys.orig_argv = [sys.executable, "-m", module, *arguments]
    sys.path[0] = str(Path.cwd())
    _set_stream("stdin", 0)
    _set_stream("stdout", 1)
    _set_stream("stderr", 2)
    if request["warn"]:
        sys.warnoptions.append("default")
        warnings.simplefilter("default")
    if any(os.environ.get(name) for name in _COVERAGE):
        import coverage

        coverage.process_startup()
    sys.modules["__main__"] = types.ModuleType("__main__")


class Server:
    def __init__(self, listening: socket.socket) -> None:
        self._listening = listening
        self._poll = select.poll()
        self._poll.register(listening, select.POLLIN)
        self._poll.register(0, select.POLLHUP)  # held open by whoever started this: it ends with that
        self._running: dict[int, tuple[int, socket.socket]] = {}

    def serve(self) -> dict[str, Any] | None:
        """Until nobody is there to ask: then None. In what is forked: the request."""
        while True:
            for descriptor, _ in self._poll.poll():
                if descriptor == 0:
                    return None
                if descriptor in self._running:
                    self._ended(descriptor)
                elif (request := self._fork()) is not None:
                    return request

    def _fork(self) -> dict[str, Any] | None:
        asked, _ = self._listening.accept()
        data, descriptors, _, _ = socket.recv_fds(asked, 65_536, 3)
        while not data.endswith(b"\n"):
            data += asked.recv(65_536)
        request: dict[str, Any] = json.loads(data)
        pid = os.fork()
        if pid == 0:
            for ours in (self._listening, asked, *(other for _, other in self._running.values())):
                ours.detach()
            _become(request, descriptors)
            return request
        for descriptor in descriptors:
            os.close(descriptor)
        handle = os.pidfd_open(pid)
        self._running[handle] = pid, asked
        self._poll.register(handle, select.POLLIN)
        socket.send_fds(asked, [b"%d\n" % pid], [handle])
        return None

    def _ended(self, handle: int) -> None:
        self._poll.unregister(handle)
        pid, asked = self._running.pop(handle)
        code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
        os.close(handle)
        with contextlib.suppress(OSError):  # nobody waits for it any more
            asked.sendall(b"%d\n" % code)
        asked.close()


def main() -> None:
    listening = socket.socket(fileno=int(sys.argv[1]))
    read_libraries()
    gc.collect()
    gc.freeze()
    place = Path(listening.getsockname())
    request = Server(listening).serve()
    if request is None:
        place.unlink()
        place.parent.rmdir()  # whoever started this may have ended without a word
    if request is not None:
        getattr(runpy, "_run_module_as_main")(request["module"])  # noqa: B009 - what `python -m` itself calls


if __name__ == "__main__":
    main()

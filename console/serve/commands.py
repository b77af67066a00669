"""Shell commands over SSH, `ssh host devices --json`: a process each, as the operator of the key.

Decided in docs/decisions/0068-who-a-key-stands-for.md
"""

import argparse
import asyncio
import contextlib
import io
import os
import re
import shlex
import sys
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from console.exit_codes import ExitCode
from console.serve import audit
from console.serve.children import end_with
from console.serve.identity import Identity, NotAdmittedError

READS = frozenset({
    "overview", "devices", "history", "types", "export", "batches", "batch", "show", "problems",
    "stats", "tail",
})  # fmt: skip
ACTS = frozenset({"send", "cancel", "retry", "resume"})
MOST, MOST_OF_ONE = 4, 2  # at once, in all and of one key; a process each
MOST_CHARACTERS = 16_000
OF_THE_SERVER = (
    "tenant", "operator", "read_only", "restricted", "allow_export", "embedded", "home", "output",
    "accept_copy", "sweeper", "listen", "serve_ssh", "serve_web", "guests", "view",
)  # fmt: skip
_PIECE = 64 * 1024
_END_S = 5.0

Parse = Callable[[Sequence[str]], argparse.Namespace]


class Output(Protocol):
    """Where a command's output goes."""

    async def write(self, data: bytes, *, is_error: bool) -> None: ...


@dataclass(frozen=True, slots=True)
class Allowed:
    """A command that may be run; or `help_text`, to be printed instead."""

    name: str = ""
    words: tuple[str, ...] = ()
    help_text: str = ""


def allowed(text: str, who: Identity, parse: Parse) -> Allowed:
    """Return the command that these words ask for, if this identity may run it.

    Judged is what the parser makes of the words, not the words: they may be spelt in many ways.

    Raises:
        NotAdmittedError: the sentence says what stands against it.
    """
    printed = io.StringIO()
    if len(text) > MOST_CHARACTERS or not re.sub(r"[\n\t]", " ", text).isprintable():
        raise NotAdmittedError(
            f"a command has at most {MOST_CHARACTERS:,} characters, and no control characters"
        )
    try:
        words = shlex.split(text)
        with contextlib.redirect_stdout(printed), contextlib.redirect_stderr(printed):
            options = parse(words)
    except ValueError as error:
        raise NotAdmittedError(f"the command cannot be read: {error}") from None
    except SystemExit as end:
        if end.code:
            last = (printed.getvalue().strip().splitlines() or ["it cannot be read"])[-1]
            raise NotAdmittedError(last.removeprefix("device-console: ")) from None
        return Allowed(help_text=printed.getvalue())
    may = READS if who.read_only else READS | ACTS
    if options.command not in may:
        what = f"`{options.command}`" if options.command else "this"
        raise NotAdmittedError(f"{what} cannot be run here; what can: {', '.join(sorted(may))}")
    given = [name for name in OF_THE_SERVER if getattr(options, name, None) not in {None, False}]
    if given or "-" in {getattr(options, "params", None), getattr(options, "devices", None)}:
        named = f"--{given[0].replace('_', '-')}" if given else "reading standard input"
        raise NotAdmittedError(
            f"{named} cannot be used here: the key says who you are, and nothing is read or kept here"
        )
    return Allowed(options.command, tuple(words))


class Commands:
    """Runs them, a few at once. `place` are the flags that name this server's own servers."""

    def __init__(self, parse: Parse, place: Sequence[str], environment: Mapping[str, str]) -> None:
        self._parse = parse
        self._place = list(place)
        self._environment = environment
        self._running: Counter[Identity] = Counter()

    async def run(self, text: str, who: Identity, address: str, output: Output) -> int:
        """Run a command to its end, or until the client leaves (cancelled); return its exit code.

        Raises:
            NotAdmittedError: it may not be run, or too many run already.
        """
        command = allowed(text, who, self._parse)
        if command.help_text:
            await output.write(command.help_text.encode(), is_error=False)
            return ExitCode.OK
        if self._running[who] >= MOST_OF_ONE or self._running.total() >= MOST:
            raise NotAdmittedError("too many commands are running on this server: try again in a moment")
        self._running[who] += 1
        began = time.monotonic()
        code = -1
        try:
            code = await self._run(command.words, who, output)
        finally:
            self._running[who] -= 1
            self._running += Counter()  # without those that have none
            audit.record(
                "ran", address=address, key=who.fingerprint, operator=who.operator,
                tenants=",".join(who.tenants), command=command.name, code=code,
                seconds=round(time.monotonic() - began, 1),
            )  # fmt: skip
        return code

    async def _run(self, words: Sequence[str], who: Identity, output: Output) -> int:
        identity = [f"--tenant={','.join(who.tenants)}", f"--operator={who.operator}"]
        identity += ["--restricted", *(["--read-only"] if who.read_only else [])]
        parent = os.getpid()
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-P", "-m", "console", *self._place, *identity, *words,
            stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
            env=self._environment, preexec_fn=lambda: end_with(parent),
        )  # fmt: skip
        pouring = [
            asyncio.create_task(_pour(child.stdout, output, is_error=False)),
            asyncio.create_task(_pour(child.stderr, output, is_error=True)),
        ]
        try:
            await asyncio.gather(*pouring)
            return await child.wait()
        finally:
            for task in pouring:
                task.cancel()
            await _end(child)


async def _pour(source: asyncio.StreamReader | None, output: Output, *, is_error: bool) -> None:
    while source is not None and (data := await source.read(_PIECE)):
        await output.write(data, is_error=is_error)


async def _end(child: asyncio.subprocess.Process) -> None:
    """End the process of a client that has left, in order if it takes no longer than some seconds."""
    for end in (child.terminate, child.kill):
        if child.returncode is not None:
            return
        with contextlib.suppress(ProcessLookupError):
            end()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_END_S):
                await child.wait()


def environment_of_the_server() -> dict[str, str]:
    """Return what the commands inherit: the server's settings, and nothing about its terminal."""
    left_out = {
        "TERM",
        "COLORTERM",
        "TMUX",
        "EDITOR",
        "VISUAL",
        "LANG",
        "LC_CTYPE",
        "NO_COLOR",
        "COLUMNS",
        "LINES",
    }
    kept = {name: value for name, value in os.environ.items() if name not in left_out}
    return kept | {"LC_ALL": "C.UTF-8"}

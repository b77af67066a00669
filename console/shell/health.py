"""``health``: whether the workers of this machine do their work, for containers and scripts."""

from __future__ import annotations

import argparse
import asyncio
import re
from typing import TYPE_CHECKING

from console.errors import UnreachableError
from console.exit_codes import ExitCode
from console.shell.verb import Setup

if TYPE_CHECKING:
    from console.settings import Configuration

DEFAULT = "127.0.0.1:9464"
_PATIENCE_S = 5.0
_MOST_BYTES = 16_384
_MOST_LINES = 20
_STATUS = re.compile(rb"HTTP/1\.[01] (\d{3})(?: |\r|$)")


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--at", metavar="[HOST:]PORT", help=f"where --listen answers (CONSOLE_LISTEN, else {DEFAULT})"
    )


async def _health(options: argparse.Namespace, configuration: Configuration) -> int:
    """Ask the workers; print what is wrong.

    Raises:
        UnreachableError: nobody answers there.
    """
    from console.runtime.addresses import listening_address

    where = options.at or configuration.settings.listen or DEFAULT
    host, port = listening_address(where, "--at" if options.at else "CONSOLE_LISTEN")
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104 - what listens everywhere, here
    try:
        async with asyncio.timeout(_PATIENCE_S):
            answer = await _ask(host, port)
    except (OSError, TimeoutError, ValueError):
        raise UnreachableError(
            f"No workers answer on {host}:{port}: start them with --sweeper --listen {where}."
        ) from None
    code, lines = _read(answer)
    if code is None:
        raise UnreachableError(f"What answers on {host}:{port} is not the workers' --listen: check --at.")
    for line in lines:
        print(line)
    return code


async def _ask(host: str, port: int) -> bytes:
    """Return the beginning of what answers.

    Raises:
        OSError: nobody does.
        ValueError: the host cannot be the name of one.
    """
    reader, writer = await asyncio.open_connection(host, port, limit=_MOST_BYTES)
    try:
        writer.write(b"GET /readyz HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while len(answer) < _MOST_BYTES and (more := await reader.read(_MOST_BYTES)):
            answer += more
        return answer
    finally:
        writer.transport.abort()


def _read(answer: bytes) -> tuple[ExitCode | None, list[str]]:
    """Return what an answer means, and its lines; None if no workers of ours gave it."""
    from console.domain.text.safe import safe

    head, _, body = answer.partition(b"\r\n\r\n")
    found = _STATUS.match(head)
    lines = [safe(line, 500) for line in body.decode("utf-8", "replace").splitlines()[:_MOST_LINES]]
    if found is None or not lines:
        return None, []
    if found[1] == b"200" and lines == ["ok"]:
        return ExitCode.OK, lines
    return (ExitCode.FAILED, lines) if found[1] in {b"500", b"503"} else (None, [])


VERB = Setup(
    name="health",
    for_host=True,
    example="device-console health && echo the workers do their work",
    arguments=_arguments,
    run=_health,
)

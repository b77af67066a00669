"""Arguments that several shell commands take, and how their values are read."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from console.shell.following import FollowOptions

FILTER = "filter terms, all of which must match: site:lyon -status:offline type:re* phase:missed age>1h"
OF_COMMANDS = "filter terms, all of which must match: site:lyon -link:offline type:re* phase:missed age>1h"
_MOST_ROWS = 1_000_000


def filter_words(parser: argparse.ArgumentParser, example: str = FILTER) -> None:
    """Add a filter as the words of the command line."""
    parser.add_argument("text", nargs="*", metavar="FILTER", help=example)


def filter_option(parser: argparse.ArgumentParser) -> None:
    """Add a filter as one argument."""
    parser.add_argument("--where", default="", metavar="FILTER", help=OF_COMMANDS)


def limit(parser: argparse.ArgumentParser, preset: int) -> None:
    """Add the maximum number of rows."""
    parser.add_argument(
        "--limit", type=count, default=preset, help=f"list at most this many (default {preset})"
    )


def whole_or_beginning(parser: argparse.ArgumentParser, whose: str) -> None:
    """Add an id, or a prefix of one."""
    parser.add_argument("id", help=f"{whose} id, or a unique prefix of it")


def waiting(parser: argparse.ArgumentParser) -> None:
    """Add the options whether, and how long, to wait for an answer."""
    parser.add_argument(
        "--wait", action="store_true", help="wait for the answer; the exit code shows how it ended"
    )
    parser.add_argument(
        "--timeout", type=float, metavar="SECONDS", help="how long --wait waits (default: TTL + 5 s)"
    )


def follow_options(options: argparse.Namespace) -> FollowOptions:
    """Return the values of the options that `waiting` adds."""
    from console.shell.following import FollowOptions

    return FollowOptions(wait=options.wait, timeout_s=options.timeout, as_json=options.json)


def count(text: str) -> int:
    """Read a number of rows."""
    return number(text, _MOST_ROWS)


def number(text: str, most: int) -> int:
    """Read a whole number from 1 to `most`; ``10_000`` and ``10,000`` are numbers, too.

    Raises:
        argparse.ArgumentTypeError: it is not a whole number, or outside the range.
    """
    try:
        value = int(text.replace("_", "").replace(",", ""))
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is not a whole number") from None
    if not 1 <= value <= most:
        raise argparse.ArgumentTypeError(f"must be from 1 to {most:,}")
    return value

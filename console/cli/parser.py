"""The grammar of the command line: every command, its flags and an example of its use."""

import argparse
import re
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

from console import __version__

_EXITS = (
    "exit codes: 0 ok, 1 the operation failed, 2 usage or configuration, 3 database or broker unreachable, "
    "4 missed, expired or timed out while waiting, 75 busy, 130 interrupted"
)
_MOST_SLOTS = 16
_TAKE_FILTER_WORDS = frozenset({"devices", "problems", "batches"})
_TAKE_A_VALUE = frozenset({"--tenant", "--operator", "--home", "--limit"})
_NEGATED = re.compile(r"-(?!-|h$|$|(json|limit|tenant|operator|home|embedded|read-only)$)")
_FILTER = "words and keys that must all hold: site:lyon -status:offline type:re* phase:missed age>1h"
_ENVIRONMENT = (
    "environment: DATABASE_URL, MQTT_URL, CONSOLE_TENANT, CONSOLE_OPERATOR, CONSOLE_READ_ONLY, CONSOLE_HOME; "
    "`device-console config show` lists all. Without DATABASE_URL and MQTT_URL the program starts its own "
    "servers with demo data."
)


class _Parser(argparse.ArgumentParser):
    """Take options as they are written in full; the parsers of the commands are of this class, too.

    An abbreviation means whatever option happens to begin so: `--y` would send to a fleet.
    """

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **(kwargs | {"allow_abbrev": False}))


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the whole command line."""
    parser = _Parser(
        prog="device-console",
        description="A terminal console for an IoT command channel. Without a command it opens the screen.",
        epilog=f"example: device-console --tenant acme\n\n{_ENVIRONMENT}\n\n{_EXITS}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"device-console {__version__}")
    parser.add_argument(
        "--sweeper", action="store_true", help="run dispatch, acknowledgements and sweep without a screen"
    )
    parser.add_argument(
        "--accept-copy",
        action="store_true",
        default=None,
        help="once, after the database was moved or restored: let workers run in this one",
    )
    _common(parser)
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _reads(commands)
    _acts(commands)
    _care(commands)
    return parser


def _common(parser: argparse.ArgumentParser, *, nested: bool = False) -> None:
    def preset(value: object) -> object:
        return argparse.SUPPRESS if nested else value

    parser.add_argument("--tenant", default=preset(None), help="the tenant, or several with commas between")
    parser.add_argument("--operator", default=preset(None), help="who acts; the login name by default")
    parser.add_argument(
        "--read-only", action="store_true", default=preset(None), help="no acts and no workers"
    )
    parser.add_argument(
        "--embedded", action="store_true", default=preset(None), help="use the program's own demo servers"
    )
    parser.add_argument(
        "--home", default=preset(None), metavar="DIR", help="where those servers keep their data"
    )


class _Commands:
    """Adds commands that all know the common flags and carry an example."""

    def __init__(self, commands: "argparse._SubParsersAction[_Parser]") -> None:
        self._commands = commands

    def add(self, name: str, summary: str, example: str, *, json: bool = False) -> argparse.ArgumentParser:
        parser = self._commands.add_parser(
            name,
            help=summary,
            description=summary,
            epilog=f"example: {example}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )
        _common(parser, nested=True)
        if json:
            parser.add_argument("--json", action="store_true", help="print JSON lines instead of a table")
        return parser


def _reads(commands: "argparse._SubParsersAction[_Parser]") -> None:
    add = _Commands(commands).add
    devices = add("devices", "List devices.", "device-console devices site:lyon -status:offline", json=True)
    devices.add_argument("text", nargs="*", metavar="FILTER", help=_FILTER)
    history = add("history", "List commands, newest first.", "device-console history pump-0017", json=True)
    history.add_argument("device", nargs="?", help="only this device")
    history.add_argument("--where", default="", metavar="FILTER", help=_FILTER)
    history.add_argument("--limit", type=_count, default=50, help="how many (default 50)")
    types = add(
        "types", "List the commands that a device's model takes.", "device-console types pump-0017", json=True
    )
    types.add_argument("device", help="the device's id")
    export = add(
        "export",
        "Write a whole history as CSV, JSON or JSON lines, streamed.",
        "device-console export --where 'phase:missed age<7d' --output missed.csv",
    )
    export.add_argument("device", nargs="?", help="only this device")
    export.add_argument("--where", default="", metavar="FILTER", help=_FILTER)
    export.add_argument(
        "--format", choices=["csv", "json", "jsonl"], help="default: by the file's name, else jsonl"
    )
    export.add_argument("--output", type=Path, metavar="FILE", help="a new file; default: standard output")
    batches = add("batches", "List bulk sends, newest first.", "device-console batches", json=True)
    batches.add_argument(
        "text",
        nargs="*",
        metavar="FILTER",
        help="words and keys that must all hold: firmware -by:alice age<7d",
    )
    batches.add_argument("--limit", type=_count, default=50, help="how many (default 50)")
    batch = add(
        "batch",
        "Show how a bulk send stands, grouped by answer.",
        "device-console batch 0d1f6c7e-…",
        json=True,
    )
    batch.add_argument("id", help="the batch's id, or a beginning that no other id has")
    show = add("show", "Show one command in full.", "device-console show 0d1f6c7e-… --json", json=True)
    show.add_argument("id", help="the command's id, or a beginning that no other id has")
    problems = add(
        "problems", "List what an operator should look at.", "device-console problems forged", json=True
    )
    problems.add_argument("text", nargs="*", metavar="FILTER", help=_FILTER)
    problems.add_argument("--limit", type=_count, default=100, help="how many (default 100)")
    kept = add(
        "favourites",
        "List the commands that you keep at hand, or those sent lately; keep one, drop one.",
        "device-console favourites --keep reboot --params '{\"delay_s\": 5}' --ttl 10m",
        json=True,
    )
    kept.add_argument("--recent", action="store_true", help="what was sent lately instead")
    change = kept.add_mutually_exclusive_group()
    change.add_argument("--keep", metavar="TYPE", help="keep a command of this type")
    change.add_argument("--drop", metavar="TYPE", help="drop it again")
    kept.add_argument("--params", default="{}", help="its params, a JSON object")
    kept.add_argument("--ttl", default="1h", help="its TTL (default 1h)")
    tail = add("tail", "Follow commands as they change.", "device-console tail --device pump-0017", json=True)
    tail.add_argument("--device", help="only this device")
    tail.add_argument("--where", default="", metavar="FILTER", help=_FILTER)
    tail.add_argument("--count", type=_count, help="end after this many lines")


def _acts(commands: "argparse._SubParsersAction[_Parser]") -> None:
    add = _Commands(commands).add
    send = add(
        "send",
        "Send a command to a device, or to all that a filter finds.",
        "device-console send pump-0017 reboot --params '{\"delay_s\": 5}' --ttl 10m --wait\n"
        "         device-console send --where 'site:lyon tag:critical' ping --yes",
        json=True,
    )
    send.add_argument("device", nargs="?", help="the device's id; left out with --where")
    send.add_argument("type", help="the command type, for example reboot")
    send.add_argument("--where", metavar="FILTER", help=f"send to every device found: {_FILTER}")
    send.add_argument(
        "--yes", action="store_true", help="with --where: send, not only look; else: do not ask"
    )
    send.add_argument("--params", default="{}", help="a JSON object, or - to read it from standard input")
    send.add_argument("--ttl", default="1h", help="5s to 7d (default 1h)")
    send.add_argument("--id", help="an id of your own: sending the same again changes nothing")
    _waiting(send)
    cancel = add(
        "cancel",
        "Take an unpublished command back, or stop a batch.",
        "device-console cancel 0d1f6c7e-…",
        json=True,
    )
    cancel.add_argument("id", help="the command's or batch's id, or a beginning that no other id has")
    cancel.add_argument("--reason", default="", help="why, for the journal")
    retry = add(
        "retry",
        "Send a settled command, or what of a batch failed, again.",
        "device-console retry 0d1f6c7e-… --wait",
        json=True,
    )
    retry.add_argument(
        "id", help="the settled command's or the batch's id, or a beginning that no other id has"
    )
    retry.add_argument("--yes", action="store_true", help="do not ask, also on a terminal")
    _waiting(retry)
    resume = add(
        "resume",
        "Go on with a batch whose sending ended half-way; nothing is sent twice.",
        "device-console resume 5b0c9a52-… --wait",
        json=True,
    )
    resume.add_argument("id", help="the batch's id, or a beginning that no other id has")
    resume.add_argument("--yes", action="store_true", help="do not ask, also on a terminal")
    _waiting(resume)


def _waiting(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--wait", action="store_true", help="wait for the answer; the exit code tells it")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="with --wait (default: TTL + 5 s)")


def _care(commands: "argparse._SubParsersAction[_Parser]") -> None:
    add = _Commands(commands).add
    doctor = add("doctor", "Check the set-up and say what it guarantees.", "device-console doctor", json=True)
    doctor.add_argument(
        "--probe",
        action="store_true",
        help="also publish on the tenant's topics, for a device that does not exist",
    )
    config = add("config", "Show the configuration.", "device-console config show", json=True)
    config.add_argument("action", choices=["show"], help="print every value with its origin")
    migrate = add(
        "migrate",
        "Bring the console's own schema in a configured database up to date.",
        "DATABASE_URL=postgresql://… device-console migrate",
        json=True,
    )
    migrate.add_argument(
        "--create-platform-tables",
        action="store_true",
        help="also make the platform's tables where they are missing: for a database of the console's own",
    )
    slots = add(
        "ingest-slots",
        "Show or set how many processes may share the acknowledgements (1 to 16).",
        "device-console ingest-slots 4",
    )
    slots.add_argument("slots", type=_slots, nargs="?", help="the new number; default: show it")
    simulate = add(
        "simulate", "Run a simulated fleet over MQTT.", "device-console simulate --embedded --devices 50"
    )
    simulate.add_argument("--devices", type=_count, default=250, help="how many devices answer (default 250)")
    simulate.add_argument(
        "--seed-history", type=_rows, metavar="COMMANDS",
        help="instead: make so many settled commands of --devices devices, to try the scale",
    )  # fmt: skip
    simulate.add_argument(
        "--answer-real-commands",
        action="store_true",
        help="allow it on a configured database: simulated devices then answer its commands",
    )
    demo = add("demo", "Manage the demo servers' data.", "device-console demo reset")
    demo.add_argument("action", choices=["reset"], help="delete the embedded servers' data")


def _whole(text: str) -> int:
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text[:40]!r} is no whole number") from None


def _rows(text: str) -> int:
    value = _whole(text.replace("_", "").replace(",", ""))
    if not 1 <= value <= 1_000_000_000:
        raise argparse.ArgumentTypeError("must be from 1 to 1,000,000,000")
    return value


def _slots(text: str) -> int:
    value = _whole(text)
    if not 1 <= value <= _MOST_SLOTS:
        raise argparse.ArgumentTypeError(f"must be from 1 to {_MOST_SLOTS}")
    return value


def _count(text: str) -> int:
    value = _whole(text)
    if not 1 <= value <= 1_000_000:
        raise argparse.ArgumentTypeError("must be from 1 to 1,000,000")
    return value


def _with_negations(arguments: Sequence[str]) -> list[str]:
    """Terms like ``-status:offline`` with a space before them: argparse takes a leading minus for a flag."""
    pairs = list(pairwise(("", *arguments)))
    plain = (word for before, word in pairs if before not in _TAKE_A_VALUE and not word.startswith("-"))
    takes_words = next(plain, "") in _TAKE_FILTER_WORDS
    return [
        f" {word}"
        if _NEGATED.match(word) and (before == "--where" or (takes_words and before not in _TAKE_A_VALUE))
        else word
        for before, word in pairs
    ]


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """Parse the command line; ends the program with exit code 2 on a wrong one."""
    parser = build_parser()
    options, more = parser.parse_known_args(_with_negations(arguments))
    if more and hasattr(options, "text") and not any(word.startswith("-") for word in more):
        options.text += more  # words of the filter behind a flag: argparse takes those before it only
    elif more:
        parser.error(f"unrecognized arguments: {' '.join(word.strip() for word in more)}")
    if getattr(options, "where", None):
        options.where = options.where.strip()
    if options.sweeper and options.command:
        parser.error("--sweeper stands alone: it takes no command")
    if getattr(options, "timeout", None) is not None and not options.wait:
        parser.error("--timeout says how long --wait waits: give --wait, too")
    return options

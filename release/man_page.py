"""The manual page, made from the parser, the settings and the exit codes; no tool is needed for it.

Decided in docs/decisions/0075-a-release.md
"""

import argparse
import re
from collections.abc import Iterable, Iterator

from console import __version__
from console.cli.parser import build_parser
from console.exit_codes import ExitCode
from console.settings import SETTINGS
from console.shell.registry import SUMMARIES

_SPECIAL = {
    "\\": "\\e",
    "-": "\\-",
    "'": "\\(aq",
    '"': "\\(dq",
    "`": "\\(ga",
    "^": "\\(ha",
    "~": "\\(ti",
    "…": "...",
}
_NAMED_OTHERWISE = {"database_url": "DATABASE_URL", "mqtt_url": "MQTT_URL"}


def man_page() -> str:
    """Return the page as roff."""
    parser = build_parser()
    ours = list(_actions(parser))
    everywhere = {action.dest for action in ours}
    lines = [
        f'.TH DEVICE\\-CONSOLE 1 "" "device\\-console {roff(__version__)}" "User Commands"',
        ".SH NAME",
        "device\\-console \\- a terminal console for an IoT command channel",
        ".SH SYNOPSIS",
        *_synopsis(["[OPTION]...", "[COMMAND ...]"]),
        ".SH DESCRIPTION",
        roff(parser.description or ""),
        "Without DATABASE_URL and MQTT_URL it starts its own servers with demo data.",
        ".SH OPTIONS",
        *_described(ours),
        ".SH COMMANDS",
        roff("From --tenant on, the options above may also stand behind a command."),
        roff("Options are accepted only in full."),
    ]
    for name, summary in SUMMARIES.items():
        command = parser.verbs[name]
        command.load()
        own = [action for action in _actions(command) if action.dest not in everywhere]
        lines += [f".SS {roff(name)}", roff(summary), ".PP", *_synopsis([name, *map(_use, own)])]
        lines += [*_described(own), *_example(command.epilog or "")]
    lines += [".SH ENVIRONMENT", *_environment(), ".SH EXIT STATUS"]
    for code in ExitCode:
        lines += [".TP", f".B {code.value}", roff(code.meaning)]
    lines += [
        ".SH FILES",
        ".TP",
        ".I \\(ti/.config/device\\-console/config.toml",
        "The settings above as names in lower case, without CONSOLE_;",
        ".B CONSOLE_CONFIG",
        "names another file.",
    ]
    return "\n".join(lines) + "\n"


def roff(text: str) -> str:
    """Escape text for roff: a minus stays one that can be copied, and no line begins a request."""
    escaped = re.sub(r"[\\\-'\"`^~…]", lambda found: _SPECIAL[found[0]], text)
    return re.sub(r"^(?=[.'])", "\\\\&", escaped, flags=re.MULTILINE)


def _actions(parser: argparse.ArgumentParser) -> Iterator[argparse.Action]:
    """Yield the parser's arguments; argparse has no public list of them."""
    for action in parser._actions:  # noqa: SLF001
        if action.help != argparse.SUPPRESS and action.dest not in {"help", "command"}:
            yield action


def _value(action: argparse.Action) -> str:
    if isinstance(action.metavar, str):
        return action.metavar
    if action.choices:
        return "|".join(map(str, action.choices))
    return action.dest.upper()


def _use(action: argparse.Action) -> str:
    """Return the argument as the synopsis has it."""
    value = _value(action)
    if action.option_strings:
        names = action.option_strings[-1]
        return f"[{names}]" if action.nargs == 0 else f"[{names} {value}]"
    if action.nargs in {"*", "+"}:
        return f"[{value}]..." if action.nargs == "*" else f"{value}..."
    return f"[{value}]" if action.nargs == "?" else value


def _synopsis(words: Iterable[str]) -> list[str]:
    """Return a synopsis whose words are not broken."""
    return [".B device\\-console", *(roff(word).replace(" ", "\\ ") for word in words)]


def _described(actions: Iterable[argparse.Action]) -> Iterator[str]:
    for action in actions:
        names = ", ".join(f"\\fB{roff(name)}\\fR" for name in action.option_strings)
        value = "" if action.nargs == 0 else f"\\fI{roff(_value(action))}\\fR"
        help_text = (action.help or "") % {**vars(action), "prog": "device-console"}
        yield from (".TP", " ".join(filter(None, (names, value))), roff(help_text))


def _example(epilog: str) -> Iterator[str]:
    """Yield the examples as they are typed."""
    yield from (".PP", "Example:", ".PP", ".nf", ".RS")
    yield from (roff(line.removeprefix("example: ").strip()) for line in epilog.splitlines())
    yield from (".RE", ".fi")


def _environment() -> Iterator[str]:
    """Yield the settings; a table of keys can only stand in the file."""
    for setting in SETTINGS:
        if "dict" not in str(setting.type):
            name = _NAMED_OTHERWISE.get(setting.name, f"CONSOLE_{setting.name.upper()}")
            yield from (".TP", f".B {name}", roff(setting.metadata["description"]))

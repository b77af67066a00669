"""The help: every action of the table, screen by screen, and the language of the filters."""

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from console.domain.filters.language import KEYS, SPANS, WORDS, Scope
from console.tables.columns import Cell
from console.tui.keys.actions import MOVES, Action
from console.tui.presenters.cells import Line

_WIDTH = 13
_INVENTED = (
    "Devices, operators and their history are invented, and so is what goes wrong; database, broker and the "
    "answers of the simulated devices are real"
)
_FILTERS = (
    ("word", "Must occur somewhere in the row; all terms of a filter must match"),
    ("key:a,b", "The key's whole value is a or b; * is any text, ? one character: device:pump-*"),
    ("age>1h", "Older than that; < is younger. Durations: 30s, 10m, 1h30m, 7d"),
    ("-term", "Not this: -status:offline, -age<1d, -word"),
    ('"a: b"', "Quotes keep spaces, colons and commas as they are"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A key or a term with its text, and the shell commands that do the same."""

    key: str
    text: str
    shell: tuple[str, ...] = ()

    def has(self, words: Sequence[str], title: str) -> bool:
        """Return whether all these words stand in it or in the title above it."""
        everything = " ".join((title, self.key, self.text, *self.shell)).casefold()
        return all(word in everything for word in words)


@dataclass(frozen=True, slots=True)
class Section:
    """Entries under a title."""

    title: str
    entries: tuple[Entry, ...] = field(default=())


def sections(groups: Sequence[tuple[str, Sequence[Action[Any]]]], *, is_demo: bool = False) -> list[Section]:
    """Return the first screen, the filter language, the other screens, and what works everywhere.

    In a demo, what is invented comes before the filters.
    """
    demo = [Section("demo", (Entry("DEMO", _INVENTED),))] if is_demo else []
    screens = [
        Section(
            title, tuple(Entry(a.shown, a.help, tuple(filter(None, a.shell.split(", ")))) for a in actions)
        )
        for title, actions in groups
    ]
    everywhere = Section("everywhere", tuple(Entry(keys, text) for keys, text in MOVES))
    return [*screens[:1], *demo, Section("filters", filter_entries()), *screens[1:], everywhere]


def filter_entries() -> tuple[Entry, ...]:
    """Describe the filter language: the terms, and the keys of each list."""
    keys = [
        Entry(f"in {scope.value}", f"{', '.join(KEYS[scope])}; with < and >: {', '.join(SPANS[scope])}")
        for scope in Scope
    ]
    words = [
        Entry(f"{key}:", f"One of {', '.join(word.replace(' ', '_') for word in values)}")
        for key, values in WORDS.items()
    ]
    gone = (
        "Decommissioned devices are hidden: state:decommissioned or the exact id, device:pump-5, finds them"
    )
    stale = "Silent for longer than the platform expects, but not offline yet; the platform decides"
    return (
        *(Entry(term, text) for term, text in _FILTERS), *keys, *words, Entry("state:", gone),
        Entry("status:", "In the list of devices: the same as link"), Entry("stale", stale),
    )  # fmt: skip


def help_lines(
    found: Sequence[Section], width: int, searched: str = "", *, shell: bool = False
) -> list[Line]:
    """Write one line a key, the shell commands beneath it if they are wanted, under each title.

    Of a search, what has all its words in key, text, shell command or title.
    """
    words = searched.casefold().split()
    lines: list[Line] = []
    for section in found:
        entries = [entry for entry in section.entries if entry.has(words, section.title)]
        if not entries:
            continue
        lines += [()] if lines else []
        lines.append((Cell(section.title, "strong"),))
        for entry in entries:
            lines += _hanging(entry.key, entry.text, width)
            for command in entry.shell if shell else ():
                lines += [(Cell(" " * (_WIDTH + 2)), Cell(part, "dim")) for part in _folded(command, width)]
    return lines


def _folded(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, max(20, width - _WIDTH - 2), break_on_hyphens=False) or [""]


def _hanging(key: str, text: str, width: int) -> list[Line]:
    first, *rest = _folded(text, width)
    return [
        (Cell(f"  {key:<{_WIDTH}}", "accent"), Cell(first)),
        *[(Cell(" " * (_WIDTH + 2)), Cell(line)) for line in rest],
    ]

"""A shell command as a value: its grammar, what it needs opened, what it changes, and what runs it.

At its top, a command's module imports only what loads quickly: its help and a wrong line of it need no more.
Its summary stands in `registry`, which lists all commands without loading one.

Decided in docs/decisions/0052-a-shell-command-is-a-value.md
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Coroutine

    from console.domain.filters.keys import Scope
    from console.runtime.program import Program
    from console.runtime.startup import RunningProgram
    from console.settings import Configuration, Settings

from console.errors import UsageError

COMMAND, BATCH = "command", "bulk send"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """The base of all shell commands.

    `changes` completes the sentence "NAME ..." with which --read-only refuses it; `changes_when` returns
    whether given options change anything. `for_host` is whether it is for whoever runs this host, so that
    --restricted refuses it; `writes_file` returns whether given options write a file. `has_json` adds --json.
    """

    name: str
    example: str
    arguments: Callable[[argparse.ArgumentParser], None]
    has_json: bool = False
    changes: str = ""
    changes_when: Callable[[argparse.Namespace], bool] = lambda _options: True
    for_host: bool = False
    writes_file: Callable[[argparse.Namespace], bool] = lambda _options: False


@dataclass(frozen=True, slots=True, kw_only=True)
class _OfTenant(Verb):
    """A command about a tenant. `filters`: the list that its filter is for; `ids`: the kinds of its ID."""

    filters: Scope | None = None
    ids: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Read(_OfTenant):
    """A command that only reads: no workers run beside it."""

    run: Callable[[argparse.Namespace, Program], Coroutine[Any, Any, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Act(_OfTenant):
    """A command that changes what devices get: it may run the workers while it lasts."""

    run: Callable[[argparse.Namespace, RunningProgram], Coroutine[Any, Any, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Setup(Verb):
    """A command about the set-up: it opens what it needs itself."""

    run: Callable[[argparse.Namespace, Configuration], Coroutine[Any, Any, int]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Plain(Verb):
    """A command that opens no server and runs without a loop."""

    run: Callable[[argparse.Namespace, Configuration], int]


def refuse_read_only(verb: Verb, options: argparse.Namespace, settings: Settings) -> None:
    """Refuse a command that --read-only forbids, before anything is opened for it.

    Raises:
        UsageError: it would change something.
    """
    if verb.changes and settings.read_only and verb.changes_when(options):
        raise UsageError(
            f"{verb.name} {verb.changes}, and --read-only forbids changes: "
            "leave it out, or unset CONSOLE_READ_ONLY."
        )


def refuse_host(verb: Verb, options: argparse.Namespace, settings: Settings) -> None:
    """Refuse what reaches this host's files or its set-up where that is forbidden, before anything is opened.

    Decided in docs/decisions/0066-restricted-to-the-console.md

    Raises:
        UsageError: it is forbidden, by --restricted or by --read-only.
    """
    if verb.for_host and settings.restricted:
        raise UsageError(f"{verb.name} is for whoever runs this host, and this console is restricted.")
    if verb.writes_file(options) and settings.restricted:
        raise UsageError(
            f"{verb.name} would write a file on this host, and this console is restricted: "
            "leave out --output to get it on standard output."
        )
    if verb.writes_file(options) and not settings.may_export:
        raise UsageError(
            f"{verb.name} would write a file, and --read-only forbids that: add --allow-export, "
            "or leave out --output to get it on standard output."
        )

"""One table of exit codes, one list of shell commands: what is written elsewhere is made of them."""

import argparse
import ast
import re
from pathlib import Path

import pytest

from console import errors
from console.cli.parser import build_parser, parse
from console.domain.commands import Phase
from console.errors import ConsoleError, UsageError
from console.exit_codes import ExitCode, sentence
from console.limits import MAX_ID_LENGTH
from console.settings import load
from console.shell import output
from console.shell.outcomes import exit_code
from console.shell.registry import VERBS
from console.shell.verb import refuse_read_only
from console.tables.commands import COLUMNS
from tests.unit.test_presenters_commands import NOW, command

CONSOLE = Path(errors.__file__).parent
CHANGE = {"send", "retry", "resume", "cancel", "migrate", "simulate", "demo", "ingest-slots", "retention"}


@pytest.mark.parametrize(
    ("phases", "code"),
    [
        ({Phase.OK: 3}, ExitCode.OK),
        ({Phase.OK: 2, Phase.FAILED: 1}, ExitCode.FAILED),
        ({Phase.OK: 1, Phase.FAILED: 1, Phase.MISSED: 1}, ExitCode.FAILED),
        ({Phase.OK: 2, Phase.MISSED: 1}, ExitCode.UNANSWERED),
        ({Phase.EXPIRED: 3}, ExitCode.UNANSWERED),
        ({Phase.OK: 2, Phase.PUBLISHED: 1}, ExitCode.UNANSWERED),
        ({Phase.OK: 2, Phase.CANCELLED: 1}, ExitCode.UNANSWERED),
        ({Phase.OK: 2}, ExitCode.UNANSWERED),
        ({}, ExitCode.UNANSWERED),
    ],
)
def test_many_commands_end_as_one_does(phases: dict[Phase, int], code: ExitCode) -> None:
    """Without one rule, a missed command ends with 4 when it is sent alone and with 1 when a filter names it."""
    assert exit_code(phases, 3) is code
    for phase, alone in ((Phase.OK, 0), (Phase.FAILED, 1), (Phase.MISSED, 4), (Phase.WAITING, 4)):
        assert exit_code({phase: 1}, 1) == alone


def test_help_lists_every_exit_code() -> None:
    """Without it, help says another number than the program ends with."""
    assert re.findall(r"(\d+) ", sentence()) == [str(int(code)) for code in ExitCode]
    assert sentence() in build_parser().format_help()


def test_the_tree_of_errors_shows_the_codes_that_they_have() -> None:
    """Without it, the drawing and the classes drift apart."""
    drawn = {name: int(code) for name, code in re.findall(r"(\w+Error) +(\d+) ", errors.__doc__ or "")}
    assert {"UsageError", "ConflictError", "UnreachableError", "BusyError"} <= drawn.keys()
    assert drawn == {name: vars(errors)[name].exit_code for name in drawn}


def test_no_other_module_has_a_number_to_end_with() -> None:
    """Without it, the same end has two numbers."""
    numbers = []
    for path in sorted(CONSOLE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            value = node.value if isinstance(node, ast.Assign | ast.AnnAssign) else None
            names = [ast.unparse(t) for t in getattr(node, "targets", [getattr(node, "target", None)]) if t]
            if any("exit_code" in name.lower() for name in names) and isinstance(value, ast.Constant):
                numbers.append(f"{path.name}: {ast.unparse(node)}")
    assert numbers == []
    kinds: list[type[ConsoleError]] = [ConsoleError, *ConsoleError.__subclasses__()]
    assert all(isinstance(kind.exit_code, ExitCode) for kind in kinds)


def test_help_shows_every_command_with_its_example() -> None:
    """Without the list, a command has a parser and no function, or a function and no help."""
    shown = build_parser().format_help()
    for name, verb in VERBS.items():
        assert verb.name == name
        assert f"\n    {name} " in shown
        assert verb.example.partition("device-console ")[2].startswith(name.partition(" ")[0])


@pytest.mark.parametrize("name", sorted(VERBS))
def test_read_only_refuses_what_changes_something(name: str) -> None:
    """Without the one place, a new command that changes something runs under --read-only."""
    settings = load({"read_only": True}, {}).settings
    options = argparse.Namespace(slots=4, probe=False, keep="400d")
    if name in CHANGE:
        with pytest.raises(UsageError, match=rf"^{name} .*, and --read-only forbids changes"):
            refuse_read_only(VERBS[name], options, settings)
    else:
        refuse_read_only(VERBS[name], options, settings)


def test_an_id_of_full_length_stands_whole_in_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    """Without it, what history prints cannot be given to show, cancel or retry."""
    command_id = "i" * MAX_ID_LENGTH
    output.print_columns(COLUMNS, [command(command_id=command_id)], NOW)
    assert capsys.readouterr().out.rstrip().endswith(f" {command_id}")


def test_read_only_shows_what_is_set() -> None:
    """Without it, a reader cannot see how many slots there are."""
    for name in ("ingest-slots", "retention"):
        refuse_read_only(VERBS[name], parse([name]), load({"read_only": True}, {}).settings)

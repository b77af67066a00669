"""What argparse would take for a flag, and is none."""

import asyncio
from pathlib import Path

import pytest

from console.cli.parser import parse
from console.domain.filters.language import Match, Scope, parse_filter
from console.errors import InvalidInputError
from console.settings import load
from console.shell.export import _format_of
from console.shell.registry import VERBS
from console.shell.run import run as run_verb


@pytest.mark.parametrize(
    "arguments",
    [
        ["devices", "-status:offline", "lyon"],
        ["devices", "lyon", "-status:offline", "--json"],
        ["devices", "-site:h", "-help", "-5"],
        ["problems", "-kind:link"],
        ["batches", "-by:alice", "--limit", "3"],
        ["devices", "lyon", "--json", "-tag:spare", "roof"],
    ],
)
def test_a_negated_word_is_a_word_of_the_filter(arguments: list[str]) -> None:
    """Without the care, `-status:offline` is an unrecognised argument, as it stands in our own help."""
    message = [word for word in arguments[1:] if not word.startswith("--") and word != "3"]
    scope = Scope(arguments[0])
    assert parse_filter(" ".join(parse(arguments).text), scope) == parse_filter(" ".join(message), scope)


def test_a_filter_that_begins_with_a_negation_can_be_given_to_where() -> None:
    """Without the care, `--where -phase:missed` has no argument."""
    options = parse(["history", "--where", "-phase:missed", "--limit", "2"])
    assert parse_filter(options.where, Scope.COMMANDS).terms == (Match("phase", ("missed",), negated=True),)
    assert options.limit == 2
    assert options.where == "-phase:missed"


@pytest.mark.parametrize(
    "before", [["cancel", "devices", "--reason"], ["devices", "--tenant"], ["--operator"]]
)
def test_the_value_of_another_flag_is_left_alone(
    before: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Without the look at what stands before it, a reason or a tenant gets a space in front."""
    with pytest.raises(SystemExit):
        parse([*before, "-x"])
    assert "expected one argument" in capsys.readouterr().err


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_stays_help(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the exception, `devices -h` seeks a device without an h."""
    with pytest.raises(SystemExit) as ended:
        parse(["devices", flag])
    assert ended.value.code == 0
    assert "FILTER" in capsys.readouterr().out


def test_a_flag_that_is_not_known_is_still_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the refusal, a slip of the pen is a filter that finds nothing."""
    for arguments in (
        ["devices", "--jsn"],
        ["devices", "-json"],
        ["send", "pump-1", "ping", "-x"],
        ["show", "one", "two"],
    ):
        with pytest.raises(SystemExit) as ended:
            parse(arguments)
        assert ended.value.code == 2
        assert f"unrecognized arguments: {arguments[-1]}" in capsys.readouterr().err


def test_a_time_to_wait_without_waiting_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Without it --timeout 3 is silently of no effect."""
    with pytest.raises(SystemExit) as ended:
        parse(["send", "pump-1", "ping", "--timeout", "3"])
    assert ended.value.code == 2
    assert "add --wait" in capsys.readouterr().err
    assert parse(["send", "pump-1", "ping", "--wait", "--timeout", "3"]).timeout == 3


@pytest.mark.parametrize(
    "arguments",
    [
        ["devices", "colour:red"],
        ["history", "--where", "age:soon"],
        ["problems", "site:lyon"],
        ["batches", "device:x"],
        ["send", "--where", "answer:ok", "ping"],
    ],
)
def test_a_filter_that_cannot_be_used_starts_no_server(arguments: list[str], tmp_path: Path) -> None:
    """Without the early look, a slip starts PostgreSQL and a broker only to be refused."""
    configuration, options = load({"home": str(tmp_path)}, {}), parse(arguments)
    with pytest.raises(InvalidInputError, match="cannot be used"):
        asyncio.run(run_verb(VERBS[options.command], options, configuration))
    assert list(tmp_path.iterdir()) == []


def test_the_name_of_an_export_says_its_format() -> None:
    """Without it JSON lines are written into a .xls."""
    assert [_format_of(Path(f"a.{form}")) for form in ("csv", "JSON", "jsonl")] == ["csv", "json", "jsonl"]
    assert _format_of(None) == "jsonl"
    with pytest.raises(InvalidInputError, match=r"must end in \.csv, \.json or \.jsonl"):
        _format_of(Path("x.xls"))

"""What argparse would take for a flag, and is none."""

import pytest

from console.cli.parser import parse
from console.domain.filters import Match, Scope, parse_filter


@pytest.mark.parametrize(
    "arguments",
    [
        ["devices", "-status:offline", "lyon"],
        ["devices", "lyon", "-status:offline", "--json"],
        ["devices", "-site:h", "-help", "-5"],
        ["problems", "-kind:link"],
        ["batches", "-by:alice", "--limit", "3"],
    ],
)
def test_a_negated_word_is_a_word_of_the_filter(arguments: list[str]) -> None:
    """Without the care, `-status:offline` is an unrecognised argument, as it stands in our own help."""
    said = [word for word in arguments[1:] if not word.startswith("--") and word != "3"]
    scope = Scope(arguments[0])
    assert parse_filter(" ".join(parse(arguments).text), scope) == parse_filter(" ".join(said), scope)


def test_a_filter_that_begins_with_a_negation_can_be_given_to_where() -> None:
    """Without the care, `--where -phase:missed` has no argument."""
    options = parse(["history", "--where", "-phase:missed", "--limit", "2"])
    assert parse_filter(options.where, Scope.COMMANDS).terms == (Match("phase", ("missed",), negated=True),)
    assert options.limit == 2


@pytest.mark.parametrize("flag", ["-h", "--help"])
def test_help_stays_help(flag: str, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the exception, `devices -h` seeks a device without an h."""
    with pytest.raises(SystemExit) as ended:
        parse(["devices", flag])
    assert ended.value.code == 0
    assert "FILTER" in capsys.readouterr().out


def test_a_flag_that_is_not_known_is_still_refused(capsys: pytest.CaptureFixture[str]) -> None:
    """Without the refusal, a slip of the pen is a filter that finds nothing."""
    with pytest.raises(SystemExit) as ended:
        parse(["devices", "--jsn"])
    assert ended.value.code == 2
    assert "--jsn" in capsys.readouterr().err

"""Two commands beside each other: what differs is marked, and nothing that differs looks the same."""

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from console.domain.commands import NEVER, Command, Phase
from console.domain.comparison import Pair, comparison
from console.domain.history import Around, HistoryPage, TypicalLatency
from console.domain.text.ascii import to_ascii
from console.tables.columns import Cell
from console.tui.lists.history_rows import HistoryRows
from console.tui.presenters.cells import line_width
from console.tui.presenters.comparison import MARK, comparison_lines
from console.tui.presenters.detail import around_lines
from console.tui.presenters.strip import CommandStrip

NOW = datetime(2026, 11, 30, 12, tzinfo=UTC)
TEN = timedelta(minutes=10)


def command(number: int = 0, **changes: Any) -> Command:
    at = NOW - timedelta(minutes=number)
    made = Command(
        "acme", f"c-{number}", "pump-1", "flush", "delivered", at, at + TEN, "bob", at, at + timedelta(seconds=0.4), "ok",
        '{"max_kb": 256}', '{"status": "ok", "details": {"freed_kb": 212}}', attempts=1,
    )  # fmt: skip
    return replace(made, **changes)


def found(left: Command, right: Command, section: str) -> list[tuple[str, str, str, bool]]:
    return [(p.key, p.left, p.right, p.differs) for p in comparison(left, right) if p.section == section]


def test_params_and_answers_are_compared_key_by_key():
    right = command(
        1, params_json='{"max_kb": 1024, "force": true}', ack_status="error",
        ack_json='{"status": "error", "details": {"code": "busy", "retry": {"after_s": 30}, "freed_kb": 212}}',
    )  # fmt: skip
    assert found(command(), right, "params") == [
        ("max_kb", "256", "1024", True), ("force", "–", "true", True),
    ]  # fmt: skip
    assert found(command(), right, "answer") == [
        ("status", "ok", "error", True), ("freed_kb", "212", "212", False),
        ("code", "–", "busy", True), ("retry.after_s", "–", "30", True),
    ]  # fmt: skip
    assert found(command(), right, "phase") == [("", "● ok", "✕ failed", True)]
    assert not any(pair.differs for pair in comparison(command(), command()))


def test_what_differs_never_looks_the_same():
    """Without the quotes 5 and "5" look alike, and nobody finds why the device refused it."""
    left = command(params_json='{"a": 5, "b": true, "c": null, "d": "", "e": 1.0, "f": [1]}')
    right = command(params_json='{"a": "5", "b": "true", "c": "null", "d": null, "e": 1, "f": ["1"]}')
    rows = found(left, right, "params")
    assert all(differs and mine != other for _, mine, other, differs in rows)
    assert rows[0][1:3] == ("5", '"5"')
    huge = command(params_json='{"a": 12345678901234567890123456789.10}')
    assert found(huge, left, "params")[0][1] == "12345678901234567890123456789.10"


@given(
    st.dictionaries(
        st.text(max_size=4), st.integers() | st.text(max_size=5) | st.booleans() | st.none(), max_size=4
    )
)
def test_a_document_is_as_it_is_itself(document):
    import json

    same = command(params_json=json.dumps(document))
    assert not any(pair.differs for pair in comparison(same, replace(same, command_id="other")))


@pytest.mark.parametrize(
    ("text", "shown"),
    [("{}", "–"), ("[1, 2]", "[1, 2]"), ('"x"', "x"), ("{bad", "{bad"), ("[" * 300, "[" * 300)],
)
def test_whatever_a_document_holds_is_compared(text, shown):
    rows = found(command(params_json=text), command(params_json=text), "params")
    assert [row[1] for row in rows] == [shown]
    assert not rows[0][3]
    assert found(command(params_json=text), command(), "params")[0][3] or text in {"[1, 2]", '"x"', "{}"}


def test_a_document_that_was_cut_is_compared_as_text():
    cut = command(params_json='{"a": 1, "b', has_all_params=False)
    assert found(cut, command(), "params") == [("", '{"a": 1, "b', '{"max_kb": 256}', True)]
    silent = command(ack_json=None, acked_at=None, ack_status=None, status="missed")
    assert found(silent, command(), "answer")[0] == ("status", "–", "ok", True)
    assert found(silent, silent, "answer") == [("", "–", "–", False)]
    assert found(replace(silent, ack_json="{", has_all_of_answer=False), silent, "answer") == [
        ("", "{", "", True)
    ]


def test_what_is_nested_too_deeply_or_named_twice_stays_whole():
    deep = command(params_json='{"a": {"b": {"c": {"d": {"e": 1}}}}}')
    assert found(deep, deep, "params") == [("a.b.c.d", '{"e": 1}', '{"e": 1}', False)]
    twice = command(ack_json='{"status": "ok", "details": {"status": "warm"}}')
    assert [row[0] for row in found(twice, twice, "answer")] == ["status", "details.status"]
    one, two = (command(params_json='{"a": ' + "[" * 900 + n + "]" * 900 + "}") for n in "12")
    assert found(one, one, "params")[0][3] is False
    assert found(one, two, "params")[0][3] is True
    bottomless = command(params_json="[" * 100_000)
    assert found(bottomless, command(), "params")[0][3] is True


def test_answer_times_differ_from_twice_as_long_on():
    quick, slow = command(), command(acked_at=NOW + timedelta(seconds=0.9))
    assert found(quick, slow, "answered") == [("", "0.40s", "0.90s", True)]
    assert found(quick, command(acked_at=NOW + timedelta(seconds=0.7)), "answered")[0][3] is False
    silent = command(acked_at=None)
    assert found(quick, silent, "answered") == [("", "0.40s", "–", True)]
    assert found(silent, silent, "answered") == [("", "–", "–", False)]
    assert found(command(expires_at=NEVER), quick, "ttl") == [("", "none", "10m", True)]
    assert found(quick, command(created_by=None), "sent by") == [("", "bob", "–", True)]


def test_no_control_code_passes_a_comparison():
    odd = command(
        params_json='{"a\\u001b[2J": "b\\u001b[2J"}', created_by="x\x1b", device_id="p\x1b", command_type="t\x07",
        ack_json='{"status": "\\u001b", "details": "\\u001b]52;"}', command_id="i\x1b",
    )  # fmt: skip
    for pair in comparison(odd, command()):
        assert "\x1b" not in "".join(map(str, (pair.key, pair.left, pair.right)))
    lines = comparison_lines(odd, command(), NOW, 80, UTC, shows_all=True)
    assert not any({"\x1b", "\x07"} & set(cell.text) for line in lines for cell in line)


def text_of(older: Command, newer: Command, width: int = 76, *, shows_all: bool = False) -> list[str]:
    lines = comparison_lines(older, newer, NOW, width, UTC, shows_all=shows_all)
    return ["".join(cell.text for cell in line).rstrip() for line in lines]


@pytest.mark.parametrize("width", [40, 56, 76, 116, 196])
def test_two_commands_stand_beside_each_other_at_every_width(width):
    newer = command(0, params_json='{"max_kb": 1024, "text": "' + "long " * 60 + '"}')
    lines = text_of(command(3), newer, width)
    assert max(map(len, lines)) <= max(width, 50)
    marked = [line for line in lines if line.endswith(MARK)]
    assert len(marked) == 2
    assert "1024" in marked[0]
    assert any("= shows all" in line for line in lines) or "shows all" in " ".join(lines)


@given(
    st.text(st.sampled_from("水a\u0301-漢 ｗ字、x "), min_size=1, max_size=400),
    st.text(st.sampled_from("水漢z- "), max_size=90),
    st.sampled_from([40, 57, 76, 116, 196]),
)
def test_wide_characters_break_no_column(left: str, right: str, width: int) -> None:
    """Without it the right value begins where the left one ends, and the mark of a difference is cut off."""
    older = command(3, params_json=json.dumps({"text": left}), command_id="水" * 40)
    newer = command(1, params_json=json.dumps({"text": right}))
    lines = comparison_lines(older, newer, NOW, width, UTC, shows_all=True)
    ends = {line_width(line[:3]) for line in lines if len(line) == 5}
    assert len(ends) == 1, "all right values begin in one column"
    assert all(line_width(line) <= max(width, 50) for line in lines)


def test_a_long_value_of_wide_characters_loses_its_end_and_nothing_between() -> None:
    text = "".join(chr(0x4E00 + n) for n in range(300))
    assert line_width((Cell(text),)) == 600
    older = command(3, params_json=json.dumps({"text": text}))
    lines = comparison_lines(older, command(1), NOW, 76, UTC, shows_all=False)
    shown = "".join(line[2].text.strip() for line in lines if len(line) == 5)
    (begin,) = re.findall(r"[^\x00-\x7f]+…", shown)
    assert text.startswith(begin[:-1])
    assert len(begin) > 50


def test_only_what_differs_is_shown_until_all_is_asked_for():
    lines = text_of(command(3), command(1, params_json='{"max_kb": 1024}'))
    assert any(line.split() == ["params", "max_kb", "256", "1024", MARK] for line in lines)
    assert not any(line.startswith("device") for line in lines)
    assert any(line.startswith("answered") for line in lines)
    assert "3m ago" in lines[0]
    assert any(line.startswith("device") for line in text_of(command(3), command(1), shows_all=True))
    assert "Nothing differs but when it was sent." in text_of(command(3), command(1))
    assert Pair("a", "b", "c", "d", differs=True).differs


# The strip above a history


def strip(phases: str, width: int = 80, cursor: int | None = None, *, more: bool = False) -> list[str]:
    """Draw these phases, oldest first: o ok, f failed, m missed, p published; `cursor` counts from the newest."""
    made: dict[str, dict[str, Any]] = {
        "o": {}, "f": {"ack_status": "error"}, "m": {"status": "missed", "acked_at": None, "ack_status": None},
        "p": {"status": "queued", "acked_at": None, "ack_status": None},
    }  # fmt: skip
    commands = [command(number, **made[one]) for number, one in enumerate(reversed(phases))]
    chosen = None if cursor is None else commands[cursor].command_id
    lines = CommandStrip(commands).lines(chosen, width, NOW, more=more, marks=True)
    return ["".join(cell.text for cell in line) for line in lines]


def test_each_command_is_a_symbol_with_the_newest_at_the_right():
    assert strip("oofomp", cursor=0) == [" ●●✕●◍◔", " 5m   ▴0s"]
    assert strip("oofomp", cursor=3)[1] == " 5 ▴3m"
    assert strip("o" * 60, cursor=59)[1] == " ▴59m"
    assert strip("oo", more=True)[0] == " ‹ ●●"
    assert strip("o") == []
    assert strip("oo", 29) == []
    assert CommandStrip([command(1), command(2)]).lines(None, 80, NOW, more=False, marks=False) == [
        ((Cell(" ", "dim")), Cell("●●", "ok"))
    ]
    assert strip("of" * 60, 40, cursor=119)[1].strip() == "35m", "what is left out has no mark"


def test_equal_neighbours_are_merged_only_where_they_must_be():
    assert "×" not in strip("o" * 78)[0]
    merged = strip("o" * 60 + "f" + "o" * 40)[0]
    assert merged == " " + "●×60" + "✕" + "●" * 40
    assert strip("o" * 40 + "ff" + "o" * 60, 60)[0] == " ●×40✕✕●×60"


def test_the_strip_can_be_read_in_ascii():
    """Without a twin of its own each number of merged ones begins with a question mark."""
    line, marks = strip("o" * 60 + "fm" + "o" * 60, 60, 3, more=True)
    assert to_ascii(line) == " < *:60x!*:60"
    assert "?" not in to_ascii(marks)


@given(st.text("ofmp", min_size=2, max_size=300), st.integers(30, 120), st.booleans())
def test_the_strip_fits_and_hides_nothing_bad_before_something_older(phases, width, more):
    """Without merging the good ones first, the one that failed is what falls out."""
    line, marks = strip(phases, width, cursor=len(phases) // 2, more=more)
    assert len(line) <= width
    assert len(marks) <= width
    shown = ""
    for symbol, letter in (("●", "o"), ("✕", "f"), ("◍", "m"), ("◔", "p")):
        line = line.replace(symbol, letter)
    import re

    body = line.strip().removeprefix("‹").strip()
    shown = "".join(letter * int(count or 1) for letter, count in re.findall(r"([ofmp])(?:×(\d+))?", body))
    assert phases.endswith(shown)
    assert shown == phases or line.lstrip().startswith("‹")


@pytest.mark.parametrize("cursor", [0, 5, 45, 99, 110, 120])
def test_the_mark_stands_below_the_symbol_of_the_command(cursor):
    phases = "o" * 60 + "f" + "o" * 60
    line, marks = strip(phases, 60, cursor)
    symbol = line[marks.index("▴")]
    place = len(phases) - 1 - cursor
    assert (symbol == "✕") == (phases[place] == "f")


def test_the_next_bad_one_is_found_in_both_directions():
    rows = HistoryRows()
    commands = [command(number, ack_status="error" if number in {2, 5} else "ok") for number in range(8)]
    rows.put_head(HistoryPage(tuple(commands), NOW, more=False))
    assert [rows.commands[key].phase is Phase.FAILED for key in rows.order].count(True) == 2
    assert rows.next_bad("c-0", 1) == "c-2"
    assert rows.next_bad("c-2", 1) == "c-5"
    assert rows.next_bad("c-5", 1) is None
    assert rows.next_bad("c-7", -1) == "c-5"
    assert rows.next_bad("c-2", -1) is None
    assert rows.next_bad("gone", 1) is None


# What a detail shows of the commands around it


def test_a_strip_looks_at_each_command_once_however_often_it_is_drawn():
    """Without it each key in a long history looks at the phase of all that is loaded."""
    looked: list[str] = []

    class Looked(list[Command]):
        def __iter__(self) -> Iterator[Command]:
            for one in super().__iter__():
                looked.append(one.command_id)
                yield one

    mixed = [command(n, **({"ack_status": "error"} if n % 3 else {})) for n in range(300)]
    drawn = CommandStrip(Looked(mixed))
    times = len(looked)
    lines = [drawn.lines(one.command_id, 80, NOW, more=False, marks=True) for one in mixed]
    assert len(looked) == times
    assert len({line[0] for line in lines}) == 1, "what is merged for a width stays as it was for the next"
    assert lines[0][0][0].text == " ‹ "


def around_text(around: Around, of: Command, width: int = 76) -> list[str]:
    return ["".join(cell.text for cell in line) for line in around_lines(around, of, NOW, width)]


def test_those_like_it_are_shown_as_many_as_fit_and_the_usual_time_beside_its_own():
    like = (
        command(3), command(60, ack_status="error", ack_json='{"status": "error", "details": {"code": "busy\\u001b"}}'),
        command(300, status="missed", acked_at=None, ack_status=None), command(600),
    )  # fmt: skip
    usual = TypicalLatency(23, timedelta(seconds=0.31))
    lines = around_text(Around(like, usual), command(acked_at=NOW + timedelta(seconds=0.84)))
    assert lines == [
        "like it   3m ago ● ok 0.40s  1h ago ✕ failed busy␛  5h ago ◍ missed",
        "usually   within 0.31s (95 % of 23 answers); this one took 0.84s",
        "",
    ]
    slow = around_lines(Around(like, usual), command(acked_at=NOW + timedelta(seconds=0.84)), NOW, 76)
    assert slow[1][1].tone == "warn"
    assert around_text(Around(like), command(), 40)[0] == "like it   3m ago ● ok 0.40s"
    assert around_text(Around(usual=TypicalLatency(4, timedelta(seconds=1))), command()) == []
    assert around_text(Around(usual=usual), command(acked_at=None)) == []

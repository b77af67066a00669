"""A command as JSON: one shape for the shell, the clipboard and the file."""

import json
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest

from console.domain.command_json import MOST_DEPTH, command_fields, detail_json, instant, json_object
from console.domain.documents import TOO_LONG, Document, is_whole
from console.domain.history import CommandDetail, JournalEntry
from console.domain.reasons import Outcome, Reason
from tests.unit.test_presenters_commands import command

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


def test_documents_go_in_as_they_are() -> None:
    """Without it 1.10 becomes 1.1, and 1e400 a word that is no JSON."""
    given = command(
        params_json='{"delay_s": 1.10, "far": 1e400, "id": 12345678901234567890123}', ack_json=None
    )
    text = detail_json(CommandDetail(given, (), NOW))
    assert '"params": {"delay_s": 1.10, "far": 1e400, "id": 12345678901234567890123}' in text
    assert json.loads(text, parse_float=str)["params"]["far"] == "1e400"
    assert json.loads(text)["ack_details"] is None


def test_it_says_how_it_stands_why_and_what_happened() -> None:
    refused = Reason(Outcome.REFUSED, None, "quota")
    entries = (
        JournalEntry(NOW, "retry_of", "alice", "old-1"),
        JournalEntry(NOW, "attempt", None, "quota", 2, refused),
    )
    found = json.loads(detail_json(CommandDetail(command(), entries, NOW)))
    assert found["journal"] == [
        {"at": "2026-03-01T12:00:00+00:00", "kind": "retry_of", "by": "alice", "detail": "old-1",
         "attempt": None, "outcome": None, "blocked_by": None},
        {"at": "2026-03-01T12:00:00+00:00", "kind": "attempt", "by": None,
         "detail": "attempt 2: the broker refused it: quota",
         "attempt": 2, "outcome": "refused", "blocked_by": None},
    ]  # fmt: skip
    assert set(command_fields(command())) | {
        "params",
        "ack_details",
        "explained",
        "answer_verdict",
        "journal",
    } == set(found)
    assert found["explained"]


@pytest.mark.parametrize("text", ['{"t": "é\x7f\u202e😀"}', '["\u2028"]'])
def test_nothing_beyond_ascii_comes_out_and_all_of_it_comes_back(text: str) -> None:
    """Without the escapes a direction mark of a device turns the line around in the reader's terminal."""
    line = json_object({"site": "Ünder\x1b"}, {"params": Document(text)})
    assert line.isascii()
    assert line.isprintable()
    assert json.loads(line) == {"site": "Ünder\x1b", "params": json.loads(text)}


def test_what_is_too_deep_for_readers_goes_in_as_text() -> None:
    """Without it one deep answer makes the whole line unreadable."""
    shallow, deep = "[" * MOST_DEPTH + "]" * MOST_DEPTH, "[" * (MOST_DEPTH + 1) + "]" * (MOST_DEPTH + 1)
    assert json.loads(json_object({}, {"params": Document(deep)})) == {"params": deep}
    assert json_object({}, {"params": Document(shallow)}) == f'{{"params": {shallow}}}'


def test_a_document_that_was_cut_goes_in_as_text() -> None:
    """Without it an answer of 64 kB of small numbers, which PostgreSQL spells longer, makes the line no JSON."""
    cut = '{"status": "ok", "details": [1, 1, 1, 1'
    found = json.loads(detail_json(CommandDetail(command(ack_json=cut, has_all_of_answer=False), (), NOW)))
    assert found["ack_details"] == cut


def test_instants_are_reported_in_utc() -> None:
    assert (
        instant(datetime(2026, 3, 1, 13, tzinfo=timezone(timedelta(hours=1)))) == "2026-03-01T12:00:00+00:00"
    )
    assert instant(None) is None


def test_what_is_whole_is_embedded_and_what_was_cut_is_a_text() -> None:
    """Without the mark, a number that was cut is taken for another number."""
    assert [is_whole(text, 6) for text in ("123456", "1234567", "")] == [True, False, True]
    assert not is_whole(TOO_LONG, 70_000)
    assert Document("123456", complete=True).as_json == "123456"
    assert Document("123456", complete=False).as_json == '"123456"'
    assert Document(TOO_LONG, complete=False).as_json == TOO_LONG


def test_what_stands_for_a_document_that_is_too_long_is_what_the_database_says() -> None:
    functions = (Path(__file__).parents[2] / "migrations" / "repeatable" / "10_values.sql").read_text("utf-8")
    assert TOO_LONG in functions

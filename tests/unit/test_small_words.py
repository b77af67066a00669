"""Words that are seldom said, each once."""

import codecs
from dataclasses import replace
from datetime import timedelta

import pytest

from console.domain.history import HistoryPage
from console.domain.publication import Puback
from console.domain.text.ascii import replaced
from console.domain.text.safe import cell_width
from tests.unit.test_presenters_commands import NOW, detail


def test_what_an_encoding_cannot_say_becomes_ascii_or_a_question_mark():
    codecs.register_error("plain", replaced)
    assert "● ok … é界".encode("ascii", "plain") == b"* ok ~ ??"
    with pytest.raises(UnicodeDecodeError):
        b"\xff".decode("utf-8", "plain")


def test_cells_are_counted_as_a_terminal_counts_them():
    assert [cell_width(text) for text in ("abc", "ä", "界界", "e\u0301")] == [3, 1, 4, 1]


def test_a_refusal_says_what_to_do():
    assert "smaller params" in Puback(0x95).hint
    assert "right to publish" in Puback(0x87).hint
    assert Puback(0x80).hint == "check its limits and access rules"


def test_a_page_without_rows_has_no_end():
    assert HistoryPage((), NOW, more=False).end is None


@pytest.mark.parametrize(
    ("given", "says"),
    [
        (detail(expires_at=NOW - timedelta(seconds=1)), "Its deadline has passed; the sweep will end it."),
        (detail(("nobody_listens", None, None), status="missed", published_at=NOW), "the broker reported no subscriber"),
        (detail(("late_ack", None, None), status="missed", published_at=NOW), "an answer came later and is only recorded"),
        (
            detail(status="delivered", ack_status="ok", published_at=NOW, acked_at=NOW + timedelta(hours=2)),
            ": late, after the deadline",
        ),
        (
            detail(
                status="delivered", ack_status="ok", published_at=NOW, acked_at=NOW + timedelta(hours=2),
                cancelled_at=NOW, cancelled_by="bob",
            ),
            ": late, after bob had cancelled it",
        ),
    ],
)  # fmt: skip
def test_each_end_has_its_sentence(given, says):
    from console.domain.explain import explain

    assert says in explain(replace(given, device_seen_at=NOW))

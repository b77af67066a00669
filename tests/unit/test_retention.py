"""A retention as it is typed and shown."""

from datetime import timedelta

import pytest

from console.domain.retention import Retention, asks_first, keep_words, parse_keep
from console.errors import InvalidInputError
from console.shell.doctor.examine import _retention
from console.store.leases import RETENTION, Holder

KEEP = timedelta(days=400)


@pytest.mark.parametrize(
    ("typed", "keep"),
    [("400d", KEEP), (" 30D ", timedelta(days=30)), ("1d", timedelta(days=1)), ("36525d", timedelta(days=36_525)),
     ("off", None), ("OFF", None)],
)  # fmt: skip
def test_days_are_read(typed: str, keep: timedelta | None) -> None:
    assert parse_keep(typed) == keep


@pytest.mark.parametrize(
    "typed",
    ["", "400", "d", "0d", "36526d", "-1d", "1.5d", "4w", "1h", "400d400d", "٤d", "9" * 400 + "d", "on"],
)
def test_what_is_not_a_number_of_days_is_refused_with_an_example(typed: str) -> None:
    """Without it, a slip of the finger decides what is deleted."""
    with pytest.raises(InvalidInputError, match="400d, or off|are allowed, or off") as refused:
        parse_keep(typed)
    assert len(str(refused.value)) < 150


def test_only_a_short_one_is_asked_about() -> None:
    """Without it, last week's history goes because of a typing error."""
    assert [asks_first(parse_keep(typed)) for typed in ("29d", "30d", "400d", "off")] == [
        True,
        False,
        False,
        False,
    ]


def test_a_sentence_says_what_happens() -> None:
    """Without the difference, a retention that deletes nothing looks like one that does."""
    assert keep_words(Retention(None, is_own=True, is_on=False)) == "ended commands are never deleted"
    own = Retention(KEEP, is_own=True, is_on=True)
    assert keep_words(own) == "ended commands are deleted 400 days after their deadline"
    assert "but nothing is deleted" in keep_words(Retention(KEEP, is_own=False, is_on=False))
    assert keep_words(Retention(timedelta(days=1), is_own=True, is_on=True)).endswith(
        "1 day after their deadline"
    )


@pytest.mark.parametrize(
    ("is_stale", "level", "words"),
    [
        (False, "ok", "the worker on host-1 (process 7) does so"),
        (True, "note", "no live process does so now"),
    ],
)
def test_doctor_names_who_deletes(*, is_stale: bool, level: str, words: str) -> None:
    """Without it, nobody sees that a retention is set and no worker follows it."""
    holder = Holder(RETENTION, "worker", "host-1", 7, "", 60.0, 1.0, is_stale=is_stale, has_ended=False)
    finding = _retention(Retention(KEEP, is_own=True, is_on=True), [holder])
    assert (finding.level, finding.text.partition("; ")[2]) == (level, words)

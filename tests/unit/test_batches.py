"""A batch's ids, and the groups of its answers."""

import json
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.domain.batches import MOST_GROUPS, Batch, BatchDraft, BatchView, gather
from console.domain.commands import Phase, parse_ttl, ttl_text
from console.domain.history import HistoryPage
from tests.unit.test_history_rows import NOW

VALUES = st.one_of(
    st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text(max_size=2), st.booleans()
)
DRAFT = BatchDraft("5b0c9a52-0000-4000-8000-000000000001", "ping", "{}", timedelta(hours=1), "all", 2)


def test_a_commands_id_follows_from_batch_and_device() -> None:
    other = BatchDraft("5b0c9a52-0000-4000-8000-000000000002", "ping", "{}", timedelta(hours=1), "all", 2)
    assert DRAFT.command_id("pump-1") == DRAFT.command_id("pump-1")
    assert len({DRAFT.command_id("pump-1"), DRAFT.command_id("pump-2"), other.command_id("pump-1")}) == 3
    assert DRAFT.faults(65_536) == ()
    assert len(BatchDraft("x", " ", "[]", timedelta(0), "all", 2).faults(65_536)) == 3


def test_an_answer_that_is_no_object_of_ours_is_a_group_of_its_own() -> None:
    odd = [(Phase.OK, text, 1, ("d",)) for text in ("not json", "[" * 100_000, "{}", '{"details": [1]}')]
    groups = gather(odd)
    assert [group.fields for group in groups] == [{"status": "?"}, {"status": "?"}, {}, {}]


@given(st.lists(st.tuples(st.sampled_from(["ok", "busy"]), VALUES), max_size=60))
def test_groups_lose_and_invent_nobody(answers: list[tuple[str, object]]) -> None:
    exact = {json.dumps({"status": s, "details": {"v": v}}): n + 1 for n, (s, v) in enumerate(answers)}
    groups = gather([(Phase.OK, text, count, ("d",)) for text, count in exact.items()])
    assert sum(group.count for group in groups) == sum(exact.values())
    assert sorted(text for group in groups for text in group.answers) == sorted(exact)
    if len(exact) <= MOST_GROUPS:
        assert len(groups) == len(exact)
    for group in groups:
        kinds = {type(json.loads(text)["details"]["v"]) in {int, float} for text in group.answers}
        assert len(kinds) == 1
        assert len({json.loads(text)["status"] for text in group.answers}) == 1


def test_an_empty_page_ends_nowhere() -> None:
    assert HistoryPage((), NOW, more=False).end is None


def test_a_view_counts_what_is_over_and_what_can_be_sent_again() -> None:
    phases = {Phase.OK: 3, Phase.MISSED: 2, Phase.WAITING: 1, Phase.CANCELLED: 4}
    view = BatchView(Batch(DRAFT, NOW), phases, (), NOW)
    assert (view.committed, view.settled, view.retriable, view.batch.batch_id) == (10, 9, 2, DRAFT.batch_id)


@given(st.integers(0, 7 * 86_400))
def test_a_ttl_is_written_as_it_is_read(seconds: int) -> None:
    text = ttl_text(timedelta(seconds=seconds))
    assert parse_ttl(text) == timedelta(seconds=seconds) or seconds < 5

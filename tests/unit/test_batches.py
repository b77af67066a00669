"""A batch's ids, and the groups of its answers."""

import json
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.domain.answer_groups import gather
from console.domain.batches import AnswerGroup, Batch, BatchDraft, BatchState, BatchView, Unsent, state_of
from console.domain.commands import Phase
from console.domain.history import HistoryPage
from console.domain.phases import PHASE_SYMBOLS
from console.domain.text.ascii import to_ascii
from console.domain.ttl import parse_ttl, ttl_text
from console.limits import MAX_TTL, MIN_TTL
from console.tui.lists.batch_outcomes import MOST_AT_ONCE, BatchOutcomes
from console.tui.lists.unsent_devices import unsent_rows
from console.tui.presenters.batches import (
    batch_cells,
    batch_line,
    group_cells,
    group_columns,
    nothing_line,
    progress_lines,
    shares,
)
from console.tui.presenters.cells import fit_columns
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
    assert [group.fields for group in groups] == [{"status": "?"}, {"status": "?"}, {}, {"details": "[1]"}]


@given(st.lists(st.tuples(st.sampled_from(["ok", "busy"]), VALUES), max_size=60))
def test_groups_lose_and_invent_nobody(answers: list[tuple[str, object]]) -> None:
    exact = {json.dumps({"status": s, "details": {"v": v}}): n + 1 for n, (s, v) in enumerate(answers)}
    groups = gather([(Phase.OK, text, count, ("d",)) for text, count in exact.items()])
    assert sum(group.count for group in groups) == sum(exact.values())
    assert sorted(text for group in groups for text in group.answers) == sorted(exact)
    for group in groups:
        values = [json.loads(text)["details"]["v"] for text in group.answers]
        if group.fields["v"] == "varies":
            assert len({str(value) for value in values}) > 1
        elif " to " in group.fields["v"]:
            assert all(type(value) in {int, float} for value in values)
        assert len({json.loads(text)["status"] for text in group.answers}) == 1


def test_groups_do_not_jump_while_answers_come_in() -> None:
    def exact(count: int) -> list[tuple[Phase, str | None, int, tuple[str, ...]]]:
        return [(Phase.OK, f'{{"status": "ok", "details": {{"v": {n}}}}}', 1, ("d",)) for n in range(count)]

    assert [len(gather(exact(count))) for count in (1, 2, 24, 25, 60)] == [1] * 5


def _dump(n: int, **more: object) -> tuple[Phase, str | None, int, tuple[str, ...]]:
    wifi = {"rssi": -60 - n, "ssid": "plant"}
    details = {"mac": f"AA:{n:02}", "up": f"{n}T01:02", "fw": "1.4", "wifi": wifi, **more}
    return (Phase.OK, json.dumps({"status": "ok", "details": details}), 1, (f"pump-{n}",))


def test_status_dumps_of_many_devices_are_one_group_and_a_different_one_stands_out() -> None:
    """Without it, 111 devices that said the same in their own words are 111 groups of one."""
    groups = gather([_dump(n) for n in range(20)] + [_dump(20, fw="1.3")])
    assert [group.count for group in groups] == [20, 1]
    assert groups[0].fields == {
        "status": "ok", "fw": "1.4", "mac": "varies", "up": "varies", "wifi.rssi": "-79 to -60", "wifi.ssid": "plant",
    }  # fmt: skip
    assert groups[1].fields["fw"] == "1.3"
    assert groups[1].sample == ("pump-20",)


def test_what_tells_why_it_failed_is_never_called_varying() -> None:
    """Without it, five devices with five reasons are one group that says nothing."""
    reasons = [json.dumps({"status": "error", "details": {"code": f"E{n}", "at": f"t{n}"}}) for n in range(5)]
    groups = gather([(Phase.FAILED, text, 1, ("d",)) for text in reasons])
    assert sorted(group.fields["code"] for group in groups) == ["E0", "E1", "E2", "E3", "E4"]
    two = gather([_dump(n, mac=f"BB:{n}") for n in range(2)])
    assert [group.fields["mac"] for group in two] == ["BB:0", "BB:1"], "of two, what differs may be news"


def test_the_names_of_the_devices_stay_at_80_columns() -> None:
    """Without it the row of what failed does not say who."""
    groups = gather([_dump(n, a=n, b=n, c=n, d=n, e=n) for n in range(4)])
    shown = [column.key for column, _ in fit_columns(group_columns(groups), 77, {})]
    assert "sample" in shown
    assert "count" in shown


def test_an_empty_page_ends_nowhere() -> None:
    assert HistoryPage((), NOW, more=False).end is None


def test_a_view_counts_what_is_over_and_what_can_be_sent_again() -> None:
    phases = {Phase.OK: 3, Phase.MISSED: 2, Phase.WAITING: 1, Phase.CANCELLED: 4}
    view = BatchView(Batch(DRAFT, NOW), phases, (), NOW)
    assert (view.committed, view.settled, view.retriable, view.batch.batch_id) == (10, 9, 2, DRAFT.batch_id)


@given(st.integers(int(MIN_TTL.total_seconds()), int(MAX_TTL.total_seconds())))
def test_a_ttl_is_written_as_it_is_read(seconds: int) -> None:
    text = ttl_text(timedelta(seconds=seconds))
    assert parse_ttl(text) == timedelta(seconds=seconds)


@given(st.lists(st.integers(0, 1_000_000), min_size=1, max_size=9), st.integers(10, 200))
def test_the_bar_is_exactly_full_and_nobody_is_left_out_of_it(counts: list[int], room: int) -> None:
    sizes = shares(counts, room)
    assert sum(sizes) == (room if sum(counts) else 0)
    assert [size > 0 for size in sizes] == [count > 0 for count in counts]


def test_each_phase_has_a_glyph_of_its_own_in_the_bar_also_in_ascii() -> None:
    phases = dict.fromkeys(Phase, 3)
    view = BatchView(Batch(replace(DRAFT, wanted=30), NOW), phases, (), NOW)
    bar = "".join(cell.text for cell in progress_lines(view, None, 120)[0]).partition("▏")[0].strip()
    settled = [phase for phase in Phase if phase.settled or phase is Phase.UNKNOWN]
    assert len(set(bar)) == len(set(to_ascii(bar))) == len(settled) + 1, "and one for what is under way"
    assert not {PHASE_SYMBOLS[phase] for phase in Phase if phase is not Phase.UNKNOWN} & set(bar), "torn"


def test_a_bar_is_full_once_all_have_settled() -> None:
    view = BatchView(Batch(replace(DRAFT, wanted=3), NOW), {Phase.OK: 1, Phase.MISSED: 2}, (), NOW)
    for width in range(50, 130):
        line = "".join(cell.text for cell in progress_lines(view, None, width)[0])
        assert len(line) <= width
        assert " ▏" not in line, "the rest of the track is empty"


def test_a_retry_says_so_once() -> None:
    draft = replace(DRAFT, target=f"retry of {DRAFT.batch_id}", retry_of=DRAFT.batch_id)
    view = BatchView(Batch(draft, NOW), {}, (), NOW)
    message = "".join(cell.text for cell in batch_line(view, NOW, 120))
    assert message.count("retry of") == 1
    assert "retry of 5b0c9a52 " in message


def test_numbers_and_ranges_stand_to_the_right() -> None:
    groups = [
        AnswerGroup(Phase.OK, (), 2, ("a", "b"), {"status": "ok", "n": "3 to 12"}),
        AnswerGroup(Phase.FAILED, (), 9, ("c",), {"status": "error", "n": "-1.5"}),
    ]
    columns = {column.title: column for column in group_columns(groups)}
    assert (columns["N"].right, columns["STATUS"].right) == (True, False)
    assert group_cells(groups[1])["sample"].text == "c +8"


def batch(wanted: int = 240, number: int = 1, *, stopped: bool = False) -> Batch:
    draft = replace(DRAFT, batch_id=f"b-{number}", wanted=wanted)
    return Batch(draft, NOW, NOW if stopped else None, "bob" if stopped else None)


def test_the_row_of_a_bulk_send_counts_its_outcomes_and_says_its_state() -> None:
    """Without it the list says what was sent, and not what came of it."""

    def row(one: Batch, phases: dict[Phase, int] | None, *, is_sending: bool = False) -> tuple[str, str]:
        cells = batch_cells(one, NOW, phases, is_sending=is_sending)
        return cells["went"].text, cells["state"].text

    some = {Phase.OK: 14, Phase.MISSED: 41}
    assert row(batch(), some) == ("● 14 ◍ 41 · 185", "! 185 got nothing")
    assert row(batch(55), some) == ("● 14 ◍ 41", "✓ done")
    assert row(batch(56), {**some, Phase.PUBLISHED: 1}) == ("● 14 ◍ 41 ◔ 1", "◔ running, 1 open")
    assert row(batch(), {}, is_sending=True) == ("· 240", "◔ sending")
    assert row(batch(stopped=True), some) == ("● 14 ◍ 41 · 185", "⊘ stopped by bob")
    assert row(batch(56, stopped=True), {**some, Phase.WAITING: 1})[1] == "⊘ stopped by bob, 1 open"
    assert row(batch(), None) == ("…", "…")
    assert row(batch(stopped=True), None) == ("…", "⊘ stopped by bob")
    assert row(batch(0), {}) == ("–", "✓ done")


def test_a_bulk_send_is_done_once_nothing_more_can_happen() -> None:
    assert state_of(batch(2), {Phase.OK: 2}, is_sending=False) is BatchState.DONE
    assert state_of(batch(2), {Phase.OK: 1}, is_sending=False) is BatchState.UNFINISHED
    assert state_of(batch(2), {Phase.OK: 1}, is_sending=True) is BatchState.SENDING
    assert state_of(batch(2), {Phase.OK: 1, Phase.IN_PROGRESS: 1}, is_sending=False) is BatchState.RUNNING
    assert state_of(batch(2, stopped=True), {Phase.WAITING: 1}, is_sending=True) is BatchState.STOPPED


def test_only_so_many_commands_are_counted_at_a_time_and_settled_ones_rarely() -> None:
    """Without the bound a list of large bulk sends reads a million rows with each hint."""
    outcomes, small, large = BatchOutcomes(), batch(10, 1), batch(MOST_AT_ONCE, 2)
    assert outcomes.due([large, small], 100.0) == ("b-2",), "at least one, whatever its size"
    outcomes.take({"b-2": {Phase.OK: MOST_AT_ONCE}}, 0.5, 100.0)
    assert not outcomes.has_all(["b-1", "b-2"])
    assert outcomes.due([large, small], 100.1) == ("b-1",)
    outcomes.take({"b-1": {Phase.PUBLISHED: 10}}, 0.001, 100.1)
    assert outcomes.has_all(["b-1", "b-2"])
    assert outcomes.get("b-1") == {Phase.PUBLISHED: 10}
    assert outcomes.get("b-9") is None
    assert outcomes.due([large, small], 101.0) == ()
    assert outcomes.due([large, small], 102.2) == ("b-1",)
    assert outcomes.due([large, small], 159.0) == ("b-1",)
    outcomes.take({"b-1": {Phase.PUBLISHED: 10}}, 5.0, 160.0)
    assert outcomes.due([small], 200.0) == (), "it rests for longer than it took"


def test_who_got_nothing_is_named_with_how_many_more() -> None:
    unsent = Unsent(("pump-1", "pump-2", "pump-3"), ("gone\x1b[2J",), 2)
    groups = (AnswerGroup(Phase.EXPIRED, (), 9, ("pump-7",)), AnswerGroup(Phase.OK, (), 5, ("pump-9",)))
    view = BatchView(batch(20), {Phase.OK: 5, Phase.EXPIRED: 9}, groups, NOW, unsent)

    def line(width: int, shown: BatchView = view) -> str:
        return "".join(cell.text for cell in nothing_line(shown, width))

    assert line(120) == " 15 got nothing: pump-1, pump-2, pump-3, gone␛[2J, pump-7 +10"
    assert line(44) == " 15 got nothing: pump-1, pump-2, pump-3 +12"
    assert line(20) == " 15 got nothing: pump-1 +14"
    assert line(80, replace(view, unsent=Unsent(deleted=3), groups=())) == (
        " 3 got nothing: their commands have been deleted"
    )
    assert nothing_line(replace(view, unsent=Unsent(), groups=()), 80) == ()
    assert (view.left, view.unsendable) == (3, 3)


def test_each_reason_to_have_no_command_is_a_row_with_all_names() -> None:
    unsent = Unsent(tuple(f"pump-{n}" for n in range(600)), ("gone\x1b[2J",), 1)
    view = BatchView(batch(700), {}, (), NOW, unsent)
    rows = list(unsent_rows(view).values())
    assert [(row.why, row.count, row.can_be_sent_to) for row in rows] == [
        ("not sent", 600, True), ("refused", 1, False), ("deleted", 1, False),
    ]  # fmt: skip
    assert rows[0].title == "600 devices got nothing: R sends to them"
    assert rows[0].text.split("\n")[-2:] == ["pump-499", "… and 100 more"]
    assert "\x1b" not in rows[1].text
    assert rows[2].text == "… and 1 more"
    stopped = unsent_rows(replace(view, batch=batch(700, stopped=True)))
    assert next(iter(stopped.values())).title.endswith("it was stopped before their turn")
    assert unsent_rows(replace(view, unsent=Unsent())) == {}


def test_why_something_failed_has_its_column_before_what_most_devices_said() -> None:
    """Without it three groups that failed for three reasons look the same at 80 columns."""
    groups = (
        AnswerGroup(Phase.OK, (), 90, ("a",), {"status": "ok", "rssi": "-90", "rtt": "3"}),
        AnswerGroup(Phase.FAILED, (), 2, ("b",), {"status": "error", "code": "busy"}),
    )
    assert [column.key for column in group_columns(groups)][2:5] == [
        "field:status",
        "field:code",
        "field:rssi",
    ]

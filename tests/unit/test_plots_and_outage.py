"""Small plots, and what is told when the broker is back."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.domain.commands import Command
from console.services.health import HealthView, LinkState
from console.tui.presenters.header import OutboxDepth
from console.tui.presenters.plots import BARS, plots_line, sparkline
from console.tui.presenters.times import instant
from console.tui.state.outage import BrokerOutage

NOW = datetime(2026, 3, 1, 12, tzinfo=UTC)


@given(st.lists(st.one_of(st.none(), st.floats(0, 1e9))))
def test_a_sparkline_has_one_character_for_each_value(values: list[float | None]) -> None:
    line = sparkline(values)
    assert len(line) == len(values)
    assert set(line) <= {*BARS, " "}
    assert [c == " " for c in line] == [v is None for v in values]


def test_the_highest_is_full_and_the_lowest_stays_visible() -> None:
    assert sparkline([0, 1, 10, None]) == "▁▂█ "
    assert sparkline([0, 0]) == "▁▁"


def _command(number: int, status: str, took_s: float | None) -> Command:
    created = NOW - timedelta(minutes=number)
    return Command(
        "acme", f"c{number}", "pump-1", "ping", status, created, created + timedelta(hours=1), published_at=created,
        acked_at=None if took_s is None else created + timedelta(seconds=took_s),
        ack_status=None if took_s is None else "ok",
    )  # fmt: skip


def test_latency_and_outcomes_are_plotted_over_time() -> None:
    commands = [_command(n, "delivered", 0.2) for n in range(9)] + [_command(60, "missed", None)]
    text = "".join(cell.text for cell in plots_line(commands, 120))
    assert "p50 0.20s" in text
    assert "not ok" in text
    assert "10%" in text
    assert "over 1h" in text
    assert plots_line(commands[:4], 120) == ()


def test_where_nothing_was_answered_is_a_dot_and_where_nothing_ended_a_space() -> None:
    commands = [_command(n, "delivered", 0.2) for n in range(9)] + [_command(60, "missed", None)]
    text = "".join(cell.text for cell in plots_line(commands, 120)).removeprefix(" answer time ")
    assert text.startswith("·   ")


@given(st.integers(20, 200))
def test_plots_fit_whatever_the_width_and_keep_the_share_whole(width: int) -> None:
    commands = [_command(n, "missed", None) for n in range(9)]
    text = "".join(cell.text for cell in plots_line(commands, width))
    assert len(text) <= width
    assert not text or text.rstrip().endswith(("100%", "over 8m"))


def test_a_time_without_trouble_is_a_dot_and_not_a_bar() -> None:
    cells = plots_line([_command(n, "delivered", 0.2) for n in range(9)], 120)
    outcomes = "".join(cell.text for cell in cells).partition("not ok")[2]
    assert "·" in outcomes
    assert not set(outcomes) & set(BARS)
    assert not any(cell.tone == "warn" for cell in cells)


def test_one_slow_answer_does_not_flatten_the_others() -> None:
    commands = [_command(n, "delivered", 0.2) for n in range(40)] + [_command(90, "delivered", 3_000.0)]
    bars = next(cell.text for cell in plots_line(commands, 120) if cell.tone == "accent")
    assert bars.count("█") == len(bars.replace(" ", ""))


def test_what_happened_all_at_once_is_not_plotted() -> None:
    assert plots_line([_command(1, "delivered", 0.2)] * 9, 120) == ()


def _view(*, up: bool, since: float, now: float = 100.0) -> HealthView:
    link = LinkState(up=up, since=since)
    return HealthView(now, link, link, "on", "on", "on", None)


def test_an_outage_is_reported_when_it_is_over_and_again_when_all_is_published() -> None:
    outage = BrokerOutage()
    assert outage.observe(_view(up=False, since=10), OutboxDepth(0)) == ""
    assert outage.observe(_view(up=False, since=10), OutboxDepth(7)) == ""
    assert (
        outage.observe(_view(up=True, since=44), OutboxDepth(3))
        == "The broker is back after 34s. 7 commands waited."
    )
    assert outage.observe(_view(up=True, since=44), OutboxDepth(1)) == ""
    assert "outbox is empty again" in outage.observe(_view(up=True, since=44), OutboxDepth(0))
    assert outage.observe(_view(up=True, since=44), OutboxDepth(0)) == ""


def test_a_blink_is_not_worth_a_word() -> None:
    outage = BrokerOutage()
    outage.observe(_view(up=False, since=10), OutboxDepth(0))
    assert outage.observe(_view(up=True, since=11), OutboxDepth(0)) == ""


def test_instants_are_reported_in_a_zone_and_the_edges_of_the_calendar_do_no_harm() -> None:
    from datetime import timezone

    paris = timezone(timedelta(hours=1))
    assert instant(NOW, NOW) == "12:00:00"
    assert instant(NOW, NOW, zone=paris) == "13:00:00"
    late = NOW.replace(hour=23, minute=50)
    assert instant(late + timedelta(minutes=20), late) == "00:10:00"  # which midnight is meant nobody asks
    assert instant(late - timedelta(hours=12), late) == f"{late:%Y-%m-%d} 11:50:00"
    assert instant(replace_year(NOW, 1), NOW, zone=timezone(timedelta(hours=-12)))


def replace_year(at: datetime, year: int) -> datetime:
    return at.replace(year=year, month=1, day=1, hour=0)

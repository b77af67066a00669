"""Small plots, and what is told when the broker is back."""

from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from console.domain.commands import Command
from console.services.health import HealthView, LinkState
from console.tui.outage import Outage
from console.tui.presenters.cells import line_width
from console.tui.presenters.header import Outbox
from console.tui.presenters.plots import BARS, plots_line, sparkline
from console.tui.presenters.times import instant

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
    assert line_width(plots_line(commands, 60)) < 120
    assert plots_line(commands[:4], 120) == ()


def _view(*, up: bool, since: float, now: float = 100.0) -> HealthView:
    link = LinkState(up=up, since=since)
    return HealthView(now, link, link, "on", "on", "on", None)


def test_an_outage_is_told_when_it_is_over_and_again_when_all_is_published() -> None:
    outage = Outage()
    assert outage.observe(_view(up=False, since=10), Outbox(0)) == ""
    assert outage.observe(_view(up=False, since=10), Outbox(7)) == ""
    assert (
        outage.observe(_view(up=True, since=44), Outbox(3))
        == "The broker is back after 34s. 7 commands waited."
    )
    assert outage.observe(_view(up=True, since=44), Outbox(1)) == ""
    assert "outbox is empty again" in outage.observe(_view(up=True, since=44), Outbox(0))
    assert outage.observe(_view(up=True, since=44), Outbox(0)) == ""


def test_a_blink_is_not_worth_a_word() -> None:
    outage = Outage()
    outage.observe(_view(up=False, since=10), Outbox(0))
    assert outage.observe(_view(up=True, since=11), Outbox(0)) == ""


def test_instants_are_told_in_a_zone_and_the_edges_of_the_calendar_do_no_harm() -> None:
    from datetime import timezone

    paris = timezone(timedelta(hours=1))
    assert instant(NOW, NOW) == "12:00:00"
    assert instant(NOW, NOW, zone=paris) == "13:00:00"
    assert instant(replace_year(NOW, 1), NOW, zone=timezone(timedelta(hours=-12)))


def replace_year(at: datetime, year: int) -> datetime:
    return at.replace(year=year, month=1, day=1, hour=0)

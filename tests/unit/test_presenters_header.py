"""Header and banner at every width."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from console.errors import Cause
from console.services.health import HealthView, LinkState
from console.tables.columns import Cell
from console.tui.presenters.cells import line_width
from console.tui.presenters.header import HeaderIdentity, OutboxDepth, banner_line, header_line

NOW = datetime(2026, 5, 1, tzinfo=UTC)
UP = LinkState(up=True, latency_s=0.002)
V5 = LinkState(up=True, detail="v5")
DOWN = LinkState(up=False, since=86.0, retry_at=103.0, cause=Cause.REFUSED)


def view(database=UP, broker=V5, sweep="on"):
    return HealthView(100.0, database, broker, sweep, "on", "on", None)


def header(width, health=None, **place):
    line = header_line(HeaderIdentity("acme", "alice", **place), health or view(), OutboxDepth(), width)
    return "".join(cell.text for cell in line), line_width(line)


def test_a_wide_header_says_everything():
    text, _ = header(120, demo=True)
    for words in ("acme · alice", "pg ok", "mqtt ok v5", "sweep on", "outbox 0", "DEMO"):
        assert words in text


def test_how_long_a_link_takes_is_said_only_where_it_is_slow():
    """Without it each second another number pushes all that stands right of it."""
    quick, _ = header(120, view(LinkState(up=True, latency_s=0.049)))
    assert "pg ok   mqtt" in quick
    slow, _ = header(120, view(LinkState(up=True, latency_s=0.0791)))
    assert "pg ok 79ms   mqtt" in slow


@pytest.mark.parametrize("width", [40, 60, 80, 100, 120, 200])
@pytest.mark.parametrize("health", [view(), view(DOWN), view(UP, DOWN), view(DOWN, DOWN, "elsewhere")])
def test_the_header_never_exceeds_its_line(width, health):
    text, size = header(width, health, demo=True, read_only=True)
    assert size <= width
    assert "acme" in text


def test_trouble_outlives_everything_else_at_60_columns():
    text, _ = header(60, view(DOWN, DOWN, "elsewhere"), read_only=True)
    assert "pg DOWN" in text
    assert "mqtt DOWN" in text
    assert "READ-ONLY" in text


def test_a_link_that_is_down_counts_and_tells_when_it_tries_again():
    text, _ = header(120, view(UP, DOWN))
    assert "mqtt DOWN 14s, retry in 3s" in text


def test_a_console_without_workers_of_its_own_says_whether_others_live():
    """Without it, who looks at a served console reads of a broker and a sweep that are not theirs."""
    unused = LinkState(up=True, is_used=False)
    text, _ = header(120, view(UP, unused, "elsewhere"))
    assert "pg ok   workers elsewhere   outbox 0" in text
    assert "mqtt" not in text
    assert "sweep" not in text
    text, _ = header(120, replace(view(UP, unused, "elsewhere"), silent=("dispatch", "answers", "sweep")))
    assert "pg ok   no worker   outbox 0" in text
    assert "elsewhere" not in text


def test_no_banner_while_all_is_well():
    assert banner_line(view(), OutboxDepth(), "", NOW, 118) == ""


def test_the_banner_of_the_broker_tells_what_waits_and_what_still_works():
    outbox = OutboxDepth(7, NOW, NOW + timedelta(minutes=4))
    assert banner_line(view(UP, DOWN), outbox, "", NOW, 118) == (
        "Broker unreachable: connection refused. 7 commands wait; the first expires in 4m 00s. "
        "You can compose; sending waits."
    )


def test_the_banner_of_the_database_says_that_sending_is_blocked():
    assert "sending is blocked" in banner_line(view(DOWN), OutboxDepth(), "", NOW, 118)


@pytest.mark.parametrize("width", [38, 58, 78, 118])
@pytest.mark.parametrize("health", [view(DOWN), view(UP, DOWN)])
def test_the_banner_is_one_line_at_every_width_and_says_first_what_is_down(width, health):
    text = banner_line(health, OutboxDepth(7, NOW, NOW + timedelta(minutes=4)), "", NOW, width)
    assert line_width((Cell(text),)) <= width
    assert "unreachable: connection refused" in text or width < 40


@pytest.mark.parametrize(
    ("cause", "reason", "message"),
    [
        (Cause.REFUSED, "", "connection refused"),
        (Cause.NO_ANSWER, "", "no answer in time"),
        (Cause.OTHER, "The database system is starting up", "the database system is starting up"),
        (Cause.TAKEN_OVER, "", "another client took over our client id"),
    ],
)
def test_the_banner_shows_the_cause(cause, reason, message):
    link = LinkState(up=False, error="not what is shown", cause=cause, reason=reason)
    assert banner_line(view(UP, link), OutboxDepth(), "", NOW, 118).startswith(
        f"Broker unreachable: {message}."
    )


def test_a_link_that_is_down_for_no_known_cause_is_down():
    link = LinkState(up=False)
    assert banner_line(view(link), OutboxDepth(), "", NOW, 118).startswith("Database unreachable. Rows")


def test_a_failed_read_is_shown_as_it_is():
    text = banner_line(view(), OutboxDepth(), "The database does not answer in time.", NOW, 118)
    assert text == "The database does not answer in time. Rows stand as last read; reading is tried again."


def test_an_attempt_that_takes_long_is_under_way_and_not_due_in_no_time():
    late = LinkState(up=False, since=10.0, retry_at=20.0, error="x")
    assert "mqtt DOWN 90s, trying now" in header(120, view(UP, late))[0]


def test_how_long_the_oldest_waits_is_reported_where_there_is_room():
    outbox = OutboxDepth(2, NOW - timedelta(seconds=5), NOW + timedelta(minutes=4))
    assert banner_line(view(UP, DOWN), outbox, "", NOW, 118) == (
        "Broker unreachable: connection refused. 2 commands wait, the oldest for 5s; the first expires in 4m 00s."
    )
    assert banner_line(view(UP, DOWN), outbox, "", NOW, 90).endswith(
        "2 commands wait; the first expires in 4m 00s."
    )

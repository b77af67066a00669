"""One device in some lines: what stands in them, and that they never exceed their room."""

from dataclasses import replace
from datetime import timedelta

import pytest

from console.domain.commands import Phase
from console.domain.devices import Device, Link
from console.domain.figures import TypeLatency
from console.domain.histograms import Histogram, bucket_of
from console.tables.columns import Cell
from console.tui.presenters.cells import line_width
from console.tui.presenters.device_pane import DeviceFacts, device_lines, ends_words
from tests.unit.test_presenters_commands import NOW, command

PUMP = Device(
    "acme", "pump-0102", link=Link.ONLINE, site_id="turku", model="PX-200", own_model="PX-200", fw_version="1.4.1", manufacturer="Acme",
    template="pump-v2", parent_id="gw-1", name="Boiler room", last_seen_at=NOW - timedelta(seconds=5),
    tags=("pilot", "leased"), in_flight=2, recent=(Phase.OK,) * 8 + (Phase.MISSED,) * 4,
)  # fmt: skip
MISSED = command(
    device_id="pump-0102", command_type="set_interval", status="missed", created_by="bob",
    created_at=NOW - timedelta(minutes=12), published_at=NOW,
)  # fmt: skip
PING = replace(
    MISSED, command_id="c-2", command_type="ping", status="delivered", ack_status="ok",
    published_at=NOW - timedelta(hours=2, seconds=1), acked_at=NOW - timedelta(hours=2),
    created_at=NOW - timedelta(hours=2, seconds=1),
)  # fmt: skip
FAST = Histogram(tuple(100 if n == bucket_of(300) else 0 for n in range(60)))
FACTS = DeviceFacts(
    "pump-0102", (MISSED, PING), (TypeLatency("ping", "PX-200", FAST), TypeLatency("reboot", "PX-200", FAST))
)


def text_of(line: tuple[Cell, ...]) -> str:
    return "".join(cell.text for cell in line).rstrip()


def test_it_says_what_the_device_is_how_it_answers_and_what_it_got_last() -> None:
    assert [text_of(line) for line in device_lines(PUMP, FACTS, NOW, 56, 40)] == [
        "pump-0102",
        "● online   seen 5s ago   2 in flight",
        "Boiler room   Acme PX-200   fw 1.4.1   site turku",
        "template pump-v2   behind gw-1   tags pilot   leased",
        "",
        "answers of PX-200               p50      p95",
        "  ping                        0.28s    0.28s",
        "",
        "last 12  ●●●●●●●●◍◍◍◍   4 missed of 12",
        "",
        "commands",
        "   12m  set_interval  ◍ missed            bob",
        "    2h  ping          ● ok         1.00s  bob",
    ]


@pytest.mark.parametrize(("width", "height"), [(1, 1), (20, 5), (40, 12), (56, 40), (200, 60)])
def test_it_never_exceeds_its_room_whatever_a_device_is_called(width: int, height: int) -> None:
    """Without it a name of a hundred letters wraps, and what stands below it is out of sight."""
    loud = replace(
        PUMP, device_id="ü" * 100, name="n" * 200, model="日本語" * 30, tags=tuple("t" * 60 for _ in range(40)),
        parent_id="x\x1b[2J" * 20,
    )  # fmt: skip
    facts = DeviceFacts(
        "ü" * 100, (replace(MISSED, command_type="k" * 90, created_by="\x1b[31m" + "b" * 90),) * 9
    )
    lines = device_lines(loud, facts, NOW, width, height)
    assert 0 < len(lines) <= height
    assert all(line_width(line) <= width for line in lines)
    assert all(cell.text.isprintable() for line in lines for cell in line)


def test_what_was_read_of_another_device_is_not_shown() -> None:
    """Without it the last commands of the row before stand below this one's name."""
    lines = [text_of(line) for line in device_lines(PUMP, replace(FACTS, device_id="pump-1"), NOW, 56, 40)]
    assert "commands" not in lines
    assert not any("set_interval" in line for line in lines)
    assert "last 12  ●●●●●●●●◍◍◍◍   4 missed of 12" in lines


def test_a_device_of_which_nothing_is_known_has_no_empty_headings() -> None:
    bare = Device("acme", "pump-1")
    assert [text_of(line) for line in device_lines(bare, DeviceFacts("pump-1"), NOW, 56, 40)] == [
        "pump-1", "? unknown   never seen", "", "no commands yet",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("phases", "words"),
    [
        ((Phase.OK,) * 12, "12 of 12 ok"),
        ((Phase.OK,) * 8 + (Phase.MISSED,) * 4, "4 missed of 12"),
        ((Phase.MISSED, Phase.FAILED, Phase.OK, Phase.WAITING), "1 failed, 1 missed of 4, 1 in flight"),
        ((Phase.OK, Phase.PUBLISHED, Phase.IN_PROGRESS), "1 of 3 ok, 2 in flight"),
        ((Phase.CANCELLED, Phase.OK), "1 cancelled of 2"),
    ],
)
def test_ends_are_counted_by_how_bad_they_are(phases: tuple[Phase, ...], words: str) -> None:
    assert ends_words(phases) == words

"""Lines of the log: fields for machines, sentences for people, a summary only where something happened."""

import asyncio
import json
import logging
import os
from contextlib import suppress

import pytest

from console.concurrency import end_all
from console.errors import BrokerUnreachableError, Cause
from console.runtime.logs import JsonFormatter, TextFormatter
from console.services.counts import Answer, Counts, Publication
from console.services.health import Health
from console.worker.summary import Summary
from tests.unit.test_health import FakeClock
from tests.waiting import until


def line(record: logging.LogRecord) -> dict[str, object]:
    found = json.loads(JsonFormatter().format(record))
    assert isinstance(found, dict)
    return found


def test_a_line_has_its_process_and_its_fields(caplog: pytest.LogCaptureFixture) -> None:
    """Without the pid, two workers' lines in one journal cannot be told apart."""
    caplog.set_level(logging.INFO, "console")
    logging.getLogger("console.x").info(
        "3 published",
        extra={"event": "summary", "values": {"published": 3, "none": None}, "fields": {"who": "alice"}},
    )
    found = line(caplog.records[0])
    assert found.pop("at")
    assert found == {
        "level": "info", "pid": os.getpid(), "logger": "console.x", "message": "3 published", "event": "summary",
        "published": 3, "who": "alice",
    }  # fmt: skip
    text = TextFormatter().format(caplog.records[0])
    assert text.endswith("3 published who=alice")  # what the sentence has is not repeated


def test_a_summary_has_what_happened_since_the_last_and_none_of_nothing(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Without the comparison, an idle worker fills the disk; without the difference, a minute looks like a year."""
    caplog.set_level(logging.INFO, "console")
    counts = Counts()
    summary = Summary(counts)
    summary.tell()
    assert caplog.records == []
    counts.publications[Publication.ACCEPTED] += 1_200
    counts.publications[Publication.LOST] += 1
    counts.answers[Answer.DELIVERED] += 2
    counts.swept(3, 0)
    summary.tell()
    summary.tell()
    counts.swept(0, 1)
    summary.tell()
    first, second = map(line, caplog.records)
    wanted = {"published": 1_200, "refused": 0, "unconfirmed": 1, "answered": 2, "missed": 3, "expired": 0}
    assert first | wanted == first
    assert first["message"] == "1,200 published, 1 unconfirmed, 2 answered, 3 missed"
    assert (second["message"], second["missed"], second["expired"]) == ("1 expired", 0, 1)


async def test_a_summary_comes_at_its_interval(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, "console")
    counts = Counts()
    running = asyncio.create_task(Summary(counts, every_s=0.01).run())
    try:
        for number in (1, 2):
            counts.swept(number, 0)

            async def logged(number: int = number) -> bool:
                return len(caplog.records) == number

            await until(logged)
    finally:
        with suppress(asyncio.CancelledError):
            await end_all([running])
    assert [line(record)["missed"] for record in caplog.records] == [1, 2]


def test_a_link_that_breaks_and_comes_back_leaves_a_line_for_each(caplog: pytest.LogCaptureFixture) -> None:
    """Without it, the log has attempts to connect, and nothing says that one of them worked."""
    caplog.set_level(logging.INFO, "console")
    clock = FakeClock()
    health = Health(clock)
    health.broker_up()
    health.broker_up()
    for _ in range(3):
        health.broker_down(BrokerUnreachableError("it hung up.", cause=Cause.CLOSED), 1.0)
    clock.seconds += 7.5
    health.broker_up()
    up, down, again = map(line, caplog.records)
    assert (up["event"], down["event"], again["event"]) == ("link_up", "link_down", "link_up")
    assert down["message"] == "the broker is down: it hung up."
    assert (down["link"], down["part"], down["cause"]) == ("broker", "dispatch", "closed")
    assert again["down_s"] == 7.5

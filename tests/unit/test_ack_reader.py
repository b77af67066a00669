"""Reading of answers: which way each message takes, and what is noted of it."""

import pytest

from console.clock import SystemClock
from console.domain.acks import RawAck
from console.domain.events import ProblemKind
from console.services.ack_problems import ProblemLimiter
from console.services.ack_reader import AckReader, ReadBatch

TOPIC = b"tenant/acme/device/pump-1/commands/ack"
ORDINARY = b'{"command_id":"c1","status":"ok","details":{"n":1}}'


async def _read(*messages: RawAck, max_ack_bytes: int = 65_536) -> ReadBatch:
    clock = SystemClock()
    return await AckReader(clock, ProblemLimiter(clock), max_ack_bytes=max_ack_bytes).read(messages)


async def test_an_ordinary_answer_is_an_acknowledgement_and_nothing_else() -> None:
    batch = await _read(RawAck(TOPIC, ORDINARY, 1, 1), RawAck(TOPIC, ORDINARY, 2, 1, correlation=b"c1"))
    assert [(a.tenant_id, a.device_id, a.command_id, a.ack_json) for a in batch.acks] == [
        ("acme", "pump-1", "c1", '{"status":"ok","details":{"n":1}}')
    ] * 2
    assert batch.problems == []
    assert (len(batch.messages), batch.size) == (2, 2 * len(ORDINARY))


@pytest.mark.parametrize(
    ("message", "kind", "words"),
    [
        (RawAck(TOPIC, ORDINARY, 1, 0), ProblemKind.ODD_ACK, "QoS 0"),
        (RawAck(TOPIC, ORDINARY, 1, 1, True), ProblemKind.ODD_ACK, "retained"),
        (RawAck(TOPIC, ORDINARY, 1, 1, correlation=b"c2"), ProblemKind.ODD_ACK, "names another command"),
        (RawAck(TOPIC, b" " + ORDINARY, 1, 1), ProblemKind.ODD_ACK, "white space"),
        (RawAck(TOPIC, b"\x00" + ORDINARY, 1, 1), ProblemKind.REPAIRED_ACK, "control bytes"),
    ],
)
async def test_what_is_odd_about_an_ordinary_answer_is_noted(
    message: RawAck, kind: ProblemKind, words: str
) -> None:
    """Without a look at more than its payload, the quick way would pass over what an operator should know."""
    batch = await _read(message)
    assert [ack.command_id for ack in batch.acks] == ["c1"]
    (problem,) = batch.problems
    assert problem.kind is kind
    assert words in problem.detail


async def test_what_is_no_answer_is_a_problem_or_nothing() -> None:
    foreign = RawAck(b"tenant/+/device/pump-1/commands/ack", ORDINARY, 1, 1)
    probe = RawAck(b"tenant/acme/device/device-console-doctor-1/commands/ack", ORDINARY, 2, 1)
    careful_probe = RawAck(probe.topic, b"{}", 3, 1)
    batch = await _read(foreign, probe, careful_probe, RawAck(TOPIC, b"{", 4, 1))
    assert batch.acks == []
    assert [problem.kind for problem in batch.problems] == [ProblemKind.MALFORMED_ACK] * 2
    assert len(batch.messages) == 4


async def test_the_limit_of_an_answer_holds_for_ordinary_ones_too() -> None:
    batch = await _read(RawAck(TOPIC, ORDINARY, 1, 1), max_ack_bytes=len(ORDINARY) - 1)
    assert [problem.reason for problem in batch.problems] == ["too large"]


@pytest.mark.parametrize(("word", "is_progress"), [("In-Progress", True), ("running", True), ("ok", False)])
async def test_progress_is_told_apart_on_the_quick_way(word: str, is_progress: bool) -> None:
    (ack,) = (await _read(RawAck(TOPIC, b'{"command_id":"c1","status":"%s"}' % word.encode(), 1, 1))).acks
    assert ack.is_progress is is_progress

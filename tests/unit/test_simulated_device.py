"""A simulated device acts once, answers copies alike, ignores what is overdue, and forgets nothing it got."""

import json
from datetime import UTC, datetime, timedelta

import pytest

from console.simulator.behaviours import Behaviour
from console.simulator.device import ReceivedPublish, SimulatedDevice, Verdict, make_devices
from console.wire.ack_payloads import decode_ack
from console.wire.payloads import encode_command

NOW = datetime(2026, 5, 1, 12, tzinfo=UTC)


def pump(behaviour: Behaviour = Behaviour.PROMPT) -> SimulatedDevice:
    return SimulatedDevice("acme", "pump-1", behaviour, now=lambda: NOW)


def command(command_id: str = "c-1", *, ttl: timedelta = timedelta(minutes=1), kind: str = "ping") -> bytes:
    return encode_command(command_id, kind, "{}", NOW + ttl)


def test_it_answers_on_its_ack_topic_with_what_the_console_reads() -> None:
    (answer,) = pump().receive(command())
    assert answer.topic == "tenant/acme/device/pump-1/commands/ack"
    ack = decode_ack(answer.payload)
    assert (ack.command_id, ack.repairs) == ("c-1", ())
    assert json.loads(ack.ack_json)["status"] == "ok"


def test_a_copy_is_answered_again_and_not_acted_on() -> None:
    device = pump()
    first = device.receive(command())
    assert device.receive(command()) == first
    assert device.acted == 1
    assert [receipt.verdict for receipt in device.receipts] == [Verdict.ACTED, Verdict.COPY]


def test_an_overdue_command_is_recorded_and_ignored() -> None:
    device = pump()
    assert device.receive(command(ttl=timedelta(0))) == ()
    assert device.acted == 0
    assert [receipt.verdict for receipt in device.receipts] == [Verdict.OVERDUE]


def test_a_copy_that_comes_too_late_is_still_answered() -> None:
    device = pump()
    first = device.receive(command())
    assert device.receive(command(ttl=timedelta(seconds=-1))) == first


@pytest.mark.parametrize(
    "payload",
    [
        b"",
        b"\xff",
        b"[]",
        b"{}",
        b"[" * 100_000,
        b'{"command_id":1,"type":"ping","params":{},"expires_at":"2026-05-01T13:00:00+00:00"}',
        b'{"command_id":"c","type":"ping","params":{},"expires_at":"2026-05-01T13:00:00"}',
        b'{"command_id":"c","type":"ping","params":{},"expires_at":7}',
        b'{"command_id":"\\ud800","type":"ping","params":{},"expires_at":"2026-05-01T13:00:00+00:00"}',
        b'{"command_id":"","type":"ping","params":{},"expires_at":"2026-05-01T13:00:00+00:00"}',
    ],
    ids=lambda payload: repr(payload[:12]),
)
def test_what_it_cannot_read_is_recorded_and_never_answered(payload: bytes) -> None:
    device = pump()
    assert device.receive(payload) == ()
    assert [receipt.verdict for receipt in device.receipts] == [Verdict.UNREADABLE]


def test_params_of_any_depth_break_no_device() -> None:
    for depth in range(900, 1_000):
        device = pump()
        params = '{"a":' + "[" * depth + "]" * depth + "}"
        answers = device.receive(encode_command("c-1", "set_interval", params, NOW + timedelta(minutes=1)))
        assert device.acted == len(answers)
        assert len(device.receipts) == 1


def test_a_deaf_device_acts_and_says_nothing() -> None:
    device = pump(Behaviour.DEAF)
    assert device.receive(command()) == ()
    assert device.acted == 1


def test_every_receipt_is_reported_and_only_the_newest_are_kept() -> None:
    reported: list[ReceivedPublish] = []
    device = SimulatedDevice("acme", "pump-1", now=lambda: NOW, keep=3, on_receipt=reported.append)
    for number in range(5):
        device.receive(command(f"c-{number}"))
    assert [receipt.command_id for receipt in reported] == [f"c-{number}" for number in range(5)]
    assert [receipt.command_id for receipt in device.receipts] == ["c-2", "c-3", "c-4"]


def test_a_sloppy_device_still_says_what_the_console_can_read() -> None:
    device = pump(Behaviour.SLOPPY)
    for number in range(100):
        for answer in device.receive(command(f"c-{number}")):
            assert decode_ack(answer.payload).command_id == f"c-{number}"


def test_the_place_in_the_list_decides_the_temper() -> None:
    ids = [f"pump-{number}" for number in range(40)]
    assert [d.behaviour for d in make_devices("a", ids)] == [d.behaviour for d in make_devices("b", ids)]
    assert len({d.behaviour for d in make_devices("a", ids)}) > 3

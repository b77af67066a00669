"""Tempers are dealt out the same way each time, and answers depend on nothing but seed and command."""

from collections import Counter

import pytest

from console.simulator.answers import DETAILS, JsonValue
from console.simulator.behaviours import Behaviour, ReceivedCommand, behaviour_of, reply_to


def order(command_type: str = "ping", number: int = 0, **params: JsonValue) -> ReceivedCommand:
    return ReceivedCommand(f"c-{number}", command_type, params)


def test_a_fleet_has_each_temper_in_its_share() -> None:
    shares = Counter(behaviour_of(index) for index in range(1_000))
    assert shares[Behaviour.PROMPT] + shares[Behaviour.SLOPPY] == 700
    assert shares[Behaviour.SLOPPY] == 10
    assert shares[Behaviour.SLOW] == 120
    assert shares[Behaviour.FAILING] == 80
    assert shares[Behaviour.DEAF] == 50
    assert shares[Behaviour.FLAPPING] == 50


def test_a_small_fleet_has_different_tempers_too() -> None:
    assert len({behaviour_of(index) for index in range(12)}) >= 4


@pytest.mark.parametrize("behaviour", list(Behaviour))
def test_the_same_seed_and_command_give_the_same_reply(behaviour: Behaviour) -> None:
    for number in range(20):
        assert reply_to(behaviour, order(number=number), "s") == reply_to(
            behaviour, order(number=number), "s"
        )


def test_a_prompt_device_answers_in_less_than_half_a_second() -> None:
    replies = [reply_to(Behaviour.PROMPT, order(number=n), "s") for n in range(100)]
    assert all(reply and 0.05 <= reply.delay_s <= 0.4 and reply.status == "ok" for reply in replies)


def test_a_slow_device_takes_seconds() -> None:
    replies = [reply_to(Behaviour.SLOW, order(number=n), "s") for n in range(100)]
    assert all(reply and 2 <= reply.delay_s <= 20 for reply in replies)


def test_a_failing_device_fails_sometimes_and_says_why() -> None:
    replies = [reply_to(Behaviour.FAILING, order(number=n), "s") for n in range(200)]
    failed = [reply for reply in replies if reply and reply.status == "error"]
    assert 80 < len(failed) < 160
    assert all(isinstance(reply.details, dict) and "code" in reply.details for reply in failed)


def test_a_deaf_device_never_answers() -> None:
    assert all(reply_to(Behaviour.DEAF, order(number=n), "s") is None for n in range(20))


def test_a_sloppy_device_breaks_every_habit() -> None:
    replies = [reply for n in range(200) if (reply := reply_to(Behaviour.SLOPPY, order(number=n), "s"))]
    assert any(reply.copies > 1 for reply in replies)
    assert any(reply.qos == 0 for reply in replies)
    assert any(reply.extras for reply in replies)
    assert any(not isinstance(reply.details, dict) for reply in replies)


@pytest.mark.parametrize("command_type", sorted(DETAILS))
def test_every_known_type_has_details(command_type: str) -> None:
    reply = reply_to(Behaviour.PROMPT, order(command_type), "s")
    assert reply
    assert reply.status == "ok"
    assert isinstance(reply.details, dict)


def test_set_interval_echoes_its_params() -> None:
    reply = reply_to(Behaviour.PROMPT, order("set_interval", interval_s=30), "s")
    assert reply
    assert reply.details == {"applied": {"interval_s": 30}}


def test_an_unknown_type_is_an_error() -> None:
    reply = reply_to(Behaviour.PROMPT, order("make_coffee"), "s")
    assert reply
    assert (reply.status, reply.details) == ("error", {"code": "unsupported", "type": "make_coffee"})

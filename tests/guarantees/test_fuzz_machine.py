"""A machine that spoils valid topics and answers step by step: each state is read exactly, or refused in our own words."""

import json

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule, run_state_machine_as_test

from console.domain.identifiers import id_fault
from console.wire.ack_payloads import AckError, decode_ack
from console.wire.topics import TopicError, ack_topic, parse_ack_topic

_places = st.integers(0, 50) | st.integers(0, 2_000)  # mostly where the keys are that count
_scraps = st.sampled_from(
    (
        '"', "\\", "{", "}", "[", "]", ":", ",", " ", "\n", "\x00", "\ud800", "\\u0000", "\\ud83d", "\\q", "\\u12",
        "NaN", "-Infinity", "tru", "null", "1ee5", "1e999999999", "--1", "0x1", "9" * 5_000, "\ufeff", "\u202e",
        '"command_id":"d"', '"command_id":', '"status":', '"details":', '"details":[NaN],', "/", "+", "#", "tenant/",
        "[" * 300, "]" * 300, '{"a":' * 201, "}" * 201, "[]," * 300, '"z":' + "[" * 201 + "]" * 201 + ",",
    )
)  # fmt: skip
_answers = st.sampled_from(
    (
        '{"command_id":"c","status":"ok","details":{"a":[1,2.50,"x"]}}',
        '{"command_id":"c","details":[true,null,-0.0,1e5]}',
        '{"command_id":"c","details":[1e5,NaN],"z":' + "[" * 250 + "]" * 250 + "}",
        '{"command_id":"c","status":"no","z":' + "[" * 250 + "]" * 250 + "}",
        '{"command_id":"c","details":' + "[" * 250 + "]" * 250 + "}",
    )
)
_ids = st.text(st.sampled_from("aB9-_. é\u0435\u200b"), min_size=1, max_size=8)


class Spoiling(RuleBasedStateMachine):
    """One text that was valid: what is read of it after each step can be written back and read as the same."""

    text = ""

    @initialize(text=_answers)
    def an_answer(self, text: str) -> None:
        self.text = text

    @rule(place=_places, scrap=_scraps)
    def put_in(self, place: int, scrap: str) -> None:
        place %= len(self.text) + 1
        self.text = self.text[:place] + scrap + self.text[place:]

    @rule(place=_places, count=st.integers(1, 12))
    def take_out(self, place: int, count: int) -> None:
        place %= len(self.text) + 1
        self.text = self.text[:place] + self.text[place + count :]

    @rule(start=_places, end=_places, place=_places)
    def repeat(self, start: int, end: int, place: int) -> None:
        size = len(self.text) + 1
        start, end, place = min(start % size, end % size), max(start % size, end % size), place % size
        self.text = self.text[:place] + self.text[start : min(end, start + 400)] + self.text[place:]

    @rule(text=_answers)
    def begin_again(self, text: str) -> None:
        self.text = text

    @invariant()
    def it_is_read_exactly_or_refused(self) -> None:
        self.text = self.text[:70_000]
        try:
            found = decode_ack(self.text.encode("utf-8", "surrogatepass"))
        except AckError as error:
            assert 0 < len(str(error)) < 500
            return
        assert id_fault(found.command_id) is None
        stored = json.loads(found.ack_json)
        assert set(stored) == {"status", "details"}
        again = decode_ack(json.dumps({"command_id": found.command_id}).encode()[:-1] + b"," + found.ack_json.encode()[1:],
                           1_000_000)  # fmt: skip
        assert (again.command_id, json.loads(again.ack_json), again.repairs) == (found.command_id, stored, ())


class Misrouting(RuleBasedStateMachine):
    """One topic that was valid: what is read of it makes the same topic again, byte for byte."""

    topic = ""

    @initialize(tenant=_ids, device=_ids)
    def a_topic(self, tenant: str, device: str) -> None:
        self.topic = f"tenant/{tenant}/device/{device}/commands/ack"

    @rule(place=_places, scrap=_scraps)
    def put_in(self, place: int, scrap: str) -> None:
        place %= len(self.topic) + 1
        self.topic = self.topic[:place] + scrap + self.topic[place:]

    @rule(place=_places, count=st.integers(1, 12))
    def take_out(self, place: int, count: int) -> None:
        place %= len(self.topic) + 1
        self.topic = self.topic[:place] + self.topic[place + count :]

    @invariant()
    def it_is_read_exactly_or_refused(self) -> None:
        try:
            route = parse_ack_topic(self.topic)
        except TopicError as error:
            assert str(error).isprintable()
            return
        assert ack_topic(route.tenant_id, route.device_id) == self.topic


_often = settings(max_examples=250, stateful_step_count=20, deadline=None, database=None, derandomize=True)


@pytest.mark.slow
def test_an_answer_that_is_spoiled_step_by_step_is_read_exactly_or_refused() -> None:
    """Without the look at what is used of an answer too deep for a parser, one message ends the ingest at each start."""
    run_state_machine_as_test(Spoiling, settings=_often)


@pytest.mark.slow
def test_a_topic_that_is_spoiled_step_by_step_is_read_exactly_or_refused() -> None:
    """Without the same rule for ids on both ways, a device would answer for another."""
    run_state_machine_as_test(Misrouting, settings=_often)

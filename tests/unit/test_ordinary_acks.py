"""The quick reader: it never gives another answer than the careful one, and takes nothing that that one refuses."""

import json
import random

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from console.wire.ack_payloads import decode_ack
from console.wire.ordinary_acks import Ordinary, read_ordinary
from console.wire.topics import Route, Routes, TopicError, parse_ack_topic

SEEDS = (
    b'{"command_id": "0d1f6c7e-0000-4000-8000-000000000001", "status": "ok", "details": {"uptime_s": 12, "x": null}}',
    b'{"command_id":"c1","status":"error","details":{"code":"busy","retry_after_s":30.5},"ts":"2026-01-01T00:00:00Z"}',
    b'{"command_id":"c1","status":"in progress","details":null,"ts":1760000000.123}',
    b'{"command_id":"a:b.c_d-e","status":"ok"}',
    b'{"command_id":"c1","status":"ok","details":{"n":1e100,"m":-0.5E-7,"t":true,"s":"e123 n"}}',
    b'{"status":"ok","command_id":"c1","details":{"a":[1,{"b":"\\u0000"}]},"tenant_id":"acme"}',
    b'{"command_id":"c1","status":null,"details":"text"}',
    b' {"command_id":"c1","status":"ok"}\x00',
)
_PIECES = (
    b"{", b"}", b"[", b"]", b'"', b":", b",", b"\\", b" ", b"\n", b"\x00", b"\x7f", b"e9999", b"1e999", b"NaN", b"-Infinity",
    b"null", b"0", b"00", b"-", b".", b"9" * 20, b'"command_id":"x",', b'"status":"y",', b'"details":{},', b"\xc3\xa9",
    b"\xff", b"\xef\xbb\xbf", b"\\ud800", b"\xd9\xa3", b"/", b"+", b"\xe2\x80\xa8",
)  # fmt: skip


def _same(payload: bytes) -> bool:
    """Whether the quick reader took it; if so, the careful one reads the same."""
    quick = read_ordinary(payload)
    if quick is None:
        return False
    careful = decode_ack(payload)  # which raises for what it refuses
    assert quick == Ordinary(careful.command_id, careful.ack_json, careful.word)
    assert (careful.repairs, careful.claims, careful.padded) == ((), (None, None), False)
    return True


def _mutated(dice: random.Random) -> bytes:
    payload = dice.choice(SEEDS)
    for _ in range(dice.choice((0, 1, 1, 1, 2, 3))):
        at = dice.randrange(len(payload) + 1)
        how = dice.randrange(4)
        if how == 0:
            payload = payload[:at] + dice.choice(_PIECES) + payload[at:]
        elif how == 1:
            payload = payload[:at] + payload[at + dice.randrange(1, 6) :]
        elif how == 2:
            payload = payload[:at] + bytes((dice.randrange(256),)) + payload[at + 1 :]
        else:
            end = dice.randrange(at, len(payload) + 1)
            payload = payload[:end] + payload[at:end] + payload[end:]
    return payload


def test_what_is_mutated_is_read_alike_or_left() -> None:
    """Without the careful reader's rules in its shape, the quick one takes what the database refuses."""
    dice = random.Random(58)
    taken = sum(_same(_mutated(dice)) for _ in range(40_000))
    assert 5_000 < taken < 35_000  # else this tries only one of the two


_ids = st.from_regex(r"[A-Za-z0-9_.:-]{1,128}", fullmatch=True) | st.text(max_size=20)
_scalars = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
_details = (
    st.none() | st.dictionaries(st.text(max_size=8), _scalars, max_size=5) | st.lists(_scalars, max_size=2)
)


@settings(max_examples=2_000, deadline=None)
@given(
    _ids, st.sampled_from(("ok", "In-Progress", "a b", "")) | st.text(max_size=70), _details, st.booleans()
)
@example("c1", "ok", {"a": float("nan")}, True)
@example("c1", "ok", {"a": float("inf")}, False)
@example("c1", "ok", {"a": 10**400}, False)
def test_any_answer_is_read_alike_or_left(command_id: str, word: str, details: object, plain: bool) -> None:
    answer = {"command_id": command_id, "status": word, "details": details}
    _same(json.dumps(answer, ensure_ascii=plain).encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize("payload", SEEDS[:5])
def test_ordinary_answers_take_the_quick_way(payload: bytes) -> None:
    assert _same(payload)


@pytest.mark.parametrize(
    "payload",
    [
        *SEEDS[5:],
        b'{"command_id":"c1","status":"ok","details":{"a":1e9999}}',
        b'{"command_id":"c1","status":"ok","details":{"a":NaN}}',
        b'{"command_id":"c1","status":"ok","details":{"a":}}',
        b'{"command_id":"c1","status":"ok","details":{"a":"' + b"x" * 900 + b'"}}',
        b"\xff",
        b"",
    ],
)
def test_others_are_left(payload: bytes) -> None:
    """Without it, a number that the database cannot hold is not mended, and its answer is refused there."""
    assert read_ordinary(payload) is None


def test_much_of_what_nearly_matches_takes_no_time() -> None:
    """Without a pattern that is linear, 900 bytes could take seconds."""
    for filling in (b'""' * 400, b'"a":1,' * 130, b" " * 800, b'"' * 801):
        assert read_ordinary(b'{"command_id":"c1","status":"ok","details":{' + filling) is None


def test_the_exponents_that_it_takes_are_those_that_fit() -> None:
    numbers = ",".join(['"":1e999'] * 90)
    payload = f'{{"command_id":"c","status":"ok","details":{{{numbers}}}}}'.encode()
    assert len(payload) <= 900
    assert _same(payload)


def test_routes_are_remembered_and_forgotten() -> None:
    """Without a bound, whoever may publish anywhere fills the memory with topics."""
    routes = Routes(most=2)
    for n in range(7):
        topic = f"tenant/acme/device/d{n}/commands/ack".encode()
        assert routes.of(topic) == Route("acme", f"d{n}")
        assert routes.of(topic) is routes.of(topic)
        assert len(routes._known) <= 2
    with pytest.raises(TopicError):
        routes.of(b"tenant/\xff+/device/d/commands/ack")
    assert routes.of("tenant/\xe4/device/d/commands/ack".encode()) == Route("\xe4", "d")


@settings(max_examples=500, deadline=None)
@given(st.text("aZ9_.:-/+#\x00 \xe4\n", max_size=130), st.text("aZ09_.:-", min_size=120, max_size=130))
@example("", "d")
def test_a_remembered_route_is_the_one_that_is_read(tenant: str, device: str) -> None:
    """Without the rule for ids in its pattern, the quick look takes a topic that no command can have."""
    topic = f"tenant/{tenant}/device/{device}/commands/ack"
    try:
        route: Route | None = parse_ack_topic(topic)
    except TopicError:
        route = None
    try:
        assert Routes().of(topic.encode()) == route
    except TopicError:
        assert route is None

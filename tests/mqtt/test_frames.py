"""Frames out of bytes: however a stream is cut into reads, and whatever is in it."""

import random
import struct
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from console.domain.acks import RawAck
from console.domain.publication import Publication
from console.mqtt.frames import (
    MOST_CORRELATION,
    FrameCutter,
    Frames,
    puback_frames,
    publish_frame,
    publish_properties,
)

MOST_BYTES = 100_000
TOPIC = b"tenant/acme/device/pump-1/commands/ack"


def _length(number: int) -> bytes:
    found = bytearray()
    while True:
        number, byte = divmod(number, 128)
        found.append(byte | (0x80 if number else 0))
        if not number:
            return bytes(found)


def _packet(first: int, body: bytes) -> bytes:
    return bytes((first,)) + _length(len(body)) + body


def _text(value: bytes) -> bytes:
    return struct.pack("!H", len(value)) + value


def _message(
    payload: bytes, *, mid: int = 1, topic: bytes = TOPIC, properties: bytes | None = None, flags: int = 2
) -> bytes:
    """A PUBLISH, of MQTT 5 if it has properties."""
    body = _text(topic) + (struct.pack("!H", mid) if flags & 6 else b"")
    body += b"" if properties is None else _length(len(properties)) + properties
    return _packet(0x30 | flags, body + payload)


def _all(cutter: FrameCutter, *reads: bytes, most: int = 1_000) -> Frames:
    """What is cut out of these reads; nothing is read after a fault."""
    found = Frames([], [], [])
    for data in reads:
        cutter.add(data)
        while cutter.is_more:
            some = cutter.cut(most)
            assert len(some.messages) + len(some.pubacks) + len(some.others) <= most + 1
            found = Frames(
                found.messages + some.messages,
                found.pubacks + some.pubacks,
                found.others + some.others,
                some.fault,
            )
        if found.fault:
            break
    return found


def _cutter(*, v5: bool, most_bytes: int = MOST_BYTES) -> FrameCutter:
    return FrameCutter(v5=v5, most_bytes=most_bytes, messages=True, pubacks=True)


_payloads = st.integers(0, 300).map(lambda n: bytes(n % 251 for n in range(n))) | st.sampled_from(
    (b"", b"x" * 127, b"x" * 128, b"x" * 16_384, b"x" * 70_000)
)
_correlations = st.none() | st.binary(max_size=40) | st.just(b"c" * 2_000)


@st.composite
def _streams(draw: st.DrawFn) -> tuple[bool, bytes, Frames]:
    """A stream of either protocol and what is in it."""
    v5 = draw(st.booleans())
    wanted, data = Frames([], [], []), b""
    for _ in range(draw(st.integers(1, 12))):
        kind = draw(st.sampled_from(("message", "puback", "other")))
        if kind == "message":
            mid, qos, retained = draw(st.integers(1, 65_535)), draw(st.integers(0, 1)), draw(st.booleans())
            payload, correlation = draw(_payloads), draw(_correlations) if v5 else None
            properties = (
                draw(st.sampled_from((b"", b"\x01\x01\x23\x00\x09", b"\x26\x00\x01a\x00\x02bc")))
                if v5
                else None
            )
            if correlation is not None:
                properties = (properties or b"") + b"\x09" + _text(correlation) + b"\x0b\x80\x01"
            data += _message(payload, mid=mid, properties=properties, flags=qos << 1 | retained)
            kept = None if correlation is None else correlation[:MOST_CORRELATION]
            wanted.messages.append(RawAck(TOPIC, payload, mid if qos else 0, qos, retained, kept))
        elif kind == "puback":
            mid, code = draw(st.integers(1, 65_535)), draw(st.sampled_from((0, 0x10, 0x87))) if v5 else 0
            more = bytes((code,)) + draw(st.sampled_from((b"", b"\x00"))) if code else b""
            data += _packet(0x40, struct.pack("!H", mid) + more)
            wanted.pubacks.append((mid, code))
        else:
            other = draw(
                st.sampled_from((b"\xd0\x00", b"\x90\x04\x00\x01\x00\x01", _message(b"qos 2", flags=4)))
            )
            data += other
            wanted.others.append(other)
    return v5, data, wanted


def _reads(data: bytes, sizes: Iterator[int]) -> Iterator[bytes]:
    at = 0
    while at < len(data):
        size = next(sizes)
        yield data[at : at + size]
        at += size


@settings(max_examples=400, deadline=None)
@given(_streams(), st.randoms(use_true_random=False), st.sampled_from((1, 3, 1_000)))
def test_a_stream_is_cut_into_the_same_packets_however_it_arrives(
    stream: tuple[bool, bytes, Frames], dice: random.Random, most: int
) -> None:
    """Without keeping the beginning of a packet, a read that ends in it would shift all that follow."""
    v5, data, wanted = stream
    sizes = iter(lambda: dice.choice((1, 2, 3, 7, 100, 5_000, 1_000_000)), 0)
    if len(data) > 3_000:
        sizes = iter(lambda: dice.choice((1, 500, 5_000, 30_000, 1_000_000)), 0)
    cutter = _cutter(v5=v5)
    assert _all(cutter, *_reads(data, sizes), most=most) == wanted
    assert not cutter.is_more


@settings(max_examples=1_000, deadline=None)
@given(st.booleans(), st.binary(min_size=1, max_size=200), st.integers(1, 200))
def test_noise_ends_in_a_fault_or_in_nothing(v5: bool, noise: bytes, size: int) -> None:
    """Without a fault for what is malformed, noise would raise whatever it meets, or wait for ever."""
    cutter = _cutter(v5=v5)
    found = _all(cutter, *_reads(noise, iter(lambda: size, 0)))
    assert not cutter.is_more
    assert sum(len(m.topic) + len(m.payload) for m in found.messages) <= len(noise)


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"\x32\xff\xff\xff\xff\x01", "a length of more than four bytes"),
        (b"\xd0\x80\x80\x80\x80", "a length of more than four bytes"),
        (b"\x40\x01\x00", "a PUBACK without a packet id"),
        (b"\x32\x00", "a packet ends before its own lengths"),
        (b"\x32\x03\x00\x05a" + b"\xd0\x00" * 9, "a message ends before its payload"),
        (_message(b"", properties=b"\x7f\x00"), "a message with the property 0x7f"),
        (_message(b"", properties=b"\x09\x00\xff"), "the properties of a message do not end where they should"),
        (_message(b"", properties=b"\x0b\x80"), "the properties of a message do not end where they should"),
        (_packet(0x32, _text(b"t") + b"\x00\x01\x09\x00") , "the properties of a message are longer than the message"),
        (_packet(0x32, _text(b"t") + b"\x00\x01\x80") + b"\xd0\x00", "a message ends before its payload"),
        (b"\x90\xff\xff\xff\x7f", "a packet is larger than any that may be sent to us"),
        (b"\x34\xff\xff\xff\x7f", "a packet is larger than any that may be sent to us"),
    ],
)  # fmt: skip
def test_what_is_malformed_is_named_and_what_came_before_it_is_kept(data: bytes, fault: str) -> None:
    """Without the packets before it, a stream that is malformed at one place would never get past it."""
    found = _all(_cutter(v5=True), _message(b"before", properties=b"") + data)
    assert [message.payload for message in found.messages] == [b"before"]
    assert found.fault == fault


@pytest.mark.parametrize("v5", [False, True])
@pytest.mark.parametrize("size", [1, 60_000, 400_000])
def test_of_a_message_that_is_too_large_only_the_beginning_is_kept(v5: bool, size: int) -> None:
    """Without it, one message of 256 MB takes as much memory; if it ended the link, it would end it for ever."""
    large = _message(b"L" * 350_000, mid=7, properties=b"" if v5 else None)
    data = _message(b"before", properties=b"" if v5 else None) + large + b"\xd0\x00" + large
    cutter = _cutter(v5=v5)
    held = 0
    found = Frames([], [], [])
    step = size if size > 1 else 997
    for read in _reads(data, iter(lambda: step, 0)):
        some = _all(cutter, read)
        held = max(held, sum(map(len, cutter._pieces)))
        found = Frames(found.messages + some.messages, [], found.others + some.others, some.fault)
    assert not found.fault
    assert [(m.mid, len(m.payload) // 10_000) for m in found.messages] == [(1, 0), (7, 9), (7, 9)]
    assert found.others == [b"\xd0\x00"]
    assert held <= MOST_BYTES + step


def test_many_small_reads_of_one_packet_cost_little() -> None:
    """Without keeping the reads as they are, each of them would copy all that came before."""
    cutter, copied = _cutter(v5=False), 0
    for read in _reads(_message(b"x" * 90_000), iter(lambda: 10, 0)):
        cutter.add(read)
        copied += len(cutter._buffer)
        cutter.cut(10)
    assert copied < 100_000


def test_only_what_is_asked_for_is_cut() -> None:
    data = _message(b"m") + _packet(0x40, b"\x00\x01") + b"\xd0\x00"
    cutter = FrameCutter(v5=False, most_bytes=MOST_BYTES, messages=False, pubacks=True)
    found = _all(cutter, data)
    assert (found.messages, found.pubacks, len(found.others)) == ([], [(1, 0)], 2)
    cutter = FrameCutter(v5=False, most_bytes=MOST_BYTES, messages=True, pubacks=False)
    found = _all(cutter, data)
    assert (len(found.messages), found.pubacks, len(found.others)) == (1, [], 2)


_characters = st.characters(exclude_categories=("Cc", "Cs"), exclude_characters="\ufeff")


@given(
    st.text(_characters, max_size=40), st.binary(max_size=20_000), st.none() | st.integers(0, 2**40), st.integers(1, 65_535), st.booleans()
)  # fmt: skip
def test_what_is_built_reads_back(
    text: str, payload: bytes, expiry_s: int | None, mid: int, v5: bool
) -> None:
    publication = Publication(f"{text}/commands", payload, f"{text}/answers", text, expiry_s)
    (message,) = _all(_cutter(v5=v5), publish_frame(publication, mid, v5=v5)).messages
    correlation = text.encode() if v5 else None
    assert message == RawAck(f"{text}/commands".encode(), payload, mid, 1, False, correlation)
    properties: Any = Properties(PacketTypes.PUBLISH)
    packed = publish_properties(publication)
    _, size = properties.unpack(packed)
    assert size == len(packed)
    assert properties.ResponseTopic == f"{text}/answers"
    assert (properties.ContentType, properties.PayloadFormatIndicator) == ("application/json", 1)
    assert getattr(properties, "MessageExpiryInterval", None) == (
        None if expiry_s is None else min(expiry_s, 2**32 - 1)
    )


def test_pubacks_are_those_of_the_standard_in_their_order() -> None:
    assert puback_frames([1, 258]) == b"\x40\x02\x00\x01\x40\x02\x01\x02"
    assert puback_frames([]) == b""

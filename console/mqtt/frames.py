"""PUBLISH and PUBACK as bytes: cut out of a stream, many at a time, and built. No I/O, no library.

By MQTT 3.1.1 and MQTT 5 (OASIS), chapters 2 and 3. Decided in docs/decisions/0057-a-lane-for-bulk.md
"""

from collections.abc import Sequence
from struct import Struct
from typing import NamedTuple

from console.domain.acks import RawAck
from console.domain.publication import Publication
from console.limits import MAX_ID_LENGTH

QOS = 1
MOST_CORRELATION = 4 * MAX_ID_LENGTH + 1  # bytes that are kept: one more than the longest id has
_MAX_EXPIRY_S = 0xFFFF_FFFF
_PUBLISH, _PUBACK, _KIND, _QOS_BITS, _RETAINED = 0x30, 0x40, 0xF0, 0x06, 0x01
_QOS_1 = QOS << 1
_PUBLISH_QOS_1 = _PUBLISH | _QOS_1  # not retained, not a repetition
_PACKET_ID_BYTES = 2
_MORE = 0x80  # of a length: another byte follows
_LENGTH_BITS = 28  # a length has four bytes at most
_CORRELATION_DATA = 0x09
# The other properties of a PUBLISH, chapter 2.2.2 of MQTT 5: those of a fixed size, and those with lengths.
_FIXED = {0x01: 1, 0x02: 4, 0x23: 2}
_WITH_LENGTHS = {0x03: 1, 0x08: 1, _CORRELATION_DATA: 1, 0x26: 2}
_SUBSCRIPTION_ID = 0x0B
_JSON = b"\x01\x01\x03\x00\x10application/json"  # Payload Format Indicator: text; Content Type
_two_bytes = Struct("!H").pack
_four_bytes = Struct("!I").pack


class Frames(NamedTuple):
    """What was cut out of a stream: messages, PUBACKs as packet id and reason, other packets as bytes.

    `fault` names what is malformed after them; nothing can be read behind it, so the link must end.
    """

    messages: list[RawAck]
    pubacks: list[tuple[int, int]]
    others: list[bytes]
    fault: str = ""


class MalformedError(Exception):
    """Bytes that are not MQTT."""


class FrameCutter:
    """Cuts packets out of a stream: `add` what was read, then `cut` while there `is_more`.

    A packet of more than `most_bytes` is a fault. Of a larger message only the beginning is kept, because
    MQTT 3.1.1 has no way to keep a broker from sending it, and one that ends the link would come again for
    ever. `messages` and `pubacks` are those that are cut; without them they are among the others, as
    messages of QoS 2 always are.
    """

    def __init__(self, *, v5: bool, most_bytes: int, messages: bool, pubacks: bool) -> None:
        self._v5 = v5
        self._most_bytes = most_bytes
        self._messages = messages
        self._pubacks = pubacks
        self._buffer = b""
        self._at = 0
        self._pieces: list[bytes] = []  # of a packet of which `_wanted` bytes must be there, and `_have` are
        self._have = self._wanted = 0
        self._skip = 0  # bytes to come of a message that is too large
        self._cut_short: RawAck | None = None
        self.is_more = False

    def add(self, data: bytes) -> None:
        """Take what was read; all that was added before has been cut."""
        if self._skip:
            dropped = min(self._skip, len(data))
            self._skip -= dropped
            data = data[dropped:]
            self.is_more = not self._skip
            self._buffer, self._at = data, 0
            return
        self._pieces.append(data)
        self._have += len(data)
        if self._have >= self._wanted:
            self._buffer = b"".join(self._pieces) if len(self._pieces) > 1 else data
            self._at = 0
            self._pieces, self._have = [], 0
            self.is_more = True

    def cut(self, most: int) -> Frames:
        """Cut at most so many packets."""
        found = Frames([], [], [])
        if not self.is_more:
            return found
        if self._cut_short is not None:
            found.messages.append(self._cut_short)
            self._cut_short = None
        try:
            self._cut(found, most)
        except MalformedError as error:
            return self._ended(found, str(error))
        except IndexError:
            return self._ended(found, "a packet ends before its own lengths")
        return found

    def _ended(self, found: Frames, fault: str) -> Frames:
        self.is_more, self._buffer = False, b""
        return found._replace(fault=fault)

    def _cut(self, found: Frames, most: int) -> None:
        buffer, at, v5 = self._buffer, self._at, self._v5
        end = len(buffer)
        while at + 2 <= end:
            if not most:
                self._at = at
                return
            first, length, body = buffer[at], buffer[at + 1], at + 2
            if length & _MORE:
                length, body = _length_at(buffer, at + 1, end)
            stop = body + length
            if body < 0 or stop > end or stop - at > self._most_bytes:
                self._wait(buffer[at:], first, 0 if body < 0 else stop - at, body - at)
                return
            if self._messages and first & _KIND == _PUBLISH and first & _QOS_BITS <= _QOS_1:
                found.messages.append(_message(buffer, first, body, stop, v5))
            elif self._pubacks and first & _KIND == _PUBACK:
                found.pubacks.append(_puback(buffer, body, length, v5))
            else:
                found.others.append(buffer[at:stop])
            at = stop
            most -= 1
        self._wait(buffer[at:], 0, 0, 0)

    def _wait(self, rest: bytes, first: int, size: int, body: int) -> None:
        """Keep the beginning of a packet until all of its `size` bytes are there; 0 if that is unknown."""
        self._buffer, self._at, self.is_more = b"", 0, False
        if size > self._most_bytes:
            if not (self._messages and first & _KIND == _PUBLISH and first & _QOS_BITS <= _QOS_1):
                raise MalformedError("a packet is larger than any that may be sent to us")
            if len(rest) >= self._most_bytes:
                self._cut_short = _message(rest, first, body, self._most_bytes, self._v5)
                self._skip = size - self._most_bytes
                self.add(rest[self._most_bytes :])
                return
        self._pieces, self._have = ([rest], len(rest)) if rest else ([], 0)
        self._wanted = min(size, self._most_bytes) or len(rest) + 1


def _puback(buffer: bytes, body: int, length: int, v5: bool) -> tuple[int, int]:
    """Return packet id and reason of a PUBACK; the one of 3.1.1 has no reason."""
    if length < _PACKET_ID_BYTES:
        raise MalformedError("a PUBACK without a packet id")
    reason = buffer[body + 2] if v5 and length > _PACKET_ID_BYTES else 0
    return buffer[body] << 8 | buffer[body + 1], reason


def _message(buffer: bytes, first: int, body: int, stop: int, v5: bool) -> RawAck:
    """Read a PUBLISH of QoS 0 or 1 whose body is at `body` and ends before `stop`."""
    topic = body + 2
    at = topic + (buffer[body] << 8 | buffer[body + 1])
    topic_end = at
    mid = 0
    if first & _QOS_BITS:
        mid = buffer[at] << 8 | buffer[at + 1]
        at += 2
    correlation = None
    if v5:
        size = buffer[at]
        at += 1
        if size & _MORE:
            size, at = _length_at(buffer, at - 1, stop)
        if size:
            if at < 0 or at + size > stop:
                raise MalformedError("the properties of a message are longer than the message")
            correlation = _correlation(buffer, at, at + size)
            at += size
    if not 0 <= at <= stop:
        raise MalformedError("a message ends before its payload")
    return RawAck(
        buffer[topic:topic_end], buffer[at:stop], mid, (first & _QOS_BITS) >> 1, bool(first & _RETAINED),
        correlation,
    )  # fmt: skip


def _length_at(buffer: bytes, at: int, end: int) -> tuple[int, int]:
    """Return the length at `at` and where it ends, -1 if it ends later: chapter 1.5.5 of MQTT 5."""
    value = shift = 0
    while at < end:
        byte = buffer[at]
        at += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < _MORE:
            return value, at
        if shift == _LENGTH_BITS:
            raise MalformedError("a length of more than four bytes")
    return 0, -1


def _correlation(buffer: bytes, at: int, end: int) -> bytes | None:
    """Return the Correlation Data among the properties of a message."""
    found = None
    while at < end:
        kind = buffer[at]
        at += 1
        if kind in _FIXED:
            at += _FIXED[kind]
        elif kind in _WITH_LENGTHS:
            for _ in range(_WITH_LENGTHS[kind]):
                start = at + 2
                at = start + (buffer[at] << 8 | buffer[at + 1])
            if kind == _CORRELATION_DATA:
                found = buffer[start : min(at, start + MOST_CORRELATION)]
        elif kind == _SUBSCRIPTION_ID:
            _, at = _length_at(buffer, at, end)
            if at < 0:
                break
        else:
            raise MalformedError(f"a message with the property {kind:#04x}")
    if at != end:
        raise MalformedError("the properties of a message do not end where they should")
    return found


def puback_frames(mids: Sequence[int]) -> bytes:
    """Build the PUBACKs of these packet ids, in this order, to be written at once."""
    return b"".join([b"\x40\x02" + _two_bytes(mid) for mid in mids])


def publish_properties(publication: Publication) -> bytes:
    """Build the properties of a PUBLISH of MQTT 5, with their length."""
    answer_to, correlation = publication.answer_to.encode(), publication.command_id.encode()
    properties = (
        _JSON
        + b"\x08" + _two_bytes(len(answer_to)) + answer_to
        + b"\x09" + _two_bytes(len(correlation)) + correlation
    )  # fmt: skip
    if publication.expiry_s is not None:
        properties += b"\x02" + _four_bytes(min(publication.expiry_s, _MAX_EXPIRY_S))
    return _length(len(properties)) + properties


def publish_frame(publication: Publication, mid: int, *, v5: bool) -> bytes:
    """Build a PUBLISH of QoS 1 that is not retained."""
    topic = publication.topic.encode()
    properties = publish_properties(publication) if v5 else b""
    length = 4 + len(topic) + len(properties) + len(publication.payload)
    return b"".join(
        (
            bytes((_PUBLISH_QOS_1,)), _length(length), _two_bytes(len(topic)), topic, _two_bytes(mid),
            properties, publication.payload,
        )
    )  # fmt: skip


def _length(number: int) -> bytes:
    if number < _MORE:
        return bytes((number,))
    found = bytearray()
    while number:
        number, byte = divmod(number, _MORE)
        found.append(byte | _MORE if number else byte)
    return bytes(found)

"""MQTT 3.1.1 by hand: what the floors and the fleets of the benchmarks speak, so that no client's cost is in them."""

import socket
import struct

Frame = tuple[int, int, int]  # type, where its body begins, where it ends


def _length(size: int) -> bytes:
    out = b""
    while True:
        size, digit = divmod(size, 128)
        out += bytes([digit | (128 if size else 0)])
        if not size:
            return out


def _text(data: bytes) -> bytes:
    return struct.pack("!H", len(data)) + data


def _frame(kind: int, body: bytes) -> bytes:
    return bytes([kind]) + _length(len(body)) + body


def publish(topic: bytes, payload: bytes, number: int) -> bytes:
    """A PUBLISH at QoS 1."""
    return _frame(0x32, _text(topic) + struct.pack("!H", number) + payload)


def puback(number: bytes) -> bytes:
    return b"\x40\x02" + number


def connect(port: int, client: str) -> socket.socket:
    """A session without Nagle and without keep alive."""
    link = socket.create_connection(("127.0.0.1", port))
    link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    link.sendall(_frame(0x10, _text(b"MQTT") + b"\x04\x02\x00\x00" + _text(client.encode())))
    if link.recv(4)[:1] != b"\x20":
        raise ConnectionError("the broker refused the session")
    return link


def subscribe(link: socket.socket, topic: bytes) -> None:
    """Subscribe at QoS 1. The SUBACK comes with what follows it."""
    link.sendall(_frame(0x82, b"\x00\x01" + _text(topic) + b"\x01"))


def frames(buffer: bytes | bytearray) -> tuple[list[Frame], int]:
    """The whole frames at the beginning of the buffer, and how many bytes they take."""
    found: list[Frame] = []
    at = 0
    while len(buffer) - at >= 2:
        size = shift = 0
        place = at + 1
        while place < len(buffer):
            digit = buffer[place]
            size |= (digit & 127) << shift
            shift += 7
            place += 1
            if not digit & 128:
                break
        else:
            break
        if len(buffer) - place < size:
            break
        found.append((buffer[at] >> 4, place, place + size))
        at = place + size
    return found, at

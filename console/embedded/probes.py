"""Checks a server by a real request, because a pid file, a socket or a process may remain after it failed."""

import secrets
import socket
import struct
from collections.abc import Iterator
from pathlib import Path

PORT = 5432  # only a part of the socket's name: the server does not listen on TCP
SUPERUSER = "console_owner"
DATABASE = "console"
READY = "00000"  # PostgreSQL's own code for success
NO_SUCH_DATABASE = "3D000"

_TIMEOUT_S = 2.0
_PROTOCOL_3 = 196608


def ask_postgres(folder: Path, database: str = DATABASE, statement: str | None = None) -> str:
    """Log in, run the statement if any, and return PostgreSQL's five-character code; "" without an answer."""
    try:
        with socket.socket(socket.AF_UNIX) as link:
            link.settimeout(_TIMEOUT_S)
            link.connect(str(folder / f".s.PGSQL.{PORT}"))
            parameters = f"user\0{SUPERUSER}\0database\0{database}\0\0".encode()
            link.sendall(struct.pack("!II", 8 + len(parameters), _PROTOCOL_3) + parameters)
            code = _outcome(link)
            if code == READY and statement is not None:
                link.sendall(_message(b"Q", statement.encode() + b"\0"))
                code = _outcome(link)
            if code == READY:
                link.sendall(_message(b"X", b""))
            return code
    except OSError:
        return ""


def ask_broker(port: int) -> bool:
    """Open a temporary MQTT 3.1.1 session; return whether the broker accepted it."""
    name = f"liveness-{secrets.token_hex(4)}".encode()
    body = b"\x00\x04MQTT\x04\x02\x00\x0a" + struct.pack("!H", len(name)) + name
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=_TIMEOUT_S) as link:
            link.sendall(b"\x10" + bytes([len(body)]) + body)
            welcome = link.recv(4, socket.MSG_WAITALL)
            link.sendall(b"\xe0\x00")
            return welcome == b"\x20\x02\x00\x00"
    except OSError:
        return False


def port_is_free(port: int) -> bool:
    with socket.socket() as attempt:
        attempt.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            attempt.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def listens(pid: int, port: int) -> bool:
    """Return whether this process listens on the port; True if the system doesn't show that."""
    try:
        inodes = set(_listening_inodes(port))
        descriptors = list(Path(f"/proc/{pid}/fd").iterdir())
    except OSError:
        return True
    for descriptor in descriptors:
        try:
            target = str(descriptor.readlink())
        except OSError:
            continue
        if target in inodes:
            return True
    return False


def _listening_inodes(port: int) -> Iterator[str]:
    local = f"0100007F:{port:04X}"
    for line in Path("/proc/net/tcp").read_text(encoding="ascii").splitlines()[1:]:
        fields = line.split()
        if fields[1] == local and fields[3] == "0A":
            yield f"socket:[{fields[9]}]"


def _outcome(link: socket.socket) -> str:
    """Read messages up to the next ready-for-query or error."""
    while True:
        header = link.recv(5, socket.MSG_WAITALL)
        if len(header) < 5:
            return ""
        kind, length = struct.unpack("!cI", header)
        body = link.recv(length - 4, socket.MSG_WAITALL) if length > 4 else b""
        if kind == b"Z":
            return READY
        if kind == b"E":
            return next((field[1:].decode() for field in body.split(b"\0") if field.startswith(b"C")), "")
        if kind == b"R" and body != b"\0\0\0\0":
            return ""


def _message(kind: bytes, body: bytes) -> bytes:
    return kind + struct.pack("!I", 4 + len(body)) + body

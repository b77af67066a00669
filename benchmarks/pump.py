"""A fleet that answers: publishes lines of ``topic TAB payload`` at QoS 1.

``python -m benchmarks.pump PORT FILE [RATE]`` says "loaded", begins with the next line on standard input, and says when
it began and ended. Without RATE as fast as the broker takes them; with it, so many a second whether or not
anybody keeps up, and ``@T@`` in a payload becomes the time at which it is sent.
"""

import select
import sys
import time
from pathlib import Path

from benchmarks.frames import connect, publish

_WINDOW, _PIECE = 20_000, 500


def _as_fast_as_possible(port: int, lines: list[list[bytes]]) -> None:
    packets = [publish(topic, payload, n % 65_535 + 1) for n, (topic, payload) in enumerate(lines)]
    link = connect(port, f"pump-{time.time_ns()}")
    print("loaded", flush=True)
    sys.stdin.readline()
    began = time.time()
    sent = confirmed = rest = 0
    while confirmed < len(packets):
        may_send = sent < len(packets) and sent - confirmed < _WINDOW
        if may_send:
            upto = min(sent + _PIECE, len(packets))
            link.sendall(b"".join(packets[sent:upto]))
            sent = upto
        if select.select([link], [], [], 0 if may_send else 10)[0]:
            rest += len(link.recv(1 << 20))
            confirmed += rest // 4
            rest %= 4
    print(f"{began:.6f} {time.time():.6f}", flush=True)


def _at_a_rate(port: int, lines: list[list[bytes]], rate: float) -> None:
    link = connect(port, f"pump-{time.time_ns()}")
    print("loaded", flush=True)
    sys.stdin.readline()
    began = time.time()
    first, latest = time.perf_counter(), 0.0
    for n, (topic, payload) in enumerate(lines):
        due = first + n / rate
        while (left := due - time.perf_counter()) > 0:
            if select.select([link], [], [], left)[0]:
                link.recv(65_536)
        latest = max(latest, time.perf_counter() - due)
        link.sendall(publish(topic, payload.replace(b"@T@", b"%.6f" % time.time()), n % 65_535 + 1))
    print(f"{began:.6f} {time.time():.6f} {latest:.6f}", flush=True)
    time.sleep(0.5)  # a session that ends with PUBACKs unread would cut its last answers off


def main() -> None:
    port, path = int(sys.argv[1]), Path(sys.argv[2])
    lines = [line.split(b"\t", 1) for line in path.read_bytes().splitlines()]
    if len(sys.argv) > 3:
        _at_a_rate(port, lines, float(sys.argv[3]))
    else:
        _as_fast_as_possible(port, lines)


if __name__ == "__main__":
    main()

"""A fleet that listens: ``python -m benchmarks.catcher PORT COUNT FILE IDLE_S [FILTER]``.

Says "ready" once it is subscribed, confirms what comes, and when COUNT came, or nothing for IDLE_S, writes lines
of ``time TAB topic TAB payload`` and says how many, and when the first and the last came.
"""

import sys
import time
from pathlib import Path

from benchmarks.frames import connect, frames, puback, subscribe

_PUBLISH = 3


def main() -> None:
    port, count, path, idle_s = int(sys.argv[1]), int(sys.argv[2]), Path(sys.argv[3]), float(sys.argv[4])
    link = connect(port, f"catcher-{time.time_ns()}")
    subscribe(link, (sys.argv[5] if len(sys.argv) > 5 else "tenant/+/device/+/commands").encode())
    link.recv(5)
    link.settimeout(idle_s)
    print("ready", flush=True)
    kept: list[tuple[float, bytes, bytes]] = []
    buffer = bytearray()
    try:
        while len(kept) < count:
            data = link.recv(1 << 20)
            if not data:
                break
            now = time.time()
            buffer += data
            found, used = frames(buffer)
            confirm = bytearray()
            for kind, begin, end in found:
                if kind == _PUBLISH:
                    after = begin + 2 + ((buffer[begin] << 8) | buffer[begin + 1])
                    confirm += puback(bytes(buffer[after : after + 2]))
                    kept.append((now, bytes(buffer[begin + 2 : after]), bytes(buffer[after + 2 : end])))
            del buffer[:used]
            if confirm:
                link.sendall(confirm)
    except TimeoutError:
        pass
    path.write_bytes(b"".join(b"%.6f\t%s\t%s\n" % line for line in kept))
    print(len(kept), *(f"{kept[i][0]:.6f}" for i in (0, -1) if kept), flush=True)


if __name__ == "__main__":
    main()

"""A tenant of 100,000 devices and 10 million commands: what the screen costs there, each figure beside its floor.

Run it with the environment of the tests: ``.venv/bin/python benchmarks/fleet_scale.py [--devices N] [--commands N]
[--home DIR]``. Without --home it seeds a folder of its own first (ten million take some six minutes); a folder that
`device-console simulate --seed-history` has filled is used as it is. It prints a table and writes JSON.
"""

import argparse
import asyncio
import contextlib
import json
import os
import queue
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Awaitable, Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import aiomqtt
import asyncpg

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from console.domain.devices import DeviceOrder  # noqa: E402
from console.domain.filters.language import Scope, parse_filter  # noqa: E402
from console.domain.history import Cursor  # noqa: E402
from console.embedded.servers import EmbeddedServers  # noqa: E402
from console.services.batch_send import BatchSend  # noqa: E402
from console.store.batches import BatchStore  # noqa: E402
from console.store.commands import CommandStore  # noqa: E402
from console.store.devices import DeviceStore  # noqa: E402
from console.store.pool import Access, Database  # noqa: E402
from tests.pseudo_terminal import PROGRAM, WatchedTerminal, demo_environment  # noqa: E402

TENANT, PAIRS, CHANGES, IN_VIEW, ROUNDS, KEYS = "scale", 5, 100, 30, 3, 200
NO_DELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]
BARE_APP = (
    "from textual.app import App\nfrom textual.widgets import Static\n"
    "class A(App):\n    def compose(self): yield Static('bare-app')\nA().run()"
)


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


def memory_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def cpu_s(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def timed(work: Callable[[], Awaitable[object]], times: int) -> list[float]:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        await work()
        taken.append((time.perf_counter() - started) * 1e3)
    return taken


async def paired(
    floor: Callable[[], Awaitable[object]], candidate: Callable[[], Awaitable[object]], times: int
) -> dict[str, object]:
    """Floor and candidate in turns; the median of the paired ratios with their spread."""
    await timed(floor, 5), await timed(candidate, 5)
    floors, ours, ratios = [], [], []
    for _ in range(PAIRS):
        f, c = await timed(floor, times), await timed(candidate, times)
        floors += f
        ours += c
        ratios.append(statistics.median(c) / statistics.median(f))
    return {
        "floor_p50_ms": round(statistics.median(floors), 3), "floor_p99_ms": round(percentile(floors, 0.99), 3),
        "p50_ms": round(statistics.median(ours), 3), "p99_ms": round(percentile(ours, 0.99), 3),
        "max_ms": round(max(ours), 2), "n": len(ours), "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(ratio, 2) for ratio in sorted(ratios)],
    }  # fmt: skip


async def queries(url: str, devices: int) -> dict[str, object]:
    """P9 and P10, and what filters and sorts cost."""
    database = Database(Access(url))
    await database.open()
    commands, registry = CommandStore(database), DeviceStore(database)
    nothing, everything = parse_filter("", Scope.COMMANDS), parse_filter("", Scope.DEVICES)
    one = f"meter-{devices // 2:06}"
    newest = (await commands.page(TENANT, device_ids=[one], wanted=nothing, before=None, limit=1)).commands[0]

    async def lookup() -> None:
        async with database.tenant_session(TENANT) as connection:
            await connection.fetchrow(
                "SELECT * FROM device_commands WHERE tenant_id = $1 AND command_id = $2",
                TENANT,
                newest.command_id,
            )

    def page(
        device_ids: list[str] | None, before: Cursor | None, text: str = ""
    ) -> Callable[[], Awaitable[object]]:
        wanted = parse_filter(text, Scope.COMMANDS)
        return lambda: commands.page(TENANT, device_ids=device_ids, wanted=wanted, before=before, limit=50)

    async with database.tenant_session(TENANT) as connection:
        row = await connection.fetchrow(
            "SELECT created_at, command_id FROM device_commands WHERE tenant_id = $1 AND created_at <"
            " (SELECT min(created_at) + (max(created_at) - min(created_at)) * 0.05 FROM device_commands"
            "  WHERE tenant_id = $1) ORDER BY created_at DESC LIMIT 1", TENANT,
        )  # fmt: skip
    deep = Cursor(row["created_at"], row["command_id"])
    found: dict[str, object] = {
        "page of a device": await paired(lookup, page([one], None), 40),
        "page of the tenant": await paired(lookup, page(None, None), 40),
        "page of the tenant, 95 % back": await paired(lookup, page(None, deep), 40),
    }
    ids = await registry.index(TENANT, everything, DeviceOrder.DEVICE)
    assert len(ids) == devices
    window = ids[devices // 3 : devices // 3 + 120]
    found["120 devices with their last outcome"] = await paired(
        lookup, lambda: registry.page(TENANT, window), 20
    )
    for text in ("phase:missed", "type:reboot site:lyon", "nosuchword", "age>3d by:alice"):
        taken = await timed(page(None, None, text), 7)
        found[f"first look for {text}"] = {
            "p50_ms": round(statistics.median(taken), 1),
            "max_ms": round(max(taken), 1),
        }
    for text in ("", "site:lyon", "status:online fw:2.4.1", "0500"):
        wanted = parse_filter(text, Scope.DEVICES)
        taken = await timed(lambda wanted=wanted: registry.index(TENANT, wanted, DeviceOrder.DEVICE), 7)
        found[f"ids of devices {text or '(all)'}"] = {
            "p50_ms": round(statistics.median(taken), 1), "max_ms": round(max(taken), 1),
        }  # fmt: skip
    await database.close()
    return found


async def bulk(url: str, count: int) -> dict[str, object]:
    """P6: so many commands with outbox rows and batch members, beside one INSERT … SELECT of the commands."""
    database = Database(Access(url))
    await database.open()
    sender = BatchSend(BatchStore(database), lambda _: None, 65_536)
    everything = parse_filter("", Scope.DEVICES)
    ids = (await DeviceStore(database).index(TENANT, everything, DeviceOrder.DEVICE))[:count]
    by = f"bench-{os.getpid()}"

    async def floor() -> None:
        async with database.tenant_session(TENANT) as connection:
            await connection.execute(
                "INSERT INTO device_commands (tenant_id, device_id, command_type, created_by)"
                " SELECT $1, d, 'ping', $3 FROM unnest($2::text[]) d", TENANT, ids, by,
            )  # fmt: skip

    async def ours() -> None:
        job = sender.job("ping", "{}", timedelta(hours=1), by, device_ids=ids, target="bench")
        await sender.begin(TENANT, job)
        await sender.run(TENANT, job)
        assert job.committed == count

    async def clean() -> None:
        async with database.login_session() as connection:
            for sql in (
                "DELETE FROM device_console.outbox WHERE tenant_id = $1",
                "DELETE FROM device_console.batch_members WHERE tenant_id = $1",
                "DELETE FROM device_console.batches WHERE tenant_id = $1",
            ):
                await connection.execute(sql, TENANT)
            await connection.execute(
                "DELETE FROM device_commands WHERE tenant_id = $1 AND status = 'queued' AND created_by = $2",
                TENANT,
                by,
            )

    floors, taken, ratios = [], [], []
    for _ in range(PAIRS):
        floors += await timed(floor, 1)
        await clean()
        taken += await timed(ours, 1)
        await clean()
        ratios.append(floors[-1] / taken[-1])
    preview = await timed(lambda: sender.preview(TENANT, ids, "ping"), 5)
    await database.close()
    return {
        "devices": count, "floor_ms": round(statistics.median(floors)), "ms": round(statistics.median(taken)),
        "share_of_floor": round(statistics.median(ratios), 2), "shares": [round(r, 2) for r in sorted(ratios)],
        "preview_ms": round(statistics.median(preview), 1),
    }  # fmt: skip


class Hand(threading.Thread):
    """Another program's hand on rows and broker, on a thread with a loop of its own."""

    def __init__(self, url: str, port: int) -> None:
        super().__init__(daemon=True)
        self._url, self.port = url, port
        self.loop = asyncio.new_event_loop()
        self.ready = threading.Event()
        self.sql: Any = None
        self.mqtt: Any = None

    def run(self) -> None:
        self.loop.run_until_complete(self._live())

    async def _live(self) -> None:
        self.sql = await asyncpg.connect(self._url)
        async with aiomqtt.Client("127.0.0.1", self.port, socket_options=NO_DELAY) as self.mqtt:
            self.ready.set()
            await asyncio.Event().wait()

    def do(self, work: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(60)  # type: ignore[arg-type]

    def start_doing(self, work: Awaitable[Any]) -> Any:
        return asyncio.run_coroutine_threadsafe(work, self.loop)  # type: ignore[arg-type]


def quiet(terminal: "TimedTerminal", quiet_s: float = 0.6, most_s: float = 10.0) -> None:
    terminal.read(quiet_s, most_s)


class TimedTerminal(WatchedTerminal):
    """A terminal that notes when bytes arrive, before they are parsed: the parser here is slower than the program."""

    def __init__(self, columns: int, rows: int, argv: list[str], env: Mapping[str, str]) -> None:
        super().__init__(columns, rows, argv, env)
        self._unread: queue.SimpleQueue[tuple[float, bytes]] = queue.SimpleQueue()
        threading.Thread(target=self._collect, daemon=True).start()

    def _collect(self) -> None:
        with contextlib.suppress(OSError):
            while data := os.read(self._master, 65_536):
                self._unread.put((time.perf_counter(), data))

    def next(self, within_s: float) -> float | None:
        """Show what arrived next; return when that was, or None if nothing came."""
        try:
            at, data = self._unread.get(timeout=within_s)
        except queue.Empty:
            return None
        self._arrived(data)
        return at

    def read(self, quiet_s: float = 0.4, most_s: float = 3.0) -> None:
        end = time.monotonic() + most_s
        while time.monotonic() < end and self.next(quiet_s) is not None:
            pass


def until_shown(
    terminal: TimedTerminal, shown: Callable[[], bool], started: float, most_s: float = 20.0
) -> float:
    """Seconds from `started` until the bytes arrived with which it is shown."""
    arrived: float | None = started
    while not shown():
        at = terminal.next(0.05)
        arrived = at or arrived
        if at is None and time.perf_counter() - started > most_s:
            raise SystemExit("never shown:\n" + "\n".join(terminal.screen.display))
    return (arrived or started) - started


def paint(home: Path, word: str, argv: list[str] | None = None) -> tuple[float, float, TimedTerminal]:
    started = time.perf_counter()
    terminal = TimedTerminal(120, 40, argv or PROGRAM, demo_environment(home))
    took = until_shown(terminal, lambda: any(word in x for x in terminal.screen.display), started, 60)
    return took, started, terminal


def start(home: Path) -> dict[str, object]:
    """P11 and P13: first rows and the whole fleet against a bare application."""
    bare, first, whole = [], [], []
    for _ in range(PAIRS):
        took, _, terminal = paint(home, "bare-app", [sys.executable, "-c", BARE_APP])
        terminal.close()
        bare.append(took)
        argv = [sys.executable, "-m", "console", "--embedded", "--tenant", TENANT]
        took, started, terminal = paint(home, "meter-000001", argv)
        all_of_it = until_shown(
            terminal, lambda t=terminal: any("Devices" in x and " online" in x for x in t.screen.display[:4]),
            started,
        )  # fmt: skip
        first.append(took)
        whole.append(all_of_it)
        terminal.close()
    return {
        "bare_s": round(statistics.median(bare), 3), "first_rows_s": round(statistics.median(first), 3),
        "whole_fleet_s": round(statistics.median(whole), 3),
        "ratio": round(statistics.median(w / b for w, b in zip(whole, bare, strict=True)), 2),
    }  # fmt: skip


def live(home: Path, hand: Hand) -> dict[str, object]:
    """P8, P13, P14 on one running screen."""
    argv = [sys.executable, "-m", "console", "--embedded", "--tenant", TENANT]
    _, _, terminal = paint(home, "meter-000001", argv)
    quiet(terminal, 2.0, 12.0)
    found: dict[str, object] = {"rss_mb": round(memory_mb(terminal.pid), 1)}
    found["one changed row"] = _one_row(terminal, hand)
    found["idle"] = _watch(terminal, 5.0)
    task = hand.start_doing(_changes(hand, 7.0 + KEYS * 0.1))
    quiet(terminal, 0.0, 1.0)
    found["100 changes a second"] = _watch(terminal, 6.0)
    found["keys under that load"] = _keys(terminal)
    task.result(60)
    found["rows out of view"] = _out_of_view(terminal, hand)
    found["answer to changed cell"] = _answers(terminal, hand)
    found["rss_after_mb"] = round(memory_mb(terminal.pid), 1)
    terminal.close()
    return found


def _one_row(terminal: TimedTerminal, hand: Hand) -> dict[str, float]:
    taken, sizes = [], []
    for turn in range(20):
        quiet(terminal, 1.2, 6.0)
        word = "STALE" if turn % 2 == 0 else "OFFLINE"
        before = len(terminal.raw)
        started = time.perf_counter()
        hand.do(_set_state(hand, "meter-000005", word))
        took = until_shown(
            terminal, lambda w=word: _has(terminal, "meter-000005", w.lower()), started
        )  # fmt: skip
        taken.append(took * 1e3)
        quiet(terminal, 0.3, 0.5)
        sizes.append(len(terminal.raw) - before)
    return {
        "p50_ms": round(statistics.median(taken), 1), "max_ms": round(max(taken), 1),
        "bytes_p50": statistics.median(sizes), "bytes_max": max(sizes), "n": len(taken),
    }  # fmt: skip


async def _set_state(hand: Hand, device: str, word: str) -> None:
    await hand.sql.execute(
        "UPDATE device_state SET status = $2 WHERE tenant_id = $3 AND device_id = $1", device, word, TENANT
    )


async def _changes(hand: Hand, seconds: float) -> int:
    """One hundred changed rows a second, all of them in view."""
    started, done = time.monotonic(), 0
    words = ("ONLINE", "STALE", "OFFLINE")
    while time.monotonic() - started < seconds:
        await _set_state(hand, f"meter-{1 + done % 30:06}", words[done // 30 % 3])
        done += 1
        await asyncio.sleep(max(0.0, started + done / CHANGES - time.monotonic()))
    return done


def _has(terminal: TimedTerminal, *words: str) -> bool:
    return any(all(word in line for word in words) for line in terminal.screen.display)


def _watch(terminal: TimedTerminal, seconds: float) -> dict[str, float]:
    size, cpu, started = len(terminal.raw), cpu_s(terminal.pid), time.monotonic()
    while time.monotonic() - started < seconds:
        terminal.read(0.05, 0.2)
    return {
        "kB_per_s": round((len(terminal.raw) - size) / 1000 / seconds, 2),
        "cpu_percent": round((cpu_s(terminal.pid) - cpu) / seconds * 100, 1),
    }


def _keys(terminal: TimedTerminal) -> dict[str, float]:
    taken = []
    for turn in range(KEYS):
        key, row = ("j", 1) if turn % 20 < 10 else ("k", -1)
        place = next(n for n, line in enumerate(terminal.screen.display) if line.startswith("▌"))
        started = time.perf_counter()
        terminal.type(key)
        took = until_shown(
            terminal, lambda p=place + row: terminal.screen.buffer[p][0].data == "▌", started
        )  # fmt: skip
        taken.append(took * 1e3)
        terminal.read(0.02, 0.05)
    return {
        "p50_ms": round(statistics.median(taken), 1), "p99_ms": round(percentile(taken, 0.99), 1),
        "max_ms": round(max(taken), 1), "n": len(taken),
    }  # fmt: skip


def _out_of_view(terminal: TimedTerminal, hand: Hand) -> dict[str, float]:
    quiet(terminal, 3.0, 15.0)
    before = len(terminal.raw)
    for number in range(20):
        hand.do(_set_state(hand, f"meter-{50_000 + number:06}", "STALE"))
    quiet(terminal, 2.5, 6.0)
    return {"bytes": len(terminal.raw) - before}


def _answers(terminal: TimedTerminal, hand: Hand) -> dict[str, object]:
    """A device's answer until the cell has changed, beside a bare subscriber's time for a message."""
    bare: list[float] = []

    async def subscriber() -> None:
        async with aiomqtt.Client("127.0.0.1", hand.port, socket_options=NO_DELAY) as client:
            await client.subscribe("bench/floor", qos=1)
            for _ in range(100):
                started = time.perf_counter()
                await hand.mqtt.publish("bench/floor", b"x", qos=1)
                await anext(aiter(client.messages))
                bare.append((time.perf_counter() - started) * 1e3)

    hand.do(subscriber())
    taken: list[float] = []
    for turn in range(ROUNDS):
        ids = [f"bench-{os.getpid()}-{turn}-{n}" for n in range(IN_VIEW)]
        hand.do(_published(hand, ids))
        quiet(terminal, 1.5, 8.0)
        for number, name in enumerate(ids):
            device = f"meter-{1 + number:06}"
            started = time.perf_counter()
            hand.start_doing(_answer(hand, device, name))
            took = until_shown(terminal, lambda d=device: _has(terminal, d, "failed"), started)
            taken.append(took * 1e3)
            terminal.read(0.05, 0.15)
        hand.do(
            hand.sql.execute(
                "DELETE FROM device_commands WHERE tenant_id = $1 AND command_id = ANY ($2)", TENANT, ids
            )
        )
    return {
        "bare_p50_ms": round(statistics.median(bare), 2), "p50_ms": round(statistics.median(taken), 1),
        "p99_ms": round(percentile(taken, 0.99), 1), "max_ms": round(max(taken), 1), "n": len(taken),
        "ratio": round(statistics.median(taken) / statistics.median(bare), 1),
    }  # fmt: skip


async def _published(hand: Hand, ids: list[str]) -> None:
    """One command each for the first devices, published and not answered."""
    await hand.sql.executemany(
        "INSERT INTO device_commands (tenant_id, command_id, device_id, command_type, published_at)"
        " VALUES ($1, $2, $3, 'ping', now())",
        [(TENANT, name, f"meter-{1 + n:06}") for n, name in enumerate(ids)],
    )
    await hand.sql.execute("SELECT pg_notify('device_console', $1)", TENANT)


async def _answer(hand: Hand, device: str, command_id: str) -> None:
    topic = f"tenant/{TENANT}/device/{device}/commands/ack"
    await hand.mqtt.publish(topic, json.dumps({"command_id": command_id, "status": "error"}), qos=1)


def seed(home: Path, devices: int, commands: int) -> None:
    words = [
        "simulate",
        "--seed-history",
        str(commands),
        "--devices",
        str(devices),
        "--embedded",
        "--home",
        str(home),
    ]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    subprocess.run([sys.executable, "-m", "console", *words], check=True, cwd=ROOT, env=environment)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--devices", type=int, default=100_000)
    parser.add_argument("--commands", type=int, default=10_000_000)
    parser.add_argument("--home", type=Path, help="a folder that is seeded already")
    options = parser.parse_args()
    home = options.home or Path(tempfile.mkdtemp(prefix="dc-scale-"))
    home.chmod(0o711)
    sys.setswitchinterval(0.0005)  # the thread that notes arrivals must not wait for the parser
    os.environ["CONSOLE_SIMULATED_DEVICES"] = "0"
    try:
        if options.home is None:
            seed(home, options.devices, options.commands)
        with EmbeddedServers.attach(home) as servers:
            addresses = servers.addresses
            found: dict[str, object] = {"devices": options.devices, "commands": options.commands}
            found["start"] = start(home)
            hand = Hand(addresses.database_url, int(addresses.mqtt_url.rpartition(":")[2]))
            hand.start()
            hand.ready.wait(10)
            found["screen"] = live(home, hand)
            found["database"] = asyncio.run(queries(addresses.database_url, options.devices))
            found["bulk send"] = asyncio.run(bulk(addresses.database_url, min(10_000, options.devices)))
            found["bulk send to all"] = asyncio.run(bulk(addresses.database_url, options.devices))
    finally:
        if options.home is None:
            shutil.rmtree(home, ignore_errors=True)
    print(json.dumps(found, indent=2))
    folder = Path(__file__).parent / "results"
    folder.mkdir(exist_ok=True)
    (folder / "fleet_scale.json").write_text(json.dumps(found, indent=2) + "\n")


if __name__ == "__main__":
    main()

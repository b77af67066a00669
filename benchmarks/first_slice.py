"""Start, memory, and the way of a command to the screen, each beside its floor: prints a table, writes JSON.

Run it with the environment of the tests: ``.venv/bin/python benchmarks/first_slice.py``. It brings its own
servers in a folder of its own and takes about two minutes.
"""

import asyncio
import json
import os
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import timedelta
from pathlib import Path

import aiomqtt
import asyncpg

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT))

from console.domain.commands import Draft  # noqa: E402
from console.embedded.servers import EmbeddedServers  # noqa: E402
from console.store.commands import CommandStore  # noqa: E402
from console.store.pool import Access, Database  # noqa: E402
from tests.pseudo_terminal import WatchedTerminal, demo_terminal  # noqa: E402

BARE_APP = (
    "from textual.app import App\nfrom textual.widgets import Static\n"
    "class A(App):\n    def compose(self): yield Static('bare-app')\nA().run()"
)
SENDS, OVERDUE = 50, 100
NO_DELAY = [(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)]


def timed(argv: list[str], times: int = 7) -> float:
    taken = []
    for _ in range(times):
        started = time.perf_counter()
        subprocess.run(argv, check=True, stdout=subprocess.DEVNULL, cwd=ROOT)
        taken.append(time.perf_counter() - started)
    return statistics.median(taken)


def paint(home: Path, word: str, argv: list[str] | None = None) -> tuple[float, WatchedTerminal]:
    started = time.perf_counter()
    terminal = demo_terminal(home, 120, 40, argv)
    end = time.monotonic() + 30
    while not any(word in line for line in terminal.screen.display):
        if time.monotonic() > end:
            raise SystemExit("nothing was painted:\n" + "\n".join(terminal.screen.display))
        terminal.read(0.002, 0.02)
    return time.perf_counter() - started, terminal


def rss_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
        if line.startswith("Rss:"):
            return int(line.split()[1]) / 1024
    return 0.0


def percentile(values: list[float], share: float) -> float:
    return sorted(values)[min(len(values) - 1, int(len(values) * share))]


async def devices_answer(port: int, ready: asyncio.Event) -> None:
    async with aiomqtt.Client("127.0.0.1", port, socket_options=NO_DELAY) as client:
        await client.subscribe("tenant/demo/device/+/commands", qos=1)
        ready.set()
        async for message in client.messages:
            answer = json.dumps({"command_id": json.loads(message.payload)["command_id"], "status": "ok"})
            await client.publish(f"{message.topic}/ack", answer, qos=1)


async def round_trips(port: int) -> list[float]:
    taken = []
    async with aiomqtt.Client("127.0.0.1", port, socket_options=NO_DELAY) as client:
        await client.subscribe("bench", qos=1)
        for _ in range(SENDS):
            started = time.perf_counter()
            await client.publish("bench", b"x", qos=1)
            await anext(aiter(client.messages))
            taken.append(time.perf_counter() - started)
    return taken


async def on_screen(terminal: WatchedTerminal, store: CommandStore, device_id: str) -> list[float]:
    taken = []
    for number in range(SENDS):
        name = f"bench-{number}"
        terminal.type("g")  # the newest command is above the cursor's
        started = time.perf_counter()
        await store.insert(
            "demo", [Draft(f"{name}-{time.time_ns()}", device_id, name, ttl=timedelta(minutes=5))]
        )
        while not any(name + " " in line and " ok" in line for line in terminal.screen.display):
            await asyncio.to_thread(terminal.read, 0.002, 0.004)
            if time.perf_counter() - started > 10:
                raise SystemExit(
                    f"{name} never answered on the screen:\n" + "\n".join(terminal.screen.display)
                )
        taken.append(time.perf_counter() - started)
    return taken


async def keep_reading(terminal: WatchedTerminal) -> None:
    while True:
        await asyncio.to_thread(terminal.read, 0.05, 0.2)


async def sweep_lateness(url: str) -> list[float]:
    connection = await asyncpg.connect(url)
    await connection.execute(
        "CREATE TABLE IF NOT EXISTS public.bench (late double precision);"
        "CREATE OR REPLACE FUNCTION public.bench() RETURNS trigger SECURITY DEFINER LANGUAGE plpgsql AS $$ BEGIN"
        " INSERT INTO public.bench VALUES (extract(epoch FROM clock_timestamp() - NEW.expires_at)); RETURN NULL; END $$;"
        "CREATE OR REPLACE TRIGGER bench AFTER UPDATE OF status ON public.device_commands FOR EACH ROW"
        " WHEN (NEW.status IN ('missed', 'expired')) EXECUTE FUNCTION public.bench()"
    )
    await connection.execute(
        "INSERT INTO public.device_commands (tenant_id, device_id, command_type, expires_at, published_at)"
        " SELECT 'demo', 'bench', 'bench', now() + interval '1 s' + n * interval '41 ms', now() FROM generate_series(1, $1) n",
        OVERDUE,
    )
    while await connection.fetchval("SELECT count(*) FROM public.bench") < OVERDUE:
        await asyncio.sleep(0.2)
    late = [row["late"] for row in await connection.fetch("SELECT late FROM public.bench")]
    await connection.execute("DROP TRIGGER bench ON public.device_commands; DROP TABLE public.bench")
    await connection.close()
    return late


async def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="dc-bench-"))
    home.chmod(0o711)
    rows: list[tuple[str, float, str, float | None]] = []
    floor = timed([sys.executable, "-c", "pass"])
    rows.append(
        ("--version, s", timed([sys.executable, "-m", "console", "--version"]), "bare interpreter", floor)
    )
    bare, terminal = paint(home, "bare-app", [sys.executable, "-c", BARE_APP])
    terminal.close()
    cold, terminal = paint(home, "DEVICE")
    terminal.close()
    time.sleep(2)
    warm, terminal = paint(home, "DEVICE")
    attached, second = paint(home, "DEVICE")
    second.close()
    terminal.close()
    os.environ["CONSOLE_SIMULATED_DEVICES"] = "0"  # from here on this program answers for the devices
    time.sleep(2)
    _, terminal = paint(home, "DEVICE")
    rows += [
        ("first paint, embedded cold, s", cold, "bare Textual app", bare),
        ("first paint, embedded warm, s", warm, "bare Textual app", bare),
        ("first paint, servers up, s", attached, "bare Textual app", bare),
    ]
    with EmbeddedServers.attach(home) as servers:
        port = int(servers.addresses.mqtt_url.rpartition(":")[2])
        database = Database(Access(servers.addresses.database_url))
        await database.open()
        store = CommandStore(database)
        device_id = (await asyncpg_ids(servers.addresses.database_url))[0]
        ready = asyncio.Event()
        answering = asyncio.create_task(devices_answer(port, ready))
        await ready.wait()
        terminal.press("H", "History")
        taken = await on_screen(terminal, store, device_id)
        trips = await round_trips(port)
        rows += [
            (
                "send to ACK on screen, p50, ms",
                percentile(taken, 0.5) * 1e3,
                "QoS 1 round trip p50",
                percentile(trips, 0.5) * 1e3,
            ),
            (
                "send to ACK on screen, p99, ms",
                percentile(taken, 0.99) * 1e3,
                "QoS 1 round trip p99",
                percentile(trips, 0.99) * 1e3,
            ),
        ]
        reading = asyncio.create_task(keep_reading(terminal))  # a terminal that stalls stalls its program
        late = await sweep_lateness(servers.addresses.database_url)
        reading.cancel()
        rows.append(("sweep lateness, p50, ms", percentile(late, 0.5) * 1e3, "", None))
        rows.append(("sweep lateness, p99, ms", percentile(late, 0.99) * 1e3, "", None))
        rows.append(("RSS of the screen, MB", rss_mb(terminal.pid), "", None))
        terminal.close()
        answering.cancel()
        await database.close()
        environment = {**os.environ, "CONSOLE_HOME": str(home), "PYTHONPATH": str(ROOT)}
        started = time.perf_counter()
        sweeper = subprocess.Popen(
            [sys.executable, "-m", "console", "--sweeper", "--embedded"],
            env=environment,
            stderr=subprocess.PIPE,
        )
        assert sweeper.stderr is not None
        while b"ready" not in sweeper.stderr.readline():
            pass
        rows.append(
            ("--sweeper ready, servers up, s", time.perf_counter() - started, "bare interpreter", floor)
        )
        time.sleep(2)
        rows.append(("RSS of --sweeper, MB", rss_mb(sweeper.pid), "", None))
        sweeper.terminate()
        sweeper.wait(10)
    shutil.rmtree(home, ignore_errors=True)
    report(rows)


async def asyncpg_ids(url: str) -> list[str]:
    connection = await asyncpg.connect(url)
    rows = await connection.fetch(
        "SELECT device_id FROM device_registry WHERE tenant_id = 'demo' AND decommissioned_at IS NULL ORDER BY 1"
    )
    await connection.close()
    return [row["device_id"] for row in rows]


def report(rows: list[tuple[str, float, str, float | None]]) -> None:
    for name, value, floor_name, floor in rows:
        ratio = f"  {value / floor:6.1f} x {floor_name} ({floor:.3f})" if floor else ""
        print(f"{name:36} {value:9.3f}{ratio}")
    results = ROOT / "benchmarks" / "results"
    results.mkdir(exist_ok=True)
    document = [{"figure": n, "value": v, "floor": f, "floor_name": fn} for n, v, fn, f in rows]
    (results / "first_slice.json").write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    asyncio.run(main())

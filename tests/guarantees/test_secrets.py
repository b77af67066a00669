"""A secret that was given to the program is nowhere to be read: not in argv, logs, crash reports, screens or rows."""

import asyncio
import sys
from pathlib import Path

import asyncpg
import pytest

from console.mqtt.session import BrokerAddress
from console.secret import Secret
from console.settings import Settings
from console.store.access import Access
from tests.brokers import BrokerProcess, free_port
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.faults.program import FAILPOINT
from tests.faults.terminal import terminal
from tests.rows import add_command
from tests.waiting import until

pytestmark = pytest.mark.mosquitto
CANARY = "s3cr3t-canary-4711"


def with_secrets(env: dict[str, str], access: Access, broker: BrokerProcess) -> dict[str, str]:
    """The same servers, reached with a password that they do not ask for."""
    return env | {
        "DATABASE_URL": access.url.replace("console_login@", f"console_login:{CANARY}@"),
        "MQTT_URL": f"mqtt://console:{CANARY}@127.0.0.1:{broker.port}",
        "PGPASSWORD": CANARY,
    }


def arguments_of_all() -> bytes:
    """What anybody on this machine may read of every process, but for the one that runs the test."""
    found = b""
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            found += path.read_bytes()
        except OSError:
            continue
    return found


def files_below(home: Path) -> bytes:
    return b"".join(path.read_bytes() for path in home.rglob("*") if path.is_file())


async def output_of(env: dict[str, str], *arguments: str) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.faults.program", *arguments, env=env, cwd=REPOSITORY,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    message, _ = await process.communicate()
    return process.returncode or 0, message


def test_no_address_prints_its_secret() -> None:
    """Without it, any traceback with locals, any log of an object and any debugger shows the password."""
    access = Access(f"postgresql://u:{CANARY}@h/x", f"postgresql://u:{CANARY}@h/y")
    broker = BrokerAddress("h", 1883, "u", CANARY)
    settings = Settings(database_url=Secret(f"postgresql://u:{CANARY}@h/x"))
    for thing in (access, broker, settings):
        assert CANARY not in f"{thing!r} {thing}"


async def reported(owner: asyncpg.Connection) -> bool:
    return bool(await owner.fetchval("SELECT count(*) FROM device_console.problems WHERE kind = 'link'"))


async def written(path: Path) -> bool:
    return path.exists() and path.stat().st_size > 0  # noqa: ASYNC240 - a local file


@pytest.mark.soak
async def test_no_shell_command_prints_a_secret_whatever_is_wrong(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without the masks, the first wrong address shows the password next to it."""
    env = with_secrets(environment(tmp_path, access.url, mosquitto.address), access, mosquitto)
    nowhere = f"postgresql://console_login:{CANARY}@127.0.0.1:{free_port()}/x"
    cases: list[tuple[list[str], dict[str, str], set[int]]] = [
        (["config", "show"], {}, {0}),
        (["config", "show", "--json"], {}, {0}),
        (["doctor"], {}, {0}),
        (["send", "pump-1", "ping"], {}, {0}),
        (["export"], {}, {0}),
        (["devices"], {"DATABASE_URL": nowhere}, {3}),
        (["doctor"], {"DATABASE_URL": nowhere}, {3}),
        (["devices"], {"DATABASE_URL": f"postgresql://u:{CANARY}@[::1/x"}, {2}),
        (["devices"], {"DATABASE_URL": f"postgresql://u:{CANARY}@127.0.0.1:notaport/x"}, {2}),
        (["devices"], {"DATABASE_URL": f"mysql://u:{CANARY}@h/x"}, {2}),
        (["doctor"], {"MQTT_URL": f"mqtt://u:{CANARY}@127.0.0.1:{free_port()}"}, {3}),
        (["doctor"], {"MQTT_URL": f"amqp://u:{CANARY}@127.0.0.1"}, {2}),
        (["doctor"], {"MQTT_URL": f"mqtt://u:{CANARY}@[::1"}, {2}),
        (["devices"], {"CONSOLE_MAX_PAYLOAD_BYTES": "x", "CONSOLE_DIRECT_DATABASE_URL": CANARY}, {2}),
    ]
    for arguments, changes, codes in cases:
        code, message = await output_of(env | changes, *arguments)
        assert code in codes, (arguments, changes, message)
        assert message, arguments
        assert CANARY.encode() not in message, (arguments, message)
    assert CANARY.encode() not in files_below(tmp_path)


@pytest.mark.slow
async def test_screen_worker_and_crash_report_hold_no_secret(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without tracebacks free of locals, a crash report holds the URL of every frame."""
    env = with_secrets(environment(tmp_path, access.url, mosquitto.address), access, mosquitto)
    await add_command(owner, "acme", "c1")
    async with terminal(env, columns=120, rows=40) as screen:
        await screen.shows("pump-1")
        assert CANARY.encode() not in arguments_of_all()
        screen.type("?")
        await screen.settled()
        for keys in ("\x1b", "p"):  # together they may be read as alt+p
            screen.type(keys)
            await screen.settled()
        mosquitto.stop()
        mosquitto.start()
        await screen.shows("mqtt ok")
        await until(lambda: reported(owner))
        export = tmp_path / "export.csv"
        screen.type("\x1b")
        await screen.settled()
        for keys in ("H", "w", f"\x15{export}\r"):
            screen.type(keys)
            await screen.settled()
        await until(lambda: written(export))
        assert CANARY.encode() not in screen.raw
    failing = env | {FAILPOINT: "console.store.settlement:SettlementStore.sweep:raise:3"}
    async with terminal(failing, columns=120, rows=40) as screen:

        async def over() -> bool:
            return not screen.alive

        await until(over)
        await screen.ended()
        assert b"device-console crashed; the report is in" in screen.raw
        assert b"Traceback" not in screen.raw
        assert b"the bug of a test" in files_below(tmp_path)
        assert CANARY.encode() not in screen.raw
    failing |= {FAILPOINT: "console.services.batch_send:BatchSend.batches:raise:1"}
    async with terminal(failing, columns=120, rows=40) as screen:
        await screen.shows("pump-1")
        screen.type("b")
        await screen.ended()
        assert CANARY.encode() not in screen.raw
        assert b"device-console crashed; the report is in" in screen.raw
    reports = list(tmp_path.rglob("crash-*"))  # noqa: ASYNC240 - a local folder
    assert len(reports) == 2
    assert all("the bug of a test" in report.read_text() for report in reports)
    failing |= {FAILPOINT: "console.store.settlement:SettlementStore.sweep:raise:3"}
    code, message = await output_of(failing, "--sweeper")
    assert code != 0
    assert b"the bug of a test" in message
    assert CANARY.encode() not in message
    assert files_below(tmp_path)
    assert CANARY.encode() not in files_below(tmp_path)
    rows = [str(dict(row)) for row in await owner.fetch("SELECT * FROM device_console.problems")]
    assert CANARY not in "".join(rows)

"""With embedded servers: workers beside the sessions, and guests, whom PostgreSQL itself keeps from changing anything."""

import asyncio
import os
import shutil
import signal
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import asyncssh
import pytest

from console.embedded.directory import EmbeddedDirectory
from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet, make_home
from tests.e2e.test_embedded import processes_of
from tests.faults.processes import REPOSITORY, environment, program
from tests.faults.program import FAILPOINT
from tests.faults.served import CLIENT, NOWHERE, Keys, Served, far_screen, served, started
from tests.faults.terminal import Terminal
from tests.waiting import until

pytestmark = [pytest.mark.slow, pytest.mark.proc]

DEMO = 'environment="CONSOLE_TENANT=demo",environment="CONSOLE_OPERATOR=kim"'


@asynccontextmanager
async def demo(*flags: str, **more: str) -> AsyncIterator[tuple[Served, Path]]:
    """A server of the demo in a folder of its own; afterwards no process of it is left."""
    home = make_home()
    (home / "keys").mkdir()
    keys = Keys(home / "keys")
    keys.admit(kim=DEMO)
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CONSOLE_", "DATABASE_URL", "MQTT_URL"))
    }
    env |= {"PYTHONPATH": str(REPOSITORY), "CONSOLE_AUTHORIZED_KEYS": str(keys.path), "CONSOLE_CONFIG": str(home / "none"),
            "CONSOLE_SIMULATED_DEVICES": "12", "CONSOLE_DEMO_TRAFFIC": "false", "CONSOLE_HOME": str(home), FAILPOINT: "", **more}  # fmt: skip
    root = EmbeddedDirectory.default(home).root
    try:
        async with started(keys, env, "--embedded", *flags) as server:
            yield server, home

        async def gone() -> bool:
            return not processes_of(root) and not sweepers(home)

        await until(gone)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def sweepers(home: Path) -> list[int]:
    """The processes of workers of this folder."""
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue
        if b"--sweeper" in words and str(home).encode() in words:
            found.append(int(entry.name))
    return found


async def test_workers_run_beside_the_sessions_and_end_with_the_server() -> None:
    """Without them nobody publishes; without the signal at the parent's death they outlive a server that is killed."""
    async with demo("--guests") as (server, home):
        async with await server.connect("kim") as connection:
            screen = await far_screen(connection)
            await screen.shows("workers elsewhere")
            await screen.shows("online")
            done = await connection.run("send pump-0001 ping --wait --yes --json")
            assert done.exit_status == 0, done.stderr
            assert '"created_by": "kim"' in str(done.stdout)
        (first,) = sweepers(home)
        os.kill(first, signal.SIGKILL)

        async def another() -> bool:
            return bool(set(sweepers(home)) - {first})

        await until(another)
        assert any("starting them again" in line["message"] for line in server.log)
        await _guests_only_look(server)
        server.running.kill()
        assert await server.running.ended() == -signal.SIGKILL


class _Asked(asyncssh.SSHClient):
    """A client that answers questions, as OpenSSH's does; none is asked."""

    def kbdint_auth_requested(self) -> str:
        return ""


async def _guests_only_look(server: Served) -> None:
    """No key, any name; nothing that changes, exports or starts something is offered or done."""
    async with await server.connect("unknown", username="whoever", client_factory=_Asked) as connection:
        screen = await far_screen(connection)
        await screen.shows("READ-ONLY")
        await screen.shows("guest")
        for keys in ("c", "w", "\x1a", "x", "H", "w", "r", "\x0f"):
            screen.type(keys)
        await screen.shows("History")
        assert "params" not in screen.text
        for words in (
            "send pump-0001 ping",
            "export --output x",
            "favourites --keep ping",
            "devices --tenant acme",
        ):
            done = await connection.run(words)
            assert done.exit_status == 2, words
        assert (await connection.run("devices --json")).exit_status == 0
    async with await server.connect(client_factory=_Asked) as connection:
        assert (await connection.run("types pump-0001")).exit_status == 0
    await server.tells("closed", 1)
    assert server.events("cut")[-1]["operator"] == "guest"


@pytest.mark.ssh
async def test_a_guest_of_openssh_only_looks() -> None:
    """Without it, whoever comes without a key keeps a file here, sends, or lets the demo's broker be killed."""
    async with demo("--guests", CONSOLE_START="devices") as (server, home):
        argv = [
            word.replace("BatchMode=yes", "BatchMode=no")
            for word in server.client("unknown", options=_WISHES)
        ]
        screen, before = Terminal(110, 32), _kept(home)
        await screen.start_command(CLIENT, *argv)
        try:
            await screen.shows("READ-ONLY")
            await screen.shows("pump-0001")
            await _press_all(screen)
            assert screen.alive
        finally:
            await screen.close()
        assert _kept(home) == before
        done = await server.run("kim", "history --limit 200 --json")
        assert (done[0], "guest" in done[1]) == (0, False)


_WISHES = ("-o", "SetEnv=CONSOLE_READ_ONLY=0 CONSOLE_TENANT=acme")


async def _press_all(screen: Terminal) -> None:
    """Try what changes, exports, edits, suspends, keeps or directs; each key is followed by what it must show."""
    for keys, shown in (
        ("c", "pump-0001"), ("H", "History"), ("w", "it writes no files on its host"), ("\x1a", "it cannot be suspended"),
        ("r", "History"), ("x", "History"), ("*", "History"), ("\x1b", "pump-0001"), ("@", "sent, cancelled and exported nothing"),
        ("\x1b", "pump-0001"), ("\x1b[20~", "THEME"), ("\x1b[B", "until you leave"), ("\r", "pump-0001"),
        (":demo storm", "There is no device"), ("\r", "There is no device"), ("\x1b", "? help"), ("0", "ended per"), ("F", "fleet"),
        ("c", "fleet"), ("\x1b", "ended per"), ("p", "Problems"), ("\x1b", "ended per"), ("b", "Bulk sends"),
    ):  # fmt: skip
        screen.type(keys)
        await screen.shows(shown)
        await screen.settled(0.2)
        assert "New command" not in screen.text


def _kept(home: Path) -> set[str]:
    """The names of the files outside of servers and logs."""
    found = (path.relative_to(home) for path in home.rglob("*") if path.is_file())
    return {str(path) for path in found if path.parts[0] not in {"embedded", "log"}}


async def test_a_stop_in_order_ends_the_workers() -> None:
    async with demo() as (server, home):

        async def runs() -> bool:
            return len(sweepers(home)) == 1

        await until(runs)
        server.running.signal(signal.SIGTERM)
        assert await server.running.ended() == 0
        assert sweepers(home) == []


async def test_a_configured_database_has_neither_guests_nor_workers_of_ours(
    access: Access, fleet: Fleet, tmp_path: Path
) -> None:
    """Without the refusal --guests would show a real fleet to anybody."""
    del fleet
    keys = Keys(tmp_path)
    keys.admit(kim=DEMO)
    env = environment(tmp_path, access.url, NOWHERE, CONSOLE_AUTHORIZED_KEYS=str(keys.path))
    async with program(env, "--serve-ssh", "0", "--guests") as running:
        assert await running.ended() == 2
        assert "needs the embedded servers" in running.message[-1]
    async with program(env | {"CONSOLE_RESTRICTED": "1"}, "--serve-ssh", "0") as running:
        assert await running.ended() == 2
        assert "restricted" in running.message[-1]
    async with started(keys, env) as server:
        children = Path(f"/proc/{server.running.pid}/task/{server.running.pid}/children")
        assert children.read_text() == ""  # noqa: ASYNC240


@pytest.mark.mosquitto
async def test_the_header_says_what_workers_elsewhere_report(
    access: Access, fleet: Fleet, owner: asyncpg.Connection, mosquitto: BrokerProcess, tmp_path: Path
) -> None:
    """Without the leases it says nothing of them; with workers of its own, fifty screens would starve them."""
    del fleet
    env = environment(tmp_path / "home", access.url, mosquitto.address)
    async with (
        served(tmp_path, access.url, broker=mosquitto.address) as server,
        await server.connect("kim") as connection,
    ):
        screen = await far_screen(connection)
        await screen.shows("no worker")
        assert await owner.fetchval("SELECT count(*) FROM device_console.leases") == 0
        async with program(env, "--sweeper") as workers:
            await screen.shows("workers elsewhere")
            pids = await owner.fetch("SELECT DISTINCT pid FROM device_console.leases")
            assert [row["pid"] for row in pids] == [workers.pid]
            workers.kill()
            await screen.shows("no worker")


@pytest.mark.parametrize(("flag", "package"), [("--serve-ssh", "asyncssh"), ("--serve-web", "websockets")])
async def test_a_missing_extra_is_named(
    access: Access, fleet: Fleet, tmp_path: Path, flag: str, package: str
) -> None:
    """Without it, a traceback says that a module is missing."""
    del fleet
    without = (
        f"import sys; sys.modules['{package}'] = None; from console.__main__ import main; sys.exit(main())"
    )
    env = environment(tmp_path, access.url, NOWHERE)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", without, flag, "0", env=env, stderr=asyncio.subprocess.PIPE
    )
    _, err = await process.communicate()
    extra = flag.removeprefix("--serve-")
    assert process.returncode == 2, err
    assert f"{flag} needs the package {package}" in err.decode()
    assert f"install device-console with its extra {extra}" in err.decode()

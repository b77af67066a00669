"""With embedded servers: workers beside the sessions, and guests, whom PostgreSQL itself keeps from changing anything."""

import os
import shutil
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncssh
import pytest

from console.embedded.directory import EmbeddedDirectory
from console.store.access import Access
from tests.conftest import Fleet, make_home
from tests.e2e.test_embedded import processes_of
from tests.faults.processes import REPOSITORY, environment, program
from tests.faults.program import FAILPOINT
from tests.faults.served import NOWHERE, Keys, Served, far_screen, started
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

"""Over SSH a client is whom its key stands for, whatever it sends: shell commands, refusals, limits, the log."""

import asyncio
import json
import os
import signal
import socket
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, suppress
from pathlib import Path

import asyncpg
import asyncssh
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.postgres import target_of, through
from tests.faults.program import COUNT
from tests.faults.proxy import proxy
from tests.faults.served import ACME, READER, RIVAL, Served, far_screen, served
from tests.rows import add_command
from tests.waiting import until, until_listening

pytestmark = pytest.mark.proc

CTRL_Q = "\x11"
NOISE = {"asyncio", "console.loop"}  # what libraries say of a line that was cut


@pytest.fixture
async def server(access: Access, fleet: Fleet, tmp_path: Path) -> AsyncIterator[Served]:
    """A server whose own tenant is another one than its clients'."""
    del fleet
    async with served(tmp_path, access.url, "--tenant", "rival", CONSOLE_SERVED_PER_KEY="2") as running:
        yield running


async def refused(server: Served, key: str, command: str, **options: object) -> str:
    """The sentence with which this is refused."""
    code, out, err = await server.run(key, command, **options)
    assert (code, out) == (2, ""), (command, code, out, err)
    assert err.startswith("device-console: "), err
    return err


@pytest.mark.mosquitto
async def test_what_is_sent_is_sent_by_the_operator_of_the_key(
    access: Access, fleet: Fleet, owner: asyncpg.Connection, mosquitto: BrokerProcess, tmp_path: Path
) -> None:
    """Without the identity as flags, a command would run as the server's own operator, in the server's own tenant."""
    del fleet
    async with served(tmp_path, access.url, "--tenant", "rival", broker=mosquitto.address) as server:
        code, out, err = await server.run("kim", """send pump-1 ping --params '{"why": "it’s"}' --json""")
    assert (code, json.loads(out)["created_by"]) == (0, "kim"), err
    row = await owner.fetchrow("SELECT tenant_id, created_by, command_params FROM device_commands")
    assert row is not None
    assert (row["tenant_id"], row["created_by"]) == ("acme", "kim")
    assert json.loads(row["command_params"]) == {"why": "it’s"}


async def test_no_words_and_no_environment_leave_the_identity_of_the_key(
    server: Served, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without the flags of the key, and the look at the words, eve would read what is acme's."""
    await add_command(owner, "acme", "c-1")
    code, _, err = await server.run("reader", "send pump-1 ping")
    assert (code, "cannot be run here" in err) == (2, True)
    assert '"c-1"' in (await server.run("kim", "history --json"))[1]
    code, out, _ = await server.run("eve", "history --json")
    assert (code, out) == (0, "")
    made = _files(tmp_path)
    for words in ("devices --tenant acme", "devices --ten=acme", "--operator '' history", f"export --output {tmp_path}/x",
                  "doctor", "send pump-1 ping --params -", "--home /etc devices", "sh -c id"):  # fmt: skip
        await refused(server, "eve", words)
    async with await server.connect("eve") as connection:
        done = await connection.run("history --json", env={
            "CONSOLE_TENANT": "acme", "DATABASE_URL": "postgresql://nowhere", "PYTHONPATH": "/nowhere", "CONSOLE_OPERATOR": "x",
        })  # fmt: skip
        assert (done.exit_status, done.stdout) == (0, "")
    assert _files(tmp_path) == made
    assert "COMMAND" in (await server.run("kim", "--help"))[1]
    code, out, _ = await server.run("kim", "devices", term_type="xterm")
    assert (code, out.count("\r\n"), out.count("\n")) == (0, 6, 6)


async def test_ctrl_c_ends_a_command_and_so_does_leaving(server: Served) -> None:
    """Without it, each `tail` that somebody has left holds one of the few places for commands."""
    async with await server.connect("kim") as connection:
        tail = await connection.create_process("tail", term_type="xterm")
        leaving = await connection.create_process("tail")

        async def both_run() -> bool:
            return len(_children(server)) == 2

        await until(both_run)
        assert "too many commands" in await refused(server, "kim", "devices"), "two of one key"
        tail.stdin.write("\x03")
        await tail.wait_closed()
        assert tail.exit_status == 130
        leaving.close()
    await server.tells("ran", 2)
    assert _children(server) == []
    assert (await server.run("kim", "devices"))[0] == 0


def _files(folder: Path) -> set[Path]:
    return {path for path in folder.rglob("*") if "log" not in str(path)}


def _descriptors(server: Served) -> int:
    return sum(1 for _ in Path(f"/proc/{server.running.pid}/fd").iterdir())


def _children(server: Served) -> list[int]:
    tasks = Path(f"/proc/{server.running.pid}/task").glob("*/children")
    return [int(word) for task in tasks for word in task.read_text().split()]


async def test_at_most_four_commands_run_at_once(server: Served) -> None:
    """Without that, a process each is started for as many as anybody asks for."""
    server.keys.admit(kim=ACME, reader=READER, eve=RIVAL, ann=ACME)
    async with await server.connect("kim") as kim, await server.connect("eve") as eve:
        tails = [await connection.create_process("tail") for connection in (kim, kim, eve, eve)]
        for tail in tails:  # what has still to write ends by itself once nobody reads
            assert "following" in await tail.stderr.readline()

        async def all_run() -> bool:
            return len(_children(server)) == 4

        await until(all_run)
        assert "too many commands" in await refused(server, "ann", "devices")
        server.running.kill()  # and none of them outlives the server

        async def none() -> bool:
            return not _left(server)

        await until(none)


def _left(server: Served) -> list[Path]:
    """The processes of shell commands of this server, whoever their parent is now."""
    return [path for path in Path("/proc").glob("[0-9]*/cmdline") if _is_ours(path, server)]


def _is_ours(path: Path, server: Served) -> bool:
    try:
        return (
            b"--restricted" in path.read_bytes()
            and str(server.keys.path).encode() in (path.parent / "environ").read_bytes()
        )
    except OSError:
        return False


async def test_only_keys_of_the_file_as_it_is_now_come_in(server: Served) -> None:
    """Without reading it again, a key that was taken out still opens screens, over connections that are open, too."""
    with pytest.raises(asyncssh.PermissionDenied):
        await server.connect("stranger")
    event = await server.tells("refused")
    assert (event["why"], event["key"]) == ("an unknown key", server.keys["stranger"].get_fingerprint())
    async with await server.connect("kim") as connection:
        assert (await connection.run("--version")).exit_status == 0
        server.keys.admit(
            stranger=ACME, late=f'{ACME},expiry-time="20200101"', nobody="", odd=f'{ACME},command="x"'
        )
        done = await connection.run("devices")
        assert (done.exit_status, "not admitted any more" in str(done.stderr)) == (2, True)
    assert (await server.run("stranger", "devices"))[0] == 0
    assert "expired" in await refused(server, "late", "devices")
    assert "no tenant" in await refused(server, "nobody", "devices")
    assert "option command" in await refused(server, "odd", "devices")
    with pytest.raises(asyncssh.PermissionDenied):
        await server.connect("kim")
    server.keys.path.chmod(0o666)
    with pytest.raises(asyncssh.PermissionDenied):
        await server.connect("stranger")
    assert any("Others may write" in line["message"] for line in server.log)
    server.keys.path.unlink()
    with pytest.raises(asyncssh.PermissionDenied):
        await server.connect("stranger")
    server.keys.admit(kim='environment="CONSOLE_TENANT=nowhere"')
    assert "no tenant 'nowhere'" in await refused(server, "kim", "devices")


async def test_a_key_that_is_offered_but_not_proven_gives_nothing(server: Served) -> None:
    """Without taking the key that was validated last, whoever knows kim's public key would come in as kim."""
    (forged,) = asyncssh.load_keypairs([server.keys["kim"]])
    (own,) = asyncssh.load_keypairs([server.keys["eve"]])
    forged.sign = own.sign  # type: ignore[method-assign]
    connection = await asyncssh.connect(
        "127.0.0.1", server.port, known_hosts=None, config=None, username="kim", agent_path=None,
        client_keys=[forged, own],
    )  # fmt: skip
    async with connection as stolen:
        done = await stolen.run("devices")
    assert done.exit_status == 0
    assert "5 devices of rival" in str(done.stderr) + str(done.stdout)
    assert (await server.tells("ran"))["operator"] == "eve"


async def test_what_is_no_screen_and_no_command_is_refused(server: Served) -> None:
    async with await server.connect("kim") as connection:
        for term in (None, "dumb"):
            process = await connection.create_process(term_type=term)
            _, err = await process.communicate()
            assert (process.exit_status, "needs a terminal: ssh -t" in str(err)) == (2, True), (term, err)
        process = await connection.create_process(subsystem="sftp")
        _, err = await process.communicate()
        assert (process.exit_status, "no subsystem" in str(err)) == (2, True)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_connection("127.0.0.1", server.port)
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_unix_connection("/run/x")
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_port("127.0.0.1", 0, "127.0.0.1", 1)
        with pytest.raises(asyncssh.ChannelListenError):
            await connection.forward_remote_path("/tmp/x", "/tmp/y")  # noqa: S108
        with pytest.raises(asyncssh.ChannelOpenError):
            await connection.open_tun()


async def test_limits_are_told_and_a_screen_that_ends_makes_room(server: Served) -> None:
    """Without them, one key has all screens, and one server any number."""
    async with await server.connect("kim") as kim:
        first, second = await far_screen(kim), await far_screen(kim)
        await first.shows("pump-5")
        await second.shows("pump-5")
        third = await far_screen(kim)
        code, said = await third.ended()
        assert (code, "already has 2 sessions" in said) == (2, True)
        first.type(CTRL_Q)
        assert await first.ended() == (0, "")
        again = await far_screen(kim)
        await again.shows("pump-5")
    assert (await server.tells("cut", 2))["operator"] == "kim"


async def test_too_many_sessions(access: Access, fleet: Fleet, tmp_path: Path) -> None:
    """Without --read-only for every key, a key may do more than its server; a kept session is not counted."""
    del fleet
    async with served(tmp_path, access.url, "--read-only", CONSOLE_SERVED_SESSIONS="1") as server:
        assert "cannot be run here" in await refused(server, "kim", "send pump-1 ping")
        async with await server.connect("kim") as kim:
            screen = await far_screen(kim)
            await screen.shows("READ-ONLY")
            async with await server.connect("eve") as eve:
                code, said = await (await far_screen(eve)).ended()
                assert (code, "too many sessions" in said) == (2, True)
        await server.tells("cut")
        async with await server.connect("eve") as eve:
            await (await far_screen(eve)).shows("pump-5")


async def test_the_database_is_down_when_somebody_comes(access: Access, fleet: Fleet, tmp_path: Path) -> None:
    """Without the look before, a screen opens that shows nothing; the server goes on and lets the next one in."""
    del fleet
    async with proxy(target_of(access.url)) as way, served(tmp_path, through(access.url, way.port)) as server:
        await way.become("refuse")
        way.cut()
        for command in (None, "devices"):
            async with await server.connect("kim") as connection:
                process = await connection.create_process(command, term_type="xterm")
                _, err = await process.communicate()
                assert (process.exit_status, "database" in str(err)) == (3, True), err
        await way.become("pass")

        async def comes_in() -> bool:
            return (await server.run("kim", "devices"))[0] == 0

        await until(comes_in)


async def test_nothing_that_a_client_sends_gets_into_the_log_as_it_is(server: Served) -> None:
    """Without JSON and the list of names, a client writes lines of its own into the log."""
    evil = '\x1b[2J\n{"event": "opened", "operator": "root"}\n'
    async with await server.connect("kim", username='{"event": "opened"}') as connection:
        await connection.run(evil)
        screen = await far_screen(connection, term=f"xterm{evil}", env={"LANG": evil, f"X{evil}": evil})
        await screen.shows("pump-5")
        screen.type(CTRL_Q)
        await screen.ended()
        await connection.run(f"types {evil!r}")
    assert (await server.tells("refused"))["operator"] == "kim"
    raw = "\n".join(server.running.message)
    assert "\x1b" not in raw
    assert all(line.startswith("{") for line in server.running.message if line)
    assert {line.get("operator", "kim") for line in server.log} == {"kim"}
    assert "PRIVATE KEY" not in raw


async def test_each_event_has_its_fields(server: Served) -> None:
    async with await server.connect("kim") as connection:
        await (await far_screen(connection)).shows("pump-5")
    await server.tells("cut")
    async with await server.connect("kim") as connection:
        screen = await far_screen(connection)
        await screen.shows("The line was cut")
        screen.type(CTRL_Q)
        await screen.ended()
    await server.tells("closed")
    await server.run("kim", "devices")
    await server.run("kim", "doctor")
    key = server.keys["kim"].get_fingerprint()
    common = {"address": "127.0.0.1", "key": key, "operator": "kim"}
    own = {
        "opened": {"tenants", "sessions"}, "cut": {"tenants", "sessions", "seconds", "bytes"},
        "resumed": {"tenants", "sessions", "seconds", "bytes"}, "closed": {"tenants", "sessions", "seconds", "bytes"},
        "ran": {"tenants", "command", "code", "seconds"}, "refused": {"why"},
    }  # fmt: skip
    for event, fields in own.items():
        (line,) = server.events(event)
        assert common.items() <= line.items(), line
        assert set(line) == {"at", "level", "logger", "pid", "message", "event", *common, *fields}, event


async def test_strangers_do_not_keep_others_out(server: Served) -> None:
    """Without a bound on connections that have not logged in, and without making room, they use all there are."""
    idle = []
    for number in range(150):
        stranger = socket.socket()
        stranger.setblocking(False)
        stranger.bind((f"127.0.1.{number // 5}", 0))
        await asyncio.get_running_loop().sock_connect(stranger, ("127.0.0.1", server.port))
        idle.append(stranger)
    try:
        assert (await server.run("kim", "devices"))[0] == 0

        async def few() -> bool:
            return _descriptors(server) < 70

        await until(few)
    finally:
        for stranger in idle:
            stranger.close()
    own = [socket.create_connection(("127.0.0.1", server.port)) for _ in range(6)]
    try:
        await server.tells("refused", 121)
        with pytest.raises((ConnectionError, asyncssh.Error)):
            await server.connect("kim")
    finally:
        for stranger in own:
            stranger.close()

    async def comes_in() -> bool:
        try:
            return (await server.run("kim", "devices"))[0] == 0
        except (ConnectionError, asyncssh.Error):
            return False

    await until(comes_in)


async def test_as_many_may_log_in_at_once_as_there_may_be_sessions(
    access: Access, fleet: Fleet, tmp_path: Path
) -> None:
    """Without it, of fifty clients that come back after a restart twenty are sent away."""
    del fleet
    limits = {"CONSOLE_SERVED_SESSIONS": "50", "CONSOLE_SERVED_PER_ADDRESS": "60"}
    async with served(tmp_path, access.url, settings=limits) as server, AsyncExitStack() as stack:
        for _ in range(49):
            reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
            stack.callback(writer.close)
            assert (await reader.readline()).startswith(b"SSH-2.0-")
        assert (await server.run("kim", "devices"))[0] == 0
        assert server.events("refused") == []


async def test_the_collector_leaves_out_what_a_start_leaves(
    access: Access, fleet: Fleet, tmp_path: Path
) -> None:
    """Without it, the collector walks over all that was imported, and no session draws for a second."""
    del fleet
    async with served(tmp_path, access.url, settings={COUNT: "1"}) as server:
        server.running.signal(signal.SIGUSR1)
        counted = await server.tells("counted")
        assert counted["frozen"] > 10_000, "of a start's objects"
        assert counted["often"][0] >= 20_000
        assert counted["often"][2] >= 50


async def test_hostile_bytes_and_sizes_end_nothing(server: Served) -> None:
    """Without bounds: garbage instead of SSH, huge terminals, floods of variables, keys, requests, odd commands."""
    for garbage in (
        b"GET / HTTP/1.1\r\n\r\n",
        b"\x00" * 70_000,
        b"SSH-2.0-x\r\n" + os.urandom(5_000),
        b"SSH-1.5-x\r\n",
        b"",
    ):
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(garbage)
        writer.write_eof()
        with suppress(ConnectionError):
            await asyncio.wait_for(reader.read(), 30)
        writer.close()
    async with await server.connect("kim") as connection:
        many = {f"V{number}": "x" * 200 for number in range(2_000)}
        for size, term in (
            ((0, 0), "x" * 30_000),
            ((10**6, 10**6), "xterm"),
            ((1, 1), "xterm-256color"),
            ((2**32 - 1, 0), "vt100"),
        ):
            process = await connection.create_process(term_type=term, term_size=size, env=many if size == (0, 0) else {},
                                                      encoding=None)  # fmt: skip
            assert await asyncio.wait_for(process.stdout.read(100), 30)
            for width in (0, 2**32 - 1, 80):
                process.change_terminal_size(width, width)
            process.stdin.write(
                os.urandom(2_000).replace(b"q", b"") + b"\x1b[201~\x1b\\" + CTRL_Q.encode() * 3
            )
            process.close()
            await process.wait_closed()
        for command in ("a\0b", "\u202e", "'" * 5_000, "devices " * 20_000, "--" * 9_000):
            await refused(server, "kim", command)
        asked = (connection.create_process("tail") for _ in range(100))
        found = await asyncio.gather(*asked, return_exceptions=True)
        assert sum(isinstance(one, asyncssh.ChannelOpenError) for one in found) == 90
    assert (await server.run("eve", "devices"))[0] == 0
    assert [line for line in server.log if line["level"] != "info" and line["logger"] not in NOISE] == []
    await until_listening("127.0.0.1", server.port)

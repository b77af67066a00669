"""Both links over TLS: host name and CA are verified, each refusal is one sentence, certificates of our own work."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypedDict, Unpack

import pytest
import trustme
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

from console.errors import ConsoleError, RefusedError, UsageError
from console.mqtt.session import SessionKind, connect
from console.runtime.addresses import broker_address, database_access
from console.secret import Secret
from console.settings import Settings
from console.store.pool import Database, direct_connection
from tests.brokers import BrokerProcess, start_broker
from tests.faults.debian import DebianPostgres, debian_postgres

YESTERDAY = datetime.now(UTC) - timedelta(days=1)
NAMES = ("localhost", "127.0.0.1")


@dataclass(frozen=True)
class Papers:
    """Files of one test: whom we trust, and what we show."""

    ca: Path
    ours: Path
    our_key: Path
    stranger: Path


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def papers(authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory) -> Papers:
    folder = tmp_path_factory.mktemp("papers")
    authority.cert_pem.write_to_path(folder / "ca.pem")
    mine = authority.issue_cert("console@example.org", common_name="console_login")
    mine.cert_chain_pems[0].write_to_path(folder / "our.pem")
    mine.private_key_pem.write_to_path(folder / "our.key")
    trustme.CA().cert_pem.write_to_path(folder / "stranger.pem")
    return Papers(folder / "ca.pem", folder / "our.pem", folder / "our.key", folder / "stranger.pem")


def server_files(authority: trustme.CA, kind: str) -> dict[str, bytes]:
    """The server's certificate: right, for another host, over, or made by nobody that we know."""
    names = ("elsewhere.example",) if kind == "wrong host" else NAMES
    issuer = trustme.CA() if kind == "self-signed" else authority
    made = issuer.issue_cert(*names, not_after=YESTERDAY if kind == "expired" else None)
    return {
        "server.pem": made.cert_chain_pems[0].bytes(),
        "server.key": made.private_key_pem.bytes(),
        "clients.pem": authority.cert_pem.bytes(),
    }


KINDS = ["right", "wrong host", "expired", "self-signed"]
REASONS = {"wrong host": "(?i)host", "expired": "expired", "self-signed": "(?i)issuer|self.signed"}


@pytest.fixture(scope="module", params=KINDS)
def tls_broker(
    request: pytest.FixtureRequest, authority: trustme.CA, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[tuple[str, BrokerProcess]]:
    folder = tmp_path_factory.mktemp("broker")
    for name, content in server_files(authority, request.param).items():
        (folder / name).write_bytes(content)
    lines = f"cafile {folder}/clients.pem\ncertfile {folder}/server.pem\nkeyfile {folder}/server.key"
    with start_broker("mosquitto", lines) as broker:
        yield request.param, broker


async def reach_broker(broker: BrokerProcess, **files: Any) -> None:
    url = f"mqtts://localhost:{broker.port}"
    settings = Settings(mqtt_url=Secret(url), **files)
    async with connect(broker_address(settings, url), SessionKind("tls-test")):
        pass


@pytest.mark.mosquitto
async def test_a_broker_is_verified(tls_broker: tuple[str, BrokerProcess], papers: Papers) -> None:
    """Without the verification any machine on the way may be the broker."""
    kind, broker = tls_broker
    if kind == "right":
        await reach_broker(broker, mqtt_ca=papers.ca)
        with pytest.raises(RefusedError, match="does not verify"):
            await reach_broker(broker)
        with pytest.raises(RefusedError, match="does not verify"):
            await reach_broker(broker, mqtt_ca=papers.stranger)
        return
    with pytest.raises(RefusedError, match=REASONS[kind]) as refused:
        await reach_broker(broker, mqtt_ca=papers.ca)
    assert "CONSOLE_MQTT_CA" in str(refused.value)


@pytest.mark.mosquitto
async def test_a_broker_that_wants_our_certificate(
    authority: trustme.CA, papers: Papers, tmp_path: Path
) -> None:
    """Without showing our certificate, a broker that wants one refuses us."""
    for name, content in server_files(authority, "right").items():
        (tmp_path / name).write_bytes(content)
    lines = (
        f"cafile {tmp_path}/clients.pem\ncertfile {tmp_path}/server.pem\nkeyfile {tmp_path}/server.key\n"
        "require_certificate true"
    )
    with start_broker("mosquitto", lines) as broker:
        await reach_broker(broker, mqtt_ca=papers.ca, mqtt_cert=papers.ours, mqtt_key=papers.our_key)
        with pytest.raises(ConsoleError) as refused:
            await reach_broker(broker, mqtt_ca=papers.ca)
    assert "CONSOLE_MQTT_CERT" in str(refused.value)


@pytest.fixture(scope="module", params=KINDS)
def tls_postgres(
    request: pytest.FixtureRequest, authority: trustme.CA
) -> Iterator[tuple[str, DebianPostgres]]:
    rules = (
        "hostssl all certified 127.0.0.1/32 cert\nhostssl all console_login 127.0.0.1/32 cert\n"
        "hostssl all all 127.0.0.1/32 trust"
    )
    files = server_files(authority, request.param)
    with debian_postgres(
        rules, files, ssl="on", ssl_cert_file="{folder}/server.pem", ssl_key_file="{folder}/server.key",
        ssl_ca_file="{folder}/clients.pem",
    ) as server:  # fmt: skip
        yield request.param, server


class Files(TypedDict, total=False):
    """The settings that name files of a link to the database."""

    database_ca: Path
    database_cert: Path
    database_key: Path


async def reach_database(
    server: DebianPostgres, user: str = "owner", query: str = "", **files: Unpack[Files]
) -> bool:
    """Open a pool and a direct connection; return whether the link is encrypted."""
    url = f"postgresql://{user}@localhost:{server.port}/postgres{query}"
    access = database_access(Settings(database_url=Secret(url), **files), url)
    database = Database(access, max_size=1)
    try:
        await database.open()
        async with database.login_session() as pooled, direct_connection(access) as direct:
            sql = "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"
            encrypted = [await connection.fetchval(sql) for connection in (pooled, direct)]
    finally:
        await database.close()
    return all(encrypted)


@pytest.mark.debian_postgres
async def test_a_database_is_verified(tls_postgres: tuple[str, DebianPostgres], papers: Papers) -> None:
    """Without the verification any machine on the way may be the database."""
    kind, server = tls_postgres
    if kind == "right":
        assert await reach_database(server, database_ca=papers.ca)
        with pytest.raises(RefusedError, match="does not verify"):
            await reach_database(server, database_ca=papers.stranger)
        return
    with pytest.raises(RefusedError, match=REASONS[kind]) as refused:
        await reach_database(server, database_ca=papers.ca)
    assert "CONSOLE_DATABASE_CA" in str(refused.value)
    if kind == "wrong host":
        assert await reach_database(server, query="?sslmode=verify-ca", database_ca=papers.ca)


@pytest.mark.slow
@pytest.mark.debian_postgres
async def test_a_database_that_wants_our_certificate(authority: trustme.CA, papers: Papers) -> None:
    """Without showing our certificate, a database that wants one refuses us."""
    files = server_files(authority, "right")
    with debian_postgres(
        "hostssl all console_login 127.0.0.1/32 cert", files, ssl="on", ssl_cert_file="{folder}/server.pem",
        ssl_key_file="{folder}/server.key", ssl_ca_file="{folder}/clients.pem",
    ) as server:  # fmt: skip
        import asyncpg

        owner = await asyncpg.connect(server.url)
        await owner.execute("CREATE ROLE console_login LOGIN")
        await owner.close()
        ours: Files = {"database_ca": papers.ca, "database_cert": papers.ours, "database_key": papers.our_key}
        assert await reach_database(server, "console_login", **ours)
        with pytest.raises(RefusedError, match="certificate"):
            await reach_database(server, "console_login", database_ca=papers.ca)


@pytest.mark.slow
@pytest.mark.debian_postgres
async def test_a_database_without_tls_is_refused_in_one_sentence(papers: Papers) -> None:
    """Without this refusal, passwords and commands go over the network in clear."""
    with debian_postgres("host all all 127.0.0.1/32 trust") as server:
        with pytest.raises(RefusedError, match="offers no TLS.*sslmode=disable"):
            await reach_database(server, database_ca=papers.ca)
        assert not await reach_database(server, query="?sslmode=disable", database_ca=papers.ca)


@pytest.mark.parametrize(
    ("url", "verified", "warning"),
    [
        ("postgresql://u@db.example/d", True, ""),
        ("postgresql://u@10.0.0.7/d", True, ""),
        ("postgresql://u@[2001:db8::7]:5433/d", True, ""),
        ("postgresql://u@127.0.0.1/d", False, ""),
        ("postgresql://u@[::1]/d", False, ""),
        ("postgresql://u@localhost/d", False, ""),
        ("postgresql://u@/d?host=/run/postgresql", False, ""),
        ("postgresql://u@db.example/d?host=127.0.0.1", False, ""),  # the parameter is where it goes
        ("postgresql://u@127.0.0.1/d?host=db.example", True, ""),
        ("postgresql://u@/d?host=/run/postgresql,db.example", True, ""),
        ("postgresql://u@[::1]:5432/d", False, ""),
        ("postgresql://u@db.example/d?sslmode=disable", False, "is not encrypted"),
        ("postgresql://u@db.example/d?sslmode=require", False, "not verified"),
        ("postgresql://u@db.example/d?sslmode=prefer", False, "not verified"),
        ("postgresql://u@db.example/d?sslmode=verify-full", True, ""),
        ("postgresql://u@db.example/d?sslrootcert=system", True, ""),
        ("host=db.example dbname=d", True, ""),
        ("postgresql://u@127.0.0.1/d?sslmode=disable", False, ""),
    ],
)
def test_a_database_elsewhere_is_verified_unless_set_otherwise(
    url: str, verified: bool, warning: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without this rule the driver's default accepts any certificate, and none."""
    monkeypatch.delenv("PGSSLMODE", raising=False)
    access = database_access(Settings(database_url=Secret(url)), url)
    assert (access.tls is not None) == verified
    assert len(access.warnings) == (1 if warning else 0)
    assert warning in " ".join(access.warnings)


def test_a_broker_elsewhere_in_clear_is_warned_about() -> None:
    """Without the warning, nobody sees that commands go over the network in clear."""
    for url, warned in (
        ("mqtt://b.example", True),
        ("mqtt://127.0.0.1", False),
        ("mqtts://b.example", False),
    ):
        assert bool(broker_address(Settings(mqtt_url=Secret(url)), url).warnings) == warned


def test_a_tls_file_that_cannot_be_used_is_named(
    papers: Papers, authority: trustme.CA, tmp_path: Path
) -> None:
    """Without the name, an operator has to guess which of three files is wrong."""
    encrypted, other, empty = tmp_path / "encrypted.key", tmp_path / "other.key", tmp_path / "empty.pem"
    key = load_pem_private_key(papers.our_key.read_bytes(), None)
    encrypted.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.TraditionalOpenSSL, BestAvailableEncryption(b"canary"))
    )
    authority.issue_cert("x").private_key_pem.write_to_path(other)
    empty.write_bytes(b"")
    url = "mqtts://broker.example"
    cases: list[tuple[dict[str, Any], list[str]]] = [
        ({"mqtt_ca": tmp_path / "none.pem"}, ["none.pem", "No such file"]),
        ({"mqtt_ca": empty}, ["empty.pem"]),
        ({"mqtt_cert": papers.ours, "mqtt_key": other}, ["our.pem", "other.key"]),
        ({"mqtt_cert": papers.ours, "mqtt_key": encrypted}, ["encrypted.key", "without a password"]),
        ({"mqtt_cert": papers.ours, "mqtt_key": tmp_path / "gone.key"}, ["gone.key"]),
    ]
    for files, words in cases:
        with pytest.raises(UsageError) as refused:
            broker_address(Settings(mqtt_url=Secret(url), **files), url)
        assert all(word in str(refused.value) for word in words), str(refused.value)

"""Every hostile answer of the catalogue, sent for real: one bounded problem each, no crash, no stall, the rest flows.

The number of a case is its number in docs/hostile-inputs.md.
"""

import gzip
import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import aiomqtt
import asyncpg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from console.domain.identifiers import id_fault
from console.errors import ConsoleError
from console.mqtt.session import BrokerAddress
from console.wire.ack_payloads import AckError, decode_ack
from tests.brokers import start_broker
from tests.conftest import Fleet
from tests.e2e.conftest import OpenChannel
from tests.rows import add_command, add_devices

HUGE = 27  # more than MQTT 5's Maximum Packet Size: that broker keeps it
DELIVERED, UNTOUCHED = "delivered", "queued"


@dataclass(frozen=True)
class Case:
    """`{c}` in a payload is the case's own command. `kind` is the problem that an operator sees, if any."""

    number: int
    payloads: tuple[bytes, ...]
    status: str
    kind: str | None = None
    says: str = ""
    topic: str = ""
    retain: bool = False
    qos: int = 1
    properties: bool = False


def message(
    number: int, status: str, kind: str | None, says: str, *payloads: bytes | str, **rest: Any
) -> Iterator[Case]:
    """One case for each payload."""
    for payload in payloads:
        data = payload.encode() if isinstance(payload, str) else payload
        yield Case(number, (data,), status, kind, says, **rest)


def details(text: str) -> str:
    return '{"command_id": "{c}", "status": "ok", "details": ' + text + "}"


MALFORMED, REPAIRED = "malformed ack", "repaired ack"
CASES = [
    *message(1, UNTOUCHED, MALFORMED, "empty", b""),
    *message(2, UNTOUCHED, MALFORMED, "UTF-8", b"\xff\xfe\x00"),
    *message(3, DELIVERED, None, "", b'\xef\xbb\xbf{"command_id": "{c}"}'),
    *message(4, UNTOUCHED, MALFORMED, "object", "null", "5", '"x"', "[]"),
    *message(5, UNTOUCHED, MALFORMED, "command_id", "{}"),
    *message(6, UNTOUCHED, MALFORMED, "command_id", *('{"command_id": %s}' % v for v in ("5", "{}", '["{c}"]', "true"))),
    *message(7, UNTOUCHED, MALFORMED, "", '{"command_id": ""}', '{"command_id": "%s"}' % ("x" * 300), '{"command_id": "a\\u0000"}'),
    *message(8, UNTOUCHED, "unknown ack", "", '{"command_id": "nobody-knows-{c}"}'),
    *message(9, UNTOUCHED, "unknown ack", "", '{"command_id": "theirs"}'),
    *message(10, UNTOUCHED, "forged ack", "", '{"command_id": "another-devices"}'),
    *message(11, UNTOUCHED, "unknown ack", "", '{"command_id": "{C}"}'),
    *message(12, DELIVERED, None, "", '{"command_id": "{c}", "tenant_id": "rival", "device_id": "pump-1", "status": "ok"}'),
    *message(13, DELIVERED, None, "", '{"command_id": "{c}", "details": null}'),
    *message(14, DELIVERED, None, "", *('{"command_id": "{c}", "status": %s}' % v for v in ('"OK"', '"failed"', "1", "null", "[]"))),
    *message(15, DELIVERED, None, "", '{"command_id": "{c}", "status": "ok"}', *map(details, ("null", '"x"', "[1]", "3.5"))),
    *message(16, DELIVERED, REPAIRED, "", details('"a\\u0000b"')),
    *message(17, DELIVERED, REPAIRED, "", details('"\\ud800"')),
    *message(18, DELIVERED, REPAIRED, "", *map(details, ("NaN", "Infinity", "[-Infinity]"))),
    *message(19, DELIVERED, None, "", details("1e400")),
    *message(20, DELIVERED, REPAIRED, "", details("1e200000")),
    *message(21, DELIVERED, None, "", details("9" * 10_000)),
    *message(22, DELIVERED, REPAIRED, "", *(details("[" * n + "]" * n) for n in (201, 5_000, 30_000))),
    *message(22, UNTOUCHED, MALFORMED, "not JSON", *('{"command_id": %s, "z": %s}' % (v, "[" * 300 + "]" * 300) for v in (
        '"\\q"', '"{c}", "details": [NaN, 1ee5]', '"{c}", "status": tru'))),
    *message(23, UNTOUCHED, MALFORMED, "", '{"command_id": "{c}", "command_id": "other"}'),
    *message(24, UNTOUCHED, MALFORMED, "", '{"command_id": "{c}",}', '{"command_id": "{c}"} // x', "{'command_id': '{c}'}", '{"command_id": "{c}"}{}'),
    *message(25, UNTOUCHED, MALFORMED, "65,537", details('"%s"' % ("x" * 65_537))[:65_537]),
    *message(HUGE, UNTOUCHED, MALFORMED, "at most 65,536", "{%s}" % ",".join(f'"k{n}":1' for n in range(200_000))),
    *message(2, UNTOUCHED, MALFORMED, "UTF-16", '{"command_id": "{c}"}'.encode("utf-16")),
    *message(3, DELIVERED, REPAIRED, "around the JSON", b'{"command_id": "{c}"}\x00', b'\x00\x00 {"command_id": "{c}"}\r\n\x00\x1a'),
    *message(3, DELIVERED, None, "", b'\r\n\xef\xbb\xbf{"command_id": "{c}"}\r\n '),
    *message(28, UNTOUCHED, MALFORMED, "", gzip.compress(b'{"command_id": "{c}"}'), b"\xa1\x6acommand_id\x61x", b"\x08\x96\x01"),
    *message(29, DELIVERED, None, "", details(json.dumps("\x1b[2J\x1b]52;c;YQ==\x07\x1b]8;;http://x\x07\x1b[6n"))),
    *message(30, DELIVERED, None, "", *map(details, ('"[@click=app.quit]"', '"[/]"', '"[bold"'))),
    *message(31, DELIVERED, None, "", *(details(json.dumps(t)) for t in ("\u202eabc\u200b", "e" + "\u0301" * 5_000, "\u754c" * 3_000, "x" * 60_000, "\n" * 5_000))),
    *message(32, DELIVERED, None, "", details('{"__proto__": 1, "__class__": 2, "status": "no", "_sanitised": true}')),
    *message(33, DELIVERED, MALFORMED, "empty", details("1"), retain=True),  # emptied at the end, which is heard, too
    *message(34, DELIVERED, None, "", details("1"), qos=0),
    Case(36, tuple(details("1").encode() for _ in range(2_000)), DELIVERED),
    Case(37, (b'{"command_id": "{c}", "status": "ok"}', b'{"command_id": "{c}", "status": "error"}'), DELIVERED, "conflicting ack"),
    *message(41, DELIVERED, None, "", details('{"%s": 1}' % ("k" * 60_000))),
    *message(42, DELIVERED, None, "", details("1"), properties=True),
    *(
        Case(number, (b'{"command_id": "{c}"}',), UNTOUCHED, topic=topic)
        for number, topics in {
            43: ("tenant/acme/device/{d}/commands/ack/", "tenant/acme/device/{d}/x/commands/ack", "tenant/acme/device/{d}/ack"),
            44: ("tenant//device//commands/ack", "tenant/acme/device//commands/ack"),
            45: tuple(f"tenant/acme/device/{d}/commands/ack" for d in ("..", ".", "%2F", " ", "\U0001f600", "e\u0301", "\u00e9")),
            47: ("tenant/acme/device/\ufeff{d}/commands/ack", "tenant/acme/device/{d}\u202e/commands/ack"),
            48: (f"tenant/acme/device/{'x' * 60_000}/commands/ack",),
        }.items()
        for topic in topics
    ),
]  # fmt: skip


def test_the_catalogue_is_whole() -> None:
    """Without it, an input that is dropped from the table above is missed by nobody."""
    assert {case.number for case in CASES} == {*range(1, 49)} - {26, 35, 38, 39, 40, 46}


@pytest.fixture(scope="module", params=["mosquitto", "mosquitto 3.1.1", "nats-server"])
def address(request: pytest.FixtureRequest) -> Iterator[BrokerAddress]:
    with start_broker(request.param.split()[0]) as broker:
        yield replace(broker.address, force_v3=request.param != "mosquitto")


@pytest.mark.slow
@pytest.mark.mosquitto
async def test_every_hostile_answer_is_one_problem_at_most_and_stops_nobody(
    open_channel: OpenChannel, address: BrokerAddress, owner: asyncpg.Connection, fleet: Fleet
) -> None:
    """Without the reader's own error for what cannot be read, the first of these ends the ingest."""
    await add_devices(owner, "acme", [f"d{n}" for n in range(len(CASES))])
    for n in range(len(CASES)):
        await add_command(owner, "acme", f"c{n}", f"d{n}", published=True)
    await add_command(owner, "acme", "another-devices", "pump-2", published=True)
    await add_command(owner, "rival", "theirs", published=True)
    await add_command(owner, "acme", "last", "pump-1", published=True)
    drops: list[ConsoleError] = []
    async with open_channel(address) as channel:
        channel.health.broker_down = lambda error, *_rest: drops.append(error)  # type: ignore[method-assign]
        for n, case in enumerate(CASES):
            await send(address, n, case)
        await send(
            address,
            0,
            Case(0, (b'{"command_id": "last"}',), DELIVERED, topic="tenant/acme/device/pump-1/commands/ack"),
        )
        await channel.reaches("last", "ok")
    rows = {
        r["command_id"]: r["status"]
        for r in await owner.fetch("SELECT command_id, status FROM device_commands")
    }
    found: dict[str, list[asyncpg.Record]] = {}
    for problem in await owner.fetch("SELECT * FROM device_console.problems"):
        found.setdefault(problem["device_id"], []).append(problem)
    wrong = []
    for n, case in enumerate(CASES):
        problems = found.get(f"d{n}", [])
        kinds = [p["kind"] for p in problems]
        expected = case.kind if case.number != HUGE or address.force_v3 else None
        # nats-server hands an answer to nobody whose topic or payload it does not like: that is harmless, too
        fine = rows[f"c{n}"] == case.status and (not case.topic or rows[f"c{n}"] == UNTOUCHED)
        if not case.topic:
            fine = (
                fine
                and kinds == ([expected] if expected else [])
                and all(case.says in p["detail"] for p in problems)
            )
        if not fine:
            wrong.append(
                (
                    case.number,
                    case.payloads[0][:60],
                    rows[f"c{n}"],
                    [(p["kind"], p["detail"][:80]) for p in problems],
                )
            )
    assert wrong == []
    assert rows["another-devices"] == rows["theirs"] == "queued"
    whole = {
        p["kind"]: p["count"] for p in found.get("", []) if p["tenant_id"] == "acme" and not p["command_id"]
    }
    assert whole["duplicate ack"] >= 1_999, "36: one row for all copies"
    assert whole["odd ack"] >= (2 if address.force_v3 else 3), "12, 34: another tenant, another device, QoS 0"
    if address.force_v3 is False:
        assert whole["malformed ack"] >= 3, "44, 45, 48: devices that no command could go to"
        assert [p["tenant_id"] for p in found[""] if p["kind"] == "unknown tenant"] == [""], "44"
    assert drops == []
    largest = await owner.fetchval(
        "SELECT max(length(detail) + length(device_id) + length(command_id)) FROM device_console.problems"
    )
    assert largest < 2_000
    assert await owner.fetchval("SELECT count(*) FROM device_console.problems") < 2 * len(CASES)


async def send(address: BrokerAddress, n: int, case: Case) -> None:
    """As the device `d{n}`, each on a connection of its own: a broker may hang up on some."""
    topic = (case.topic or "tenant/acme/device/{d}/commands/ack").replace("{d}", f"d{n}")
    version = aiomqtt.ProtocolVersion.V311 if address.force_v3 else aiomqtt.ProtocolVersion.V5
    properties = None
    if case.properties and not address.force_v3:
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [("k", "v")] * 1_000
        properties.ContentType = "image/png"
    try:
        async with aiomqtt.Client(address.host, address.port, protocol=version, timeout=10) as client:
            for payload in case.payloads:
                data = payload.replace(b"{c}", f"c{n}".encode()).replace(b"{C}", f"C{n}".encode())
                await client.publish(topic, data, qos=case.qos, retain=case.retain, properties=properties)
            if case.retain:
                await client.publish(topic, b"", qos=1, retain=True)
    except (aiomqtt.MqttError, ValueError):
        assert case.topic or case.retain, case.number


_leaves = st.sampled_from(
    ["null", "NaN", "-Infinity", "1e400", "1e200000", "-0", "9" * 5_000, "1e-99999", '"\\u0000"', '"\\ud800"',
     '"\\ud83d\\ude00"', '"\\"\\\\\\""', '"\x7f\u202e"', "[" * 70 + "]" * 70, '{"a":1,"a":2}', "tru", "01", '"', ""]
) | st.text(max_size=8).map(json.dumps) | st.floats().map(json.dumps)  # fmt: skip
_texts = st.recursive(
    _leaves,
    lambda inner: (
        st.lists(inner, max_size=3).map(lambda parts: "[%s]" % ",".join(parts))
        | st.dictionaries(st.text(max_size=4).map(json.dumps), inner, max_size=3).map(
            lambda parts: "{%s}" % ",".join(f"{key}:{value}" for key, value in parts.items())
        )
    ),
    max_leaves=8,
)
_nearly = st.tuples(_texts, _texts).map(
    lambda parts: f'{{"command_id": "c1", "status": {parts[0]}, "details": {parts[1]}}}'.encode(
        "utf-8", "replace"
    )
)
_broken = st.tuples(_nearly, st.integers(0, 80), st.binary(max_size=3), st.integers(0, 4)).map(
    lambda cut: cut[0][: cut[1]] + cut[2] + cut[0][cut[1] + cut[3] :]
)


@pytest.mark.slow
async def test_whatever_is_accepted_can_be_stored_and_read_back(owner: asyncpg.Connection) -> None:
    """Without the repairs, the database refuses what the reader accepted."""
    accepted: set[str] = {'{"status":"ok","details":null}'}

    @settings(max_examples=800, deadline=None, database=None, suppress_health_check=list(HealthCheck))
    @given(_nearly | _broken)
    def fuzz(payload: bytes) -> None:
        try:
            read = decode_ack(payload)
        except AckError as error:
            assert len(str(error)) < 400
            return
        assert id_fault(read.command_id) is None
        again = decode_ack(
            b'{"command_id": %s,%s' % (json.dumps(read.command_id).encode(), read.ack_json[1:].encode())
        )
        assert (again.command_id, again.ack_json, again.repairs) == (read.command_id, read.ack_json, ())
        accepted.add(read.ack_json)

    fuzz()
    assert len(accepted) > 50
    stored = await owner.fetch(
        "SELECT t, t::jsonb ? 'details' AS fine FROM unnest($1::text[]) t", sorted(accepted)
    )
    assert all(row["fine"] for row in stored)

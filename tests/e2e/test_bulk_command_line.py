"""Bulk sends, filters and exports in a shell: what they print, and how they end."""

import json
import signal
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.devices import device
from tests.e2e.test_command_line import Console, mqtt_url
from tests.faults.program import FAILPOINT
from tests.rows import add_command, add_devices

pytestmark = pytest.mark.mosquitto


@pytest.fixture
def console(access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path) -> Console:
    assert fleet.acme == "acme"
    return Console(
        tmp_path, DATABASE_URL=access.url, MQTT_URL=mqtt_url(mosquitto.address), CONSOLE_TENANT="acme",
        CONSOLE_OPERATOR="alice",
    )  # fmt: skip


async def test_without_yes_a_bulk_send_only_looks(console: Console, owner: asyncpg.Connection) -> None:
    ended = await console.run("send", "--where", "device:pump-?", "reboot")
    assert ended.code == 2
    assert "5 devices of acme (5 unknown)" in ended.err
    assert "Nothing was sent: add --yes" in ended.err
    assert await owner.fetchval("SELECT count(*) FROM device_commands") == 0


@pytest.mark.slow
async def test_a_bulk_send_waits_groups_answers_and_retries_only_what_failed(
    console: Console, mosquitto: BrokerProcess
) -> None:
    def answer(command: dict[str, object]) -> bytes:
        status = "ok" if len(answered) % 5 else "error"
        answered.append(str(command["command_id"]))
        return json.dumps(
            {"command_id": command["command_id"], "status": status, "details": {"fw": "1"}}
        ).encode()

    answered: list[str] = []
    async with device(mosquitto.address, "+", answer=answer):
        ended = await console.run(
            "send", "--where", "pump", "ping", "--yes", "--wait", "--timeout", "20", "--json"
        )
        document = json.loads(ended.out)
        assert ended.code == 1, ended.err
        assert document["phases"] == {"ok": 4, "failed": 1}
        assert sorted(group["count"] for group in document["groups"]) == [1, 4]
        assert document["target"] == "pump"
        again = await console.run("retry", document["batch_id"], "--wait", "--timeout", "20", "--json")
        second = json.loads(again.out)
        assert (second["wanted"], second["retry_of"]) == (1, document["batch_id"])
    assert len(answered) == 6
    listed = await console.run("batches", "--json")
    assert [json.loads(line)["batch_id"] for line in listed.out.splitlines()] == [
        second["batch_id"],
        document["batch_id"],
    ]
    found = await console.run("batches", "ping", "-retry", "age<1h", "--json")
    assert [json.loads(line)["batch_id"] for line in found.out.splitlines()] == [document["batch_id"]]
    refused = await console.run("batches", "device:pump-1")
    assert refused.code == 2
    assert 'There is no key "device" here: use one of type, by, id, age' in refused.err
    shown = await console.run("batch", document["batch_id"])
    assert "status=ok" in shown.out
    history = await console.run("history", "--where", f"batch:{document['batch_id']} phase:ok", "--json")
    assert len(history.out.splitlines()) == 4


@pytest.mark.slow
async def test_a_batch_is_stopped_by_its_id(console: Console, mosquitto: BrokerProcess) -> None:
    mosquitto.kill()
    sent = await console.run("send", "--where", "pump", "ping", "--yes", "--json")
    batch_id = json.loads(sent.out)["batch_id"]
    ended = await console.run("cancel", batch_id)
    assert ended.code == 0
    assert "5 cancelled before publication" in ended.err
    assert "ping: 5 cancelled, stopped by" in ended.err
    for verb in ("cancel", "retry"):
        missing = await console.run(verb, "no-such-id")
        assert missing.code != 0
        assert "There is no command or bulk send 'no-such-id' in the tenant 'acme'." in missing.err
    nobody = await console.run("send", "--where", "site:nowhere", "ping")
    assert "Nothing was sent: no device matches the filter." in nobody.err
    list_of_things = await console.run("send", "--where", "pump", "ping", "--params", "[1]", "--yes")
    assert "The params must be a JSON object" in list_of_things.err
    assert "note:" not in list_of_things.err


@pytest.mark.slow
async def test_a_batch_whose_process_was_killed_half_way_is_gone_on_with(
    console: Console, mosquitto: BrokerProcess, owner: asyncpg.Connection
) -> None:
    """Without the targets in the database, 600 of these devices would never get it."""
    mosquitto.kill()
    await add_devices(owner, "acme", [f"tank-{n:04}" for n in range(2_600)])
    console.environment[FAILPOINT] = "console.store.batches:BatchStore.insert:before:3"
    console.module = "tests.faults.program"
    killed = await console.run("send", "--where", "device:tank-*", "ping", "--yes")
    assert killed.code == -signal.SIGKILL
    written = await owner.fetchval("SELECT count(*) FROM device_commands")
    assert written in {1_000, 2_000}, (
        "the third piece begins once the first is committed; the second was under way"
    )
    del console.environment[FAILPOINT]
    half = await console.run(
        "batch", str(await owner.fetchval("SELECT batch_id FROM device_console.batches"))
    )
    assert f"ping: {written:,} waiting, {2_600 - written:,} of 2,600 without a command" in half.err
    batch_id = str(await owner.fetchval("SELECT batch_id FROM device_console.batches"))
    ended = await console.run("resume", batch_id, "--json")
    assert ended.code == 0, ended.err
    assert f"not sent yet to {2_600 - written:,} devices" in ended.err
    assert (json.loads(ended.out)["wanted"], json.loads(ended.out)["committed"]) == (2_600, 2_600)
    assert await owner.fetchval("SELECT count(DISTINCT device_id) FROM device_commands") == 2_600
    again = await console.run("resume", batch_id)
    assert again.code == 1
    assert "is left to send" in again.one_sentence()


@pytest.mark.slow
async def test_a_filter_that_cannot_be_understood_is_refused_everywhere(console: Console) -> None:
    for words in (
        ("devices", "colour:red"), ("history", "--where", "colour:red"), ("export", "--where", "colour:red"),
        ("tail", "--where", "colour:red"), ("problems", "colour:red"), ("send", "--where", "colour:red", "ping", "--yes"),
    ):  # fmt: skip
        ended = await console.run(*words)
        assert ended.code == 2, words
        assert 'There is no key "colour" here' in ended.one_sentence()


@pytest.mark.slow
async def test_what_does_not_go_together_is_refused(console: Console) -> None:
    for words, message in (
        (("send", "ping"), "send needs a device and a type"),
        (("send", "--where", "pump", "pump-1", "ping"), "leave DEVICE and --id out"),
        (("send", "--where", "nobody", "ping", "--yes"), "no device matches"),
        (("batch", "nothing"), "There is no bulk send 'nothing'"),
    ):
        ended = await console.run(*words)
        assert ended.code == 2, words
        assert message in ended.err


async def test_an_export_goes_to_a_new_file_or_to_the_pipe(
    console: Console, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    for number in range(3):
        await add_command(owner, "acme", f"c{number}")
    path = tmp_path / "out.csv"
    assert (await console.run("export", "--output", str(path))).code == 0
    assert len(path.read_text().splitlines()) == 4
    again = await console.run("export", "--output", str(path))
    assert again.code == 2
    assert "exists: choose another name" in again.one_sentence()
    piped = await console.run("export", "pump-1", "--format", "jsonl")
    assert {json.loads(line)["command_id"] for line in piped.out.splitlines()} == {"c0", "c1", "c2"}

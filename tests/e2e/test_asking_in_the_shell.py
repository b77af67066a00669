"""A shell command that could do harm asks whoever sits at its terminal, and nobody else."""

import signal
from pathlib import Path

import asyncpg
import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.faults.terminal import terminal
from tests.forks.client import start_program

pytestmark = pytest.mark.mosquitto
SEND = ("send", "pump-1", "factory_reset", "--ttl", "1m")


@pytest.fixture
def env(access: Access, mosquitto: BrokerProcess, tmp_path: Path, fleet: Fleet) -> dict[str, str]:
    assert fleet.acme == "acme"
    return environment(tmp_path, access.url, mosquitto.address)


async def count(owner: asyncpg.Connection) -> int:
    return int(await owner.fetchval("SELECT count(*) FROM device_commands"))


async def test_the_end_of_the_id_is_wanted_at_a_terminal(
    env: dict[str, str], owner: asyncpg.Connection
) -> None:
    """Without the question, the line of another window that is pasted here resets the device."""
    async with terminal(env, *SEND) as screen:
        await screen.shows("Type the end of its id, mp-1, to send factory_reset to pump-1")
        screen.type("mp-2\n")
        assert await screen.ended() == 2
        assert "Nothing was sent" in screen.text
    assert await count(owner) == 0
    async with terminal(env, *SEND) as screen:
        await screen.shows("Type the end of its id")
        assert screen.process is not None
        screen.process.send_signal(signal.SIGINT)
        assert await screen.ended() == 130
    assert await count(owner) == 0
    async with terminal(env, *SEND) as screen:
        await screen.shows("Type the end of its id")
        screen.type("mp-1\n")
        assert await screen.ended() == 0
    assert await count(owner) == 1


@pytest.mark.slow
async def test_a_script_a_setting_and_yes_are_not_asked(
    env: dict[str, str], owner: asyncpg.Connection
) -> None:
    """Without the look at the streams, a script that worked for years waits for ever."""
    for changed, arguments in (
        ({}, (*SEND, "--yes")),
        ({"CONSOLE_DANGEROUS_WORDS": "-factory_reset"}, SEND),
        ({}, ("send", "pump-1", "get_information", "--ttl", "1m")),
    ):
        async with terminal(env | changed, *arguments) as screen:
            assert await screen.ended() == 0
    process = await start_program("console", *SEND, env=env, cwd=REPOSITORY)
    assert await process.wait() == 0
    assert await count(owner) == 4
    async with terminal(env | {"CONSOLE_DANGEROUS_WORDS": "reset"}, *SEND) as screen:
        assert await screen.ended() == 2
        assert "dangerous_words is wrong" in screen.text


async def test_what_was_typed_before_the_question_is_no_answer(
    env: dict[str, str], owner: asyncpg.Connection
) -> None:
    """Without it, lines that were pasted together with the command answer what nobody has read."""
    async with terminal(env, *SEND) as screen:
        screen.type("mp-1\n")
        await screen.shows("Type the end of its id")
        screen.type("no\n")
        assert await screen.ended() == 2
        assert "Nothing was sent" in screen.text
    assert await count(owner) == 0


@pytest.mark.slow
async def test_a_batch_is_sent_again_or_gone_on_with_only_when_that_is_typed(
    env: dict[str, str], owner: asyncpg.Connection
) -> None:
    """Without the question, an id of another window that is pasted behind retry resets a fleet again."""
    whole = ("send", "--where", "device:pump-1,pump-2", "factory_reset", "--ttl", "1m", "--yes")
    async with terminal(env, *whole) as screen:
        assert await screen.ended() == 0
    batch_id = str(await owner.fetchval("SELECT batch_id FROM device_console.batches"))
    await owner.execute("UPDATE device_commands SET status = 'missed', published_at = now()")
    unsent = await owner.fetchval(
        "DELETE FROM device_commands WHERE device_id = 'pump-2' RETURNING command_id"
    )
    await owner.execute("DELETE FROM device_console.batch_members WHERE command_id = $1", unsent)
    for verb, asked, answer in (
        ("retry", "Type the end of its id, mp-1, to send factory_reset to pump-1", "mp-1\n"),
        ("resume", "Type the end of its id, mp-2, to send factory_reset to pump-2", "mp-2\n"),
    ):
        before = await count(owner)
        async with terminal(env, verb, batch_id) as screen:
            await screen.shows(asked)
            screen.type("yes\n")
            assert await screen.ended() == 2
            assert "Nothing was sent" in screen.text
        assert await count(owner) == before
        async with terminal(env, verb, batch_id) as screen:
            await screen.shows(asked)
            screen.type(answer)
            assert await screen.ended() == 0, screen.text
        assert await count(owner) == before + 1
    async with terminal(env, "retry", batch_id, "--yes") as screen:
        assert await screen.ended() == 0

"""A start that is forked is like one by an interpreter of its own: what the program finds, how it ends, what is measured."""

import asyncio
import json
import os
import signal
from asyncio.subprocess import PIPE
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import coverage
import pytest

from tests.faults.terminal import state
from tests.forks.client import REPOSITORY, ForkedProcess, start_program
from tests.waiting import until

pytestmark = [pytest.mark.proc, pytest.mark.skipif(not hasattr(os, "pidfd_open"), reason="needs pidfds")]


ENVIRONMENT = {k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")} | {
    "PYTHONPATH": str(REPOSITORY)
}


async def forked(*arguments: str, **how: Any) -> ForkedProcess:
    while not isinstance(process := await start_program(*arguments, **how), ForkedProcess):
        process.kill()  # the first start with these settings
        await process.wait()
    return process


async def both(*arguments: str, **how: Any) -> list[tuple[int | None, bytes, bytes]]:
    """How both end and what they say, the cold one first."""
    ended = []
    for start in (partial(start_program, cold=True), forked):
        process = await start(*arguments, **{"env": ENVIRONMENT, "stdout": PIPE, "stderr": PIPE, **how})
        out, err = await process.communicate()
        ended.append((process.returncode, out or b"", err or b""))
    return ended


def found(message: bytes) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(message.splitlines()[0])["facts"]
    return facts


@pytest.mark.slow
@pytest.mark.parametrize(
    "more", [{}, {"LC_ALL": "C"}, {"PYTHONUNBUFFERED": "1"}, {"NO_COLOR": "1", "HOME": "/"}], ids=str
)
async def test_a_fork_finds_what_a_start_finds(more: dict[str, str], tmp_path: Path) -> None:
    cold, fork = await both(
        "tests.forks.probe",
        "ends",
        "--an",
        "argument é\udcff",
        env=ENVIRONMENT | more,
        cwd=tmp_path,
        warn=True,
    )
    assert found(fork[1]) == found(cold[1])
    assert found(fork[1])["cwd"] == str(tmp_path)
    assert found(fork[1])["program"] == []
    assert [code for code, _, _ in (cold, fork)] == [0, 0]


async def test_a_fork_finds_its_terminal_and_leads_its_session() -> None:
    message = []
    for start in (partial(start_program, cold=True), forked):
        ours, theirs = os.openpty()
        process = await start(
            "tests.forks.probe",
            "ends",
            env=ENVIRONMENT,
            stdin=theirs,
            stdout=theirs,
            stderr=theirs,
            new_session=True,
        )
        os.close(theirs)
        text = b""
        with suppress(OSError):  # so Linux reports the end
            while more := await asyncio.to_thread(os.read, ours, 65_536):
                text += more
        os.close(ours)
        assert await process.wait() == 0, text
        message.append(found(text))
    assert message[0] == message[1]
    assert message[1]["leads"] == [True, True]


@pytest.mark.parametrize(
    ("how", "code"), [("ends", 0), ("leaves", 7), ("raises", 1), ("killed", -signal.SIGKILL)]
)
async def test_a_fork_ends_as_a_start_ends(how: str, code: int) -> None:
    cold, fork = await both("tests.forks.probe", how, warn=True)
    assert [cold[0], fork[0]] == [code, code]
    assert fork[1].splitlines()[1:] == cold[1].splitlines()[1:]
    assert fork[2].splitlines()[-1:] == cold[2].splitlines()[-1:]
    assert (b"left in the buffer" in fork[1], b"ResourceWarning: a warning" in fork[2]) == (
        how == "leaves",
    ) * 2


async def test_two_forks_share_no_chance() -> None:
    chances = {json.loads((await both("tests.forks.probe", "ends"))[1][1])["chance"] for _ in range(2)}
    assert len(chances) == 2


async def test_a_fork_takes_signals_and_is_seen_to_stop_and_to_end() -> None:
    process = await forked("tests.forks.probe", "waits", env=ENVIRONMENT, stdout=PIPE)
    assert process.stdout is not None
    await process.stdout.readline()
    process.send_signal(signal.SIGSTOP)
    await until(lambda: is_in(process.pid, "T"))
    process.send_signal(signal.SIGCONT)
    process.send_signal(signal.SIGINT)
    assert await process.wait() == -signal.SIGINT
    with pytest.raises(ProcessLookupError):
        process.kill()


async def is_in(pid: int, letter: str) -> bool:
    return state(pid) == letter


async def test_what_a_fork_runs_is_measured(tmp_path: Path) -> None:
    rules = tmp_path / "rules"
    measured = []
    for start in (partial(start_program, cold=True), forked):
        data = tmp_path / start.__class__.__name__
        rules.write_text(f"[run]\nbranch = true\nsource = console\ndata_file = {data}\n")
        process = await start(
            "console", "--version", env=ENVIRONMENT | {"COVERAGE_PROCESS_START": str(rules)}
        )
        assert await process.wait() == 0
        seen = coverage.CoverageData(str(data))
        seen.read()
        measured.append({file: seen.arcs(file) for file in seen.measured_files()})
    assert measured[0] == measured[1]
    assert str(REPOSITORY / "console" / "__main__.py") in measured[1]

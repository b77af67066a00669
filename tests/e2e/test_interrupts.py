"""Ctrl-C ends a shell command silently with 130, whenever it comes."""

import asyncio
import signal
import sys
from pathlib import Path

import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment

pytestmark = pytest.mark.mosquitto

# runs the command line, and sends itself a SIGINT as soon as this module is imported, or this audit event is raised
_INTERRUPTED = """
import os, signal, sys
where = sys.argv.pop(1)
sent = []
class Finder:
    def find_spec(self, name, path=None, target=None):
        if name == where and not sent:
            sent.append(name)
            os.kill(os.getpid(), signal.SIGINT)
sys.meta_path.insert(0, Finder())
from console.__main__ import main
code = main()
if where == "end":
    os.kill(os.getpid(), signal.SIGINT)
sys.exit(code)
"""


@pytest.fixture
def env(access: Access, mosquitto: BrokerProcess, tmp_path: Path, fleet: Fleet) -> dict[str, str]:
    assert fleet.acme == "acme"
    return environment(tmp_path, access.url, mosquitto.address)


async def interrupted(env: dict[str, str], where: str, *arguments: str) -> tuple[int, bytes]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _INTERRUPTED, where, *arguments, env=env, cwd=REPOSITORY,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    _, message = await process.communicate()
    assert process.returncode is not None
    return process.returncode, message


@pytest.mark.slow
@pytest.mark.parametrize(
    "where",
    [
        "console.cli.run",
        "argparse",
        "console.settings",
        "asyncio",
        "console.shell.run",
        "asyncpg",
        "console.shell.devices",
    ],
)
async def test_an_import_is_left_in_silence(env: dict[str, str], where: str) -> None:
    """Without our own handler the traceback of an import is what the operator reads."""
    assert await interrupted(env, where, "devices") == (130, b"")


async def test_the_end_behind_all_work_is_left_in_silence(env: dict[str, str]) -> None:
    code, message = await interrupted(env, "end", "devices")
    assert code == 130
    assert b"Traceback" not in message


@pytest.mark.parametrize("delay_s", [0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.8, 1.2])
async def test_whenever_it_comes_there_is_no_traceback(env: dict[str, str], delay_s: float) -> None:
    """From outside, at any moment of a command that follows what happens."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from console.__main__ import main; print(flush=True); raise SystemExit(main())", "tail",
        env=env, cwd=REPOSITORY, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    await process.stdout.readline()  # what comes before brings the handler, which is the first that main sets
    await asyncio.sleep(delay_s)
    process.send_signal(signal.SIGINT)
    _, message = await process.communicate()
    assert process.returncode == 130, message
    assert b"Traceback" not in message
    assert b"KeyboardInterrupt" not in message


async def test_what_the_shell_ignores_stays_ignored(env: dict[str, str]) -> None:
    """As a command behind an ampersand in a script is started."""
    script = f'trap \'\' INT; exec {sys.executable} -c "$0" "$@"'
    process = await asyncio.create_subprocess_exec(
        "sh", "-c", script, _INTERRUPTED, "asyncpg", "devices", env=env, cwd=REPOSITORY,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL,
    )  # fmt: skip
    message, _ = await process.communicate()
    assert process.returncode == 0
    assert b"pump-1" in message

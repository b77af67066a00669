"""What a start does before anything else: reads the command line in full words, and refuses before it has any effect."""

import argparse
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from console.cli.parser import VerbParser, build_parser, parse
from console.cli.run import run
from console.embedded.directory import EmbeddedDirectory

REPOSITORY = Path(__file__).parents[2]
SLOW = (
    "asyncio", "pydantic", "textual", "asyncpg", "aiomqtt", "paho", "logging", "console.settings", "console.runtime", "console.store",
    "console.mqtt", "console.services", "console.embedded", "console.demo", "console.simulator",
)  # fmt: skip
_LOADED = """
import sys
from console.cli.run import run
try:
    run(sys.argv[1:])
except SystemExit:
    pass
from console.shell.registry import SUMMARIES
names = ["console.shell." + name.replace("-", "_") for name in SUMMARIES]
print([name for name in names if name in sys.modules], "dataclasses" in sys.modules, file=sys.stderr)
"""
_ASKED = f"""
import sys
from console.__main__ import main
try:
    code = main()
except SystemExit as ended:
    code = ended.code
print([name for name in {SLOW} if name in sys.modules], code, file=sys.stderr)
"""


def parsers(
    parser: argparse.ArgumentParser, words: tuple[str, ...] = ()
) -> Iterator[tuple[tuple[str, ...], argparse.ArgumentParser]]:
    """Every parser, complete, with the words that lead to it."""
    if isinstance(parser, VerbParser):
        parser.load()
    yield words, parser
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for name, nested in action.choices.items():
                yield from parsers(nested, (*words, name))


def test_no_parser_takes_an_option_by_its_beginning(capsys: pytest.CaptureFixture[str]) -> None:
    """Without it, `--y` sends to a whole fleet and `--ten` reads another tenant."""
    found = dict(parsers(build_parser()))
    assert {(), ("send",), ("retry",), ("simulate",), ("demo",)} <= found.keys()
    assert [words for words, parser in found.items() if parser.allow_abbrev] == []
    for words, parser in found.items():
        options = [option for option in parser._option_string_actions if option.startswith("--")]
        shortest = {option[:3] for option in options} - set(options)
        for given in [*shortest, *(f"{option[:-1]}=7" for option in options)]:
            with pytest.raises(SystemExit) as ended:
                parse([*words, given])
            assert ended.value.code == 2, (words, given)
    capsys.readouterr()


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--help"], 0), (["--version"], 0), (["send", "--help"], 0), (["--version", "--sweeper"], 0),
        (["--nonsense"], 2), (["send"], 2), (["history", "--limit", "many"], 2), (["nonsense"], 2),
        (["--sweeper", "doctor"], 2), (["cancel", "x", "--timeout", "3"], 2), ([], 2),
    ],
)  # fmt: skip
def test_help_and_a_wrong_command_line_wait_for_no_import(arguments: list[str], code: int) -> None:
    """Without it, each question for help pays for the database driver and the screen."""
    asked = subprocess.run(
        [sys.executable, "-c", _ASKED, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False,
        stdin=subprocess.DEVNULL,
    )  # fmt: skip
    assert asked.stderr.splitlines()[-1] == f"[] {code}"


@pytest.mark.parametrize(
    ("arguments", "loaded"),
    [(["--help"], "[] False"), (["--nonsense"], "[] False"), (["nonsense"], "[] False"), (["send", "--help"], "['console.shell.send'] True")],
)  # fmt: skip
def test_a_command_is_loaded_when_it_is_named(arguments: list[str], loaded: str) -> None:
    """Without it, help waits for twenty commands and for all that they show."""
    asked = subprocess.run(
        [sys.executable, "-c", _LOADED, *arguments], cwd=REPOSITORY, capture_output=True, text=True, check=False,
        env={k: v for k, v in os.environ.items() if not k.startswith("COVERAGE_")},  # which imports much itself
    )  # fmt: skip
    assert asked.stderr.splitlines()[-1] == loaded


def refused_on_a_terminal(home: Path, **environment: str) -> tuple[int, str]:
    """Start the screen on a terminal with these settings; return its exit code and what it said."""
    master, slave = os.openpty()
    keep = {k: v for k, v in os.environ.items() if not k.startswith(("CONSOLE_", "DATABASE_URL", "MQTT_URL"))}
    with subprocess.Popen(
        [sys.executable, "-m", "console", "--home", str(home)], cwd=REPOSITORY,
        env={**keep, "TERM": "xterm", "CONSOLE_CONFIG": str(home / "none.toml"), **environment},
        stdin=slave, stdout=slave, stderr=slave,
    ) as process:  # fmt: skip
        os.close(slave)
        message = b""
        try:
            while more := os.read(master, 65_536):
                message += more
        except OSError:  # so Linux tells the end
            pass
        finally:
            os.close(master)
    return process.returncode, message.decode()


@pytest.mark.parametrize(
    ("environment", "says"),
    [
        ({"TERM": "dumb"}, "TERM=dumb"),
        ({"TERM": ""}, "TERM=unset"),
        ({"CONSOLE_THEME": "pink"}, "There is no theme 'pink'"),
        ({"CONSOLE_KEYS": "history.dance=f9"}, "names 'history.dance'"),
        ({"CONSOLE_TENANT": "a/b"}, "The tenant 'a/b' cannot be used"),
    ],
)
def test_what_no_screen_can_be_made_of_starts_no_server(
    tmp_path: Path, environment: dict[str, str], says: str
) -> None:
    """Without the checks before the effects, two servers are started and a database is seeded for a refusal."""
    home = tmp_path / "home"
    code, message = refused_on_a_terminal(home, **environment)
    assert (code, says in message) == (2, True), message
    assert not EmbeddedDirectory.default(home).root.exists()


def test_a_read_only_change_of_slots_starts_no_server(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-m", "console", "ingest-slots", "3", "--read-only", "--embedded", "--home", str(tmp_path / "home")],
        cwd=REPOSITORY, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert (ended.returncode, "--read-only forbids changes" in ended.stderr) == (2, True)
    assert not EmbeddedDirectory.default(tmp_path / "home").root.exists()


def test_programs_are_sought_in_absolute_folders_only(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Without it, "." in PATH runs the mosquitto or the tmux that lies in the folder of the caller."""
    monkeypatch.chdir(tmp_path)
    program = tmp_path / "mosquitto-of-a-stranger"
    program.write_text("#!/bin/sh\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f".:{os.environ['PATH']}:")
    assert shutil.which(program.name)
    with pytest.raises(SystemExit):
        run(["--help"])
    assert shutil.which(program.name) is None

"""The completions in real shells, as they are when a user presses tab; and the manual page in a real man."""

import os
import shutil
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from release.completion import SHELLS
from release.share import MAN_PAGE, SHARE
from tests.needs import find_program, need
from tests.pseudo_terminal import WatchedTerminal

WAYS = [
    ("device-console mig", "device-console migrate"),
    ("device-console --tenant acme prob", "device-console --tenant acme problems"),
    ("device-console --read", "device-console --read-only"),
    ("device-console send --para", "device-console send --params"),
    ("device-console export --format js", "device-console export --format json"),
    ("device-console export --output here-i", "device-console export --output here-is-one.csv"),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "here-is-one.csv").touch()
    return tmp_path


def environment(folder: Path) -> dict[str, str]:
    return {"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(folder), "TERM": "xterm", "LANG": "C.UTF-8"}


@pytest.fixture
def terminal(folder: Path, request: pytest.FixtureRequest) -> Iterator[WatchedTerminal]:
    program, *arguments = request.param
    need(program, find_program(program))
    started = WatchedTerminal(120, 30, [find_program(program) or program, *arguments], environment(folder))
    yield started
    os.kill(started.pid, signal.SIGKILL)  # a shell at a terminal ignores SIGTERM
    os.waitpid(started.pid, 0)
    started.hang_up()


@pytest.mark.parametrize("terminal", [["bash", "--norc", "--noprofile", "-i"]], indirect=True)
def test_bash_completes(terminal: WatchedTerminal, folder: Path) -> None:
    terminal.type(f"cd {folder}; PS1='> '; source {SHARE / SHELLS['bash']}; clear; echo read''y\n")
    terminal.wait_for("ready")
    for typed, whole in WAYS:
        terminal.type(f"{typed}\t")
        terminal.wait_for(whole)
        terminal.type("\x15clear\n")


@pytest.mark.parametrize("terminal", [["zsh", "-f", "-i"]], indirect=True)
def test_zsh_completes(terminal: WatchedTerminal, folder: Path) -> None:
    place = (SHARE / SHELLS["zsh"]).parent
    terminal.type(
        f"cd {folder}; PS1='> '; fpath=({place} $fpath); autoload -U compinit; compinit -u -D; clear; echo read''y\n"
    )
    terminal.wait_for("ready")
    for typed, whole in WAYS:
        terminal.type(f"{typed}\t")
        terminal.read()
        if whole not in terminal.text:  # where a word could stand, too, zsh first shows what there is
            terminal.type("\t")
        terminal.wait_for(whole)
        terminal.type("\x15clear\n")


def test_fish_completes(folder: Path) -> None:
    need("fish", find_program("fish"))
    asked = "; ".join(f"complete -C '{typed}' | head -n 1" for typed, _ in WAYS)
    found = subprocess.run(
        ["fish", "--no-config", "-c", f"source {SHARE / SHELLS['fish']}; {asked}"],
        cwd=folder, env=environment(folder), capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert [line.split("\t")[0] for line in found.stdout.splitlines()] == [
        whole.rsplit(" ", 1)[1] for _, whole in WAYS
    ]
    assert found.stderr == ""


def test_man_shows_the_page_without_a_warning(folder: Path) -> None:
    need("man", shutil.which("man"))
    shown = subprocess.run(
        ["man", "--warnings", "-l", str(MAN_PAGE)],
        env=environment(folder) | {"MANPAGER": "cat", "MANWIDTH": "100"},
        capture_output=True, text=True, check=True, timeout=60,
    )  # fmt: skip
    assert shown.stderr == ""
    assert "device-console send [--json]" in shown.stdout
    assert "\n       75     busy\n" in shown.stdout

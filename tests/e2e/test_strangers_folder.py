"""Started from a folder that somebody else prepared: nothing in it is run or read."""

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from console.embedded.servers import _python_path
from tests.conftest import make_home

REPOSITORY = Path(__file__).parents[2]
MODULES = (
    "json", "asyncio", "venv", "ensurepip", "argparse", "logging", "sitecustomize", "usercustomize", "site", "os", "console",
    "pip", "pydantic", "textual", "migrations", "encodings",
)  # fmt: skip
PROGRAMS = (
    "python", "python3", "python3.11", "uv", "grep", "cmp", "cp", "rm", "dirname", "pwd", "mosquitto", "postgres", "initdb",
    "nats-server", "vi", "tmux", "sh", "env",
)  # fmt: skip
QUIET = {"CONSOLE_TENANT": "", "CONSOLE_CONFIG": "", "DATABASE_URL": "", "MQTT_URL": ""}


@pytest.fixture
def hostile(tmp_path: Path) -> Path:
    """A folder whose modules and programs all leave a mark when one of them is run, and whose settings are wrong."""
    folder = tmp_path / "hostile"
    folder.mkdir()
    mark = tmp_path / "mark"
    for name in MODULES:
        (folder / name).mkdir()
        for file in (folder / f"{name}.py", folder / name / "__init__.py", folder / name / "__main__.py"):
            file.write_text(f"open({str(mark)!r}, 'a').write(__file__ + '\\n')\nraise SystemExit(66)\n")
    for name in PROGRAMS:
        program = folder / name
        program.write_text(f"#!/bin/sh\necho $0 >> '{mark}'\nexit 66\n")
        program.chmod(0o755)
    for name in (
        "config.toml",
        ".env",
        "device-console.toml",
        "pip.conf",
        "uv.toml",
        "pyproject.toml",
        "setup.cfg",
        "pyvenv.cfg",
    ):
        (folder / name).write_text("database_url = 'postgresql://stranger'\n")
    return folder


def marks(folder: Path) -> str:
    mark = folder.parent / "mark"
    return mark.read_text() if mark.exists() else ""


def checkout(folder: Path) -> Path:
    """A checkout whose lock asks for nothing; what is installed here is laid beside."""
    made = folder / "checkout"
    for name in ("console", "migrations", "scripts"):
        shutil.copytree(REPOSITORY / name, made / name, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy2(REPOSITORY / "run", made / "run")
    (made / "requirements").mkdir()
    (made / "requirements/run.txt").write_text("# nothing\n")
    return made


def lay_packages_beside(made: Path) -> None:
    (packages,) = (made / ".venv/lib").glob("python*/site-packages")
    (packages / "here.pth").write_text(f"{sysconfig.get_path('purelib')}\n")


@pytest.mark.slow
def test_a_strangers_folder_is_neither_run_nor_read(hostile: Path, tmp_path: Path) -> None:
    """Without the care, `./run` there is the stranger's program with the operator's rights, root's too."""
    made, home = checkout(tmp_path), make_home()
    environment = os.environ | QUIET | {
        "PATH": f".:{os.environ['PATH']}::", "PYTHONPATH": ":.:", "CDPATH": ".", "PYTHON": "", "CONSOLE_HOME": str(home),
    }  # fmt: skip

    def run(*words: str) -> str:
        ended = subprocess.run(
            [made / "run", *words], cwd=hostile, env=environment, capture_output=True, text=True, check=False
        )
        assert (marks(hostile), ended.returncode) == ("", 0), ended.stderr
        return ended.stdout

    assert run("--version").startswith("device-console ")  # also makes the environment
    lay_packages_beside(made)
    assert "stranger" not in run("config", "show")
    assert "pump-0001" in run(
        "devices", "pump-0001", "--embedded"
    )  # starts both servers and their supervisor
    assert run("demo", "reset") == ""
    shutil.rmtree(home, ignore_errors=True)


def test_the_marks_are_left_by_whoever_does_run_something(hostile: Path) -> None:
    """Without it, the test above could pass because nothing there can leave a mark."""
    subprocess.run([sys.executable, "-m", "pip"], cwd=hostile, check=False)
    assert "pip" in marks(hostile) or "encodings" in marks(hostile)


@pytest.mark.parametrize("inherited", ["", ":", ".", "/opt/a:", ":/opt/a", "/opt/a::b:./c"])
def test_what_a_child_inherits_names_no_folder_that_it_stands_in(
    inherited: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without it, an empty element at the end of PYTHONPATH is the current folder."""
    monkeypatch.setenv("PYTHONPATH", inherited)
    elements = _python_path().split(os.pathsep)
    assert elements[0] == str(REPOSITORY)
    assert set(elements[1:]) <= {"/opt/a"}

"""How many files a change touches: two of ARCHITECTURE's "to change X, touch these" are made on a copy and counted."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
VERB = '''"""``greet``: a command that only this test has."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from console.shell.verb import Plain

if TYPE_CHECKING:
    from console.settings import Configuration


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("name")


def _greet(options: argparse.Namespace, _configuration: Configuration) -> int:
    print(f"hello {options.name}")
    return 0


VERB = Plain(name="greet", example="device-console greet you", arguments=_arguments, run=_greet)
'''
SHOWN = """
from datetime import UTC, datetime
from console.domain.devices import Device
from console.shell import output
from console.tables.devices import COLUMNS, device_cells
device, now = Device("acme", "pump-1", manufacturer="Acme Pumps"), datetime.now(UTC)
output.print_columns(COLUMNS, [device], now)
print(device_cells(device, now)["maker"].text)
"""


class Copy:
    """A copy of the program that counts the files that are changed in it."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.touched: set[str] = set()
        names = subprocess.run(
            ["find", "console", "-name", "*.py", "-o", "-name", "*.sql", "-path", "console/*"],
            cwd=ROOT, capture_output=True, text=True, check=True,
        ).stdout.split()  # fmt: skip
        for name in names:
            target = folder / name
            target.parent.mkdir(parents=True, exist_ok=True)
            target.symlink_to(ROOT / name)

    def write(self, name: str, text: str) -> None:
        """Write a file of the copy."""
        (self.folder / name).unlink(missing_ok=True)
        (self.folder / name).write_text(text, "utf-8")
        self.touched.add(name)

    def change(self, name: str, *pairs: tuple[str, str]) -> None:
        """Replace texts that stand once in a file."""
        text = (ROOT / name).read_text("utf-8")
        for old, new in pairs:
            assert text.count(old) == 1, (name, old)
            text = text.replace(old, new)
        self.write(name, text)

    def run(self, *arguments: str) -> str:
        """Run Python on the copy; return what it printed."""
        ended = subprocess.run(
            [sys.executable, *arguments], cwd=self.folder, capture_output=True, text=True, check=False,
            env={"PYTHONPATH": f"{self.folder}:{ROOT}", "PATH": "/usr/bin:/bin", "HOME": str(self.folder), "PYTHONIOENCODING": "utf-8"},
        )  # fmt: skip
        assert ended.returncode == 0, ended.stderr
        return ended.stdout


@pytest.fixture
def copy(tmp_path: Path) -> Copy:
    return Copy(tmp_path)


def test_a_shell_command_costs_two_files(copy: Copy) -> None:
    """Without the registry, a new command is written into the parser and three tables."""
    copy.write("console/shell/greet.py", VERB)
    copy.change(
        "console/shell/registry.py",
        ('    "send": ', '    "greet": "Greet.",\n    "send": '),
    )
    assert re.search(r"greet +Greet\.", copy.run("-m", "console", "--help"))
    assert copy.run("-m", "console", "greet", "you") == "hello you\n"
    assert len(copy.touched) == 2


def test_a_column_of_a_known_value_costs_one_file(copy: Copy) -> None:
    """Without the shared table, it is written for the screen and again for the shell."""
    copy.change(
        "console/tables/devices.py",
        ('    ColumnOf("tags"', '    ColumnOf("maker", "MAKER", 6, rank=10, cell=lambda d, _: Cell(safe(d.manufacturer))),\n    ColumnOf("tags"'),
    )  # fmt: skip
    header, row, cell = copy.run("-c", SHOWN).splitlines()
    assert header.index("MAKER") == row.index("Acme Pumps")
    assert cell == "Acme Pumps"
    assert len(copy.touched) == 1

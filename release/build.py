"""sdist and wheel of a commit: ``python -m release.build FOLDER`` builds them there, the same bytes at any time and place.

The commit is exported, so that nothing that lies about gets in; the wheel is built from the unpacked sdist, so that
nothing can be missing there. All times are the commit's. The tools must be those of requirements/build.txt.
"""

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[1]


@dataclass(frozen=True, slots=True)
class Built:
    """The two files."""

    sdist: Path
    wheel: Path


def build(repository: Path, into: Path) -> Built:
    """Build the commit that is checked out in `repository`."""
    into.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder) / "tree"
        tree.mkdir()
        archive = Path(folder) / "commit.tar"
        _git(repository, "archive", "--format=tar", f"--output={archive}", "HEAD")
        subprocess.run(["tar", "-xf", archive, "-C", tree], check=True)
        time = _git(repository, "log", "-1", "--format=%ct").strip()
        sdist = _hatchling("sdist", tree, into, time)
        unpacked = Path(folder) / "sdist"
        with tarfile.open(sdist) as file:
            file.extractall(unpacked, filter="data")
        return Built(sdist, _hatchling("wheel", next(unpacked.iterdir()), into, time))


def sha256(path: Path) -> str:
    """Return the sha256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _git(repository: Path, *words: str) -> str:
    command = ["git", "-C", str(repository), *words]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def _hatchling(kind: str, tree: Path, into: Path, time: str) -> Path:
    """Build one file and return its path."""
    with tempfile.TemporaryDirectory(dir=into) as folder:
        subprocess.run(
            [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", folder],
            cwd=tree,
            env=os.environ | {"SOURCE_DATE_EPOCH": time, "PYTHONPATH": ""},
            check=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        (made,) = Path(folder).iterdir()
        return made.replace(into / made.name)


def main(into: str) -> None:
    """Build, and print what was built in the form of sha256sum."""
    if changed := _git(ROOT, "status", "--porcelain").splitlines():
        names = ", ".join(line[3:] for line in changed)
        print(f"note: changed since the commit or not in it, and left out: {names}", file=sys.stderr)
    built = build(ROOT, Path(into).absolute())
    for path in (built.sdist, built.wheel):
        print(f"{sha256(path)}  {path.name}")


if __name__ == "__main__":
    main(sys.argv[1])

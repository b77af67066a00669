"""A release built from the commit that is checked out: all of it is there, it works, and it is the same bytes again."""

import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

from release.build import Built, sha256
from release.share import ROOT, SHARE
from tests.needs import need

pytestmark = pytest.mark.slow
TOOLS = ROOT / ".venv-build/bin/python"


@pytest.fixture(scope="module", autouse=True)
def _tools() -> None:
    need("the build tools: scripts/build --tools", TOOLS.exists())
    need("a git checkout", (ROOT / ".git").exists() and shutil.which("git"))


def build(folder: Path, umask: int, **settings: str) -> Built:
    """Clone and build, as scripts/build does."""
    old = os.umask(umask)
    try:
        subprocess.run(["git", "clone", "--quiet", ROOT, folder / "clone"], check=True)
        subprocess.run(
            [TOOLS, "-P", "-m", "release.build", folder / "dist"],
            cwd=folder, env=os.environ | {"PYTHONPATH": str(folder / "clone")} | settings, check=True, timeout=120,
        )  # fmt: skip
    finally:
        os.umask(old)
    (sdist,), (wheel,) = (folder / "dist").glob("*.tar.gz"), (folder / "dist").glob("*.whl")
    return Built(sdist, wheel)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Built:
    return build(tmp_path_factory.mktemp("first"), 0o022)


@pytest.fixture(scope="module")
def unpacked(built: Built, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("unpacked")
    with tarfile.open(built.sdist) as file:
        file.extractall(folder, filter="data")
    (tree,) = folder.iterdir()
    return tree


def git(*words: str) -> bytes:
    return subprocess.run(["git", "-C", str(ROOT), *words], check=True, capture_output=True).stdout


def test_it_is_the_same_bytes_again(built: Built, tmp_path: Path) -> None:
    again = build(tmp_path, 0o077, TZ="Pacific/Apia", LC_ALL="C", PYTHONHASHSEED="1")
    assert (sha256(built.sdist), sha256(built.wheel)) == (sha256(again.sdist), sha256(again.wheel))


def test_its_times_are_the_commits(built: Built) -> None:
    time = int(git("log", "-1", "--format=%ct"))
    with tarfile.open(built.sdist) as file:
        assert {member.mtime for member in file} == {time}


def test_the_sdist_has_all_that_git_tracks(unpacked: Path) -> None:
    with tarfile.open(fileobj=io.BytesIO(git("archive", "--format=tar", "HEAD"))) as file:
        tracked = {
            member.name: (bool(member.mode & 0o100), content.read())
            for member in file
            if (content := file.extractfile(member))
        }
    found = {
        str(path.relative_to(unpacked)): (os.access(path, os.X_OK), path.read_bytes())
        for path in unpacked.rglob("*")
        if path.is_file()
    }
    assert set(found) - set(tracked) == {"PKG-INFO"}
    assert set(tracked) - set(found) == set()
    assert [name for name, what in tracked.items() if found[name] != what] == []
    assert found["run"][0]
    assert found["test"][0]


def test_the_readmes_two_commands_work_from_the_sdist(unpacked: Path, tmp_path: Path) -> None:
    """In this run's environment, under the marks that say that it is the lock's: so nothing is installed."""
    tree, environment = tmp_path / "tree", tmp_path / "tree/.venv"
    shutil.copytree(unpacked, tree)
    environment.mkdir()
    for name in ("bin", "lib", "pyvenv.cfg"):
        (environment / name).symlink_to(Path(sys.prefix) / name)
    for lock in ("run", "test"):
        shutil.copy(tree / f"requirements/{lock}.txt", environment / f".installed-{lock}")
    for command, sign in (
        (["./run", "--version"], "device-console 0."),
        (["./test", "-q", "-n", "0", "tests/unit/test_wire.py", "tests/unit/test_share.py"], " passed"),
    ):
        done = subprocess.run(command, check=False, cwd=tree, capture_output=True, text=True, timeout=120)
        assert done.returncode == 0, done.stdout + done.stderr
        assert sign in done.stdout


def test_the_wheel_has_the_program_and_what_belongs_beside_it(built: Built) -> None:
    tracked = git("ls-tree", "-r", "--name-only", "-z", "HEAD").decode().split("\0")
    with zipfile.ZipFile(built.wheel) as file:
        names = [name for name in file.namelist() if ".dist-info/" not in name]
    ours = {name for name in tracked if name.startswith("console/")}
    ours |= {f"console/{name}" for name in tracked if name.startswith("migrations/")}
    data = {name.split(".data/data/")[1] for name in names if ".data/" in name}
    assert {name for name in names if ".data/" not in name} == ours
    assert data == {name for name in tracked if name.startswith("share/")}


def test_what_is_shared_is_what_the_parser_gives() -> None:
    """Without it, a new option would be completed nowhere."""
    code = "import json; from release.share import files; print(json.dumps({str(k): v for k, v in files().items()}))"
    made = subprocess.run(
        [TOOLS, "-P", "-c", code],
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        check=True,
        capture_output=True,
        text=True,
    )
    wanted = json.loads(made.stdout)
    assert {str(path) for path in SHARE.rglob("*") if path.is_file()} == set(wanted)
    assert [path for path, text in wanted.items() if Path(path).read_text("utf-8") != text] == []

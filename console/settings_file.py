"""The configuration file: where it is, what stands in it, and in which line."""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import platformdirs

from console.errors import UsageError


def config_file(environment: Mapping[str, str]) -> Path:
    """Return the file that is read if it exists: CONSOLE_CONFIG, or config.toml in the XDG folder."""
    given = environment.get("CONSOLE_CONFIG")
    return Path(given) if given else Path(platformdirs.user_config_path("device-console")) / "config.toml"


def text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration file {path} cannot be read: {error}.") from None


def read_toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The configuration file {path} cannot be read: {error}.") from None


def line_of(name: str, text: str) -> int:
    """Return the line that sets a name, as a key or as a table heading; tomllib does not report it."""
    place = re.compile(rf"""\s*\[?\s*["']?{re.escape(name)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if place.match(line)), 1)

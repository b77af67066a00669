"""Configuration: flags over environment over file over default, each value with its origin."""

import os
import re
import tomllib
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

import platformdirs
from pydantic import BaseModel, ConfigDict, Field, PrivateAttr, SecretStr, ValidationError, field_validator

from console.errors import UsageError
from console.limits import LEAST_MAX_BYTES, MAX_ACK_BYTES, MAX_PAYLOAD_BYTES, MOST_MAX_BYTES

Seconds = Annotated[float, Field(gt=0, le=86_400)]
_SECRETS = ("database_url", "direct_database_url", "mqtt_url")
_VARIABLES = {
    "database_url": ("CONSOLE_DATABASE_URL", "DATABASE_URL"),
    "direct_database_url": ("CONSOLE_DIRECT_DATABASE_URL",),
    "mqtt_url": ("CONSOLE_MQTT_URL", "MQTT_URL"),
}


class Settings(BaseModel):
    """Every setting of the program. Unknown names are refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)

    database_url: SecretStr | None = Field(None, description="PostgreSQL, as postgresql://user@host/database")
    direct_database_url: SecretStr | None = Field(
        None, description="the same database without the pooler, for LISTEN and locks"
    )
    database_ca: Path | None = Field(None, description="CA certificates that verify the database")
    database_cert: Path | None = Field(None, description="client certificate for the database (mutual TLS)")
    database_key: Path | None = Field(None, description="private key of that certificate")
    mqtt_url: SecretStr | None = Field(None, description="the broker, as mqtt[s]://user@host:port")
    mqtt_ca: Path | None = Field(None, description="CA certificates that verify the broker")
    mqtt_cert: Path | None = Field(None, description="client certificate for the broker (mutual TLS)")
    mqtt_key: Path | None = Field(None, description="private key of that certificate")
    mqtt_version: Literal["auto", "3.1.1"] = Field("auto", description="auto tries MQTT 5 first")
    tenant: str | None = Field(None, description="the tenant, or several separated by commas")
    operator: str | None = Field(
        None, description="name recorded with what you send; the login name by default"
    )
    read_only: bool = Field(default=False, description="change nothing and run no workers")
    embedded: bool = Field(default=False, description="start the built-in PostgreSQL and broker")
    embedded_broker: Literal["auto", "mosquitto", "nats-server"] = Field(
        "auto", description="which built-in broker to start"
    )
    home: Path | None = Field(None, description="where the embedded servers and logs live")
    accept_copy: bool = Field(
        default=False, description="this database was moved or restored: let its workers run again"
    )
    operator_role: str = Field("pulse_app", min_length=1, description="the role that operators assume")
    worker_role: str = Field(
        "device_console_worker", min_length=1, description="the role that workers assume"
    )
    audit: bool = Field(
        default=True,
        description="whether each send, cancel and retry leaves a row in the platform's audit_log",
    )
    late_ack: Literal["accept", "record-only"] = Field(
        "accept", description="whether an ACK after the deadline counts or is only recorded"
    )
    progress_words: str = Field("", description="progress words to add and to remove: +flashing,-queued")
    dangerous_words: str = Field(
        "",
        description="words in a command type that make it dangerous, to add and to remove: +calibrate,-open",
    )
    max_payload_bytes: int = Field(
        MAX_PAYLOAD_BYTES, ge=LEAST_MAX_BYTES, le=MOST_MAX_BYTES, description="largest command payload"
    )
    max_ack_bytes: int = Field(
        MAX_ACK_BYTES, ge=LEAST_MAX_BYTES, le=MOST_MAX_BYTES, description="largest ACK payload"
    )
    adopt_after_s: Seconds = Field(
        30.0, description="time after which rows that another program left unpublished are published here"
    )
    theme: str = Field(
        "dark",
        pattern=r"^[a-z0-9][a-z0-9_-]{0,40}$",
        description="dark, light, or the name of a Textual theme",
    )
    keys: dict[str, str] = Field(default_factory=dict, description="your own keys, by screen.action")
    mouse: bool = Field(default=True, description="whether the screen takes the mouse")
    simulated_devices: int = Field(250, ge=0, le=5_000, description="size of the demo fleet")
    _secret_files: dict[str, Path] = PrivateAttr(default_factory=dict)
    _read_last: dict[str, str] = PrivateAttr(default_factory=dict)

    @field_validator("keys", mode="before")
    @classmethod
    def _pairs(cls, value: object) -> object:
        """Read pairs from the environment: ``history.retry=ctrl+r; quit=f10``."""
        if not isinstance(value, str):
            return value
        pairs = [part.partition("=") for part in value.split(";") if part.strip()]
        if any(not middle for _, middle, _ in pairs):
            raise ValueError("write it as history.retry=ctrl+r; quit=f10")
        return {name.strip(): key.strip() for name, _, key in pairs}

    @field_validator("home", mode="after")
    @classmethod
    def _absolute(cls, value: Path | None) -> Path | None:
        return value.expanduser().absolute() if value else None

    def read_again_from(self, secret_files: Mapping[str, Path]) -> None:
        """Remember from which files secrets were read, so that they can be read again."""
        self._secret_files.update(secret_files)

    def newest_secret(self, name: str) -> str | None:
        """Return a secret from its file, read again, or as given; secrets are rotated while the program runs.

        If the file is just being replaced, or is empty, the value that was read last is returned.
        """
        given: SecretStr | None = getattr(self, name)
        path = self._secret_files.get(name)
        if path is not None:
            with suppress(UsageError):
                if found := _secret_file(path, name):
                    self._read_last[name] = found
        return self._read_last.get(name) or (given.get_secret_value() if given else None)

    @property
    def tenants(self) -> tuple[str, ...]:
        """The tenants to switch between, in the order given."""
        names = (name.strip() for name in (self.tenant or "").split(","))
        return tuple(dict.fromkeys(name for name in names if name))

    @property
    def favourites_file(self) -> Path:
        """Where an operator's favourite commands are kept."""
        return Path(platformdirs.user_data_path("device-console")) / "favourites.json"

    @property
    def home_folder(self) -> Path:
        """Where the program keeps its data."""
        return self.home or Path(platformdirs.user_data_path("device-console"))

    @property
    def log_folder(self) -> Path:
        """Where logs and reports of crashes go."""
        return self.home_folder / "log"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from, as text."""

    name: str
    shown: str
    origin: str
    value: object


_PLAIN = {
    "string_pattern_mismatch": "it must be a name of lower-case letters, digits, - and _",
    "bool_parsing": "it must be on or off",
    "int_parsing": "it must be a whole number",
    "float_parsing": "it must be a number",
}


@dataclass(frozen=True, slots=True)
class Configuration:
    """The settings and the origin of each."""

    settings: Settings
    origins: tuple[Origin, ...]


def load(flags: Mapping[str, object], environment: Mapping[str, str] | None = None) -> Configuration:
    """Read the settings from flags, environment and file.

    Raises:
        UsageError: a value or a name is wrong; the sentence names the place and never shows a secret.
    """
    env = os.environ if environment is None else environment
    values: dict[str, object] = {}
    origins: dict[str, str] = {}
    secret_files: dict[str, Path] = {}
    path = config_file(env)
    text = _text_of(path)
    for name, value in _read_toml(path, text).items():
        values[name], origins[name] = value, f"{path}, line {_line_of(name, text)}"
    for name in Settings.model_fields:
        found = _from_environment(name, env)
        if found is not None:
            values[name], origins[name] = found
            source = _secret_path(name, env)
            if source is not None:
                secret_files[name] = source
    for name, value in flags.items():
        if value is not None and name in Settings.model_fields:
            values[name], origins[name] = value, "flag"
    try:
        settings = Settings.model_validate(values)
        settings.read_again_from(secret_files)
    except ValidationError as error:
        raise UsageError(_sentence(error, origins)) from None
    shown = tuple(
        Origin(
            name,
            _shown(name, getattr(settings, name)),
            origins.get(name, "default"),
            _plain(name, getattr(settings, name)),
        )
        for name in Settings.model_fields
    )
    return Configuration(settings, shown)


def config_file(environment: Mapping[str, str]) -> Path:
    """Return the file that is read if it exists: CONSOLE_CONFIG, or config.toml in the XDG folder."""
    given = environment.get("CONSOLE_CONFIG")
    return Path(given) if given else Path(platformdirs.user_config_path("device-console")) / "config.toml"


def _text_of(path: Path) -> str:
    try:
        return path.read_text("utf-8")
    except FileNotFoundError:
        return ""
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"The configuration file {path} cannot be read: {error}.") from None


def _read_toml(path: Path, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"The configuration file {path} cannot be read: {error}.") from None


def _line_of(name: str, text: str) -> int:
    """Return the line that sets a name, as a key or as a table heading; tomllib does not report it."""
    place = re.compile(rf"""\s*\[?\s*["']?{re.escape(name)}["']?\s*[=.\]]""")
    return next((number for number, line in enumerate(text.splitlines(), 1) if place.match(line)), 1)


def _from_environment(name: str, env: Mapping[str, str]) -> tuple[str, str] | None:
    for variable in _VARIABLES.get(name, (f"CONSOLE_{name.upper()}",)):
        if env.get(variable):
            return env[variable], variable
        if name in _SECRETS and env.get(f"{variable}_FILE"):
            return _secret_file(Path(env[f"{variable}_FILE"]), variable), f"{variable}_FILE"
    path = _secret_path(name, env)
    return None if path is None else (_secret_file(path, name), "CREDENTIALS_DIRECTORY")


def _secret_path(name: str, env: Mapping[str, str]) -> Path | None:
    """Return the file that a secret is read from, if any: in the same order as `_from_environment`."""
    if name not in _SECRETS:
        return None
    for variable in _VARIABLES[name]:
        if env.get(variable):
            return None
        if env.get(f"{variable}_FILE"):
            return Path(env[f"{variable}_FILE"]).absolute()
    path = Path(env["CREDENTIALS_DIRECTORY"]) / name if env.get("CREDENTIALS_DIRECTORY") else None
    return path.absolute() if path is not None and path.is_file() else None


def _secret_file(path: Path, name: str) -> str:
    try:
        return path.read_text("utf-8-sig").strip("\ufeff\0 \t\r\n")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not text"
        raise UsageError(f"The file {path} for {name} cannot be read: {reason}.") from None


def _sentence(error: ValidationError, origins: Mapping[str, str]) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    name = str(first["loc"][0]) if first["loc"] else "configuration"
    place = origins.get(name, "the configuration")
    if first["type"] == "extra_forbidden":
        return f"The setting {name} in {place} does not exist: `device-console config show` lists all."
    message = _PLAIN.get(first["type"], first["msg"]).removeprefix("Value error, ")
    return f"The setting {name} (from {place}) is wrong: {message[0].lower()}{message[1:].rstrip('.')}."


def _plain(name: str, value: object) -> object:
    """Return a value for JSON; secrets are masked here, too."""
    return value if value is None or isinstance(value, (bool, int, float, dict)) else _shown(name, value)


def _shown(name: str, value: object) -> str:
    if value is None:
        return ""
    return "********" if name in _SECRETS else str(value)

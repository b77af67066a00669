"""Configuration: flags over environment over file over default, each value with its origin.

Decided in docs/decisions/0059-a-command-is-loaded-when-it-is-named.md
"""

import os
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import Field, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

import platformdirs

from console.errors import UsageError
from console.flags import refuse_choice
from console.limits import LEAST_MAX_BYTES, MAX_ACK_BYTES, MAX_PAYLOAD_BYTES, MOST_MAX_BYTES
from console.secret import Secret
from console.settings_file import config_file, line_of, read_toml, text_of

SECRETS = ("database_url", "direct_database_url", "mqtt_url", "web_token")
_VARIABLES = {
    "database_url": ("CONSOLE_DATABASE_URL", "DATABASE_URL"),
    "direct_database_url": ("CONSOLE_DIRECT_DATABASE_URL",),
    "mqtt_url": ("CONSOLE_MQTT_URL", "MQTT_URL"),
    "web_token": ("CONSOLE_WEB_TOKEN",),
}
_NAME = r"^[a-z0-9][a-z0-9_-]{0,40}$"
_BYTES = {"ge": LEAST_MAX_BYTES, "le": MOST_MAX_BYTES}

_MaybeText: TypeAlias = str | None
_MaybePath: TypeAlias = Path | None
_MaybeSecret: TypeAlias = Secret | None
_Version: TypeAlias = Literal["auto", "3.1.1"]
_Broker: TypeAlias = Literal["auto", "mosquitto", "nats-server"]
_Late: TypeAlias = Literal["accept", "record-only"]
_Start: TypeAlias = Literal["auto", "overview", "devices"]
_Quiet: TypeAlias = Literal["auto", "on", "off"]
_FROM_TEXT: Mapping[object, type[Path | Secret]] = {_MaybePath: Path, _MaybeSecret: Secret}
_TEXTS = (str, _MaybeText, *_FROM_TEXT)
_CHOICES = (_Version, _Broker, _Late, _Start, _Quiet)


def _setting(default: Any, description: str, **bounds: object) -> Any:
    """Declare a setting; `bounds` are those of a pydantic field, which `settings_judge` holds it to."""
    if isinstance(default, dict):
        return field(default_factory=default.copy, metadata={"description": description, **bounds})
    return field(default=default, metadata={"description": description, **bounds})


@dataclass(frozen=True)
class Settings:
    """Every setting of the program. `load` judges what is given; a secret or a path may be given as text."""

    database_url: _MaybeSecret = _setting(None, "PostgreSQL, as postgresql://user@host/database")
    direct_database_url: _MaybeSecret = _setting(
        None, "the same database without the pooler, for LISTEN and locks"
    )
    database_ca: _MaybePath = _setting(None, "CA certificates that verify the database")
    database_cert: _MaybePath = _setting(None, "client certificate for the database (mutual TLS)")
    database_key: _MaybePath = _setting(None, "private key of that certificate")
    mqtt_url: _MaybeSecret = _setting(None, "the broker, as mqtt[s]:// or ws[s]://user@host:port")
    mqtt_ca: _MaybePath = _setting(None, "CA certificates that verify the broker")
    mqtt_cert: _MaybePath = _setting(None, "client certificate for the broker (mutual TLS)")
    mqtt_key: _MaybePath = _setting(None, "private key of that certificate")
    mqtt_version: _Version = _setting("auto", "auto tries MQTT 5 first")
    tenant: _MaybeText = _setting(None, "the tenant, or several separated by commas")
    operator: _MaybeText = _setting(None, "name recorded with what you send; the login name by default")
    read_only: bool = _setting(False, "change nothing and run no workers")
    allow_export: bool = _setting(False, "let a read-only console export to files")
    restricted: bool = _setting(False, "keep the operator away from this host's files and programs")
    listen: _MaybeText = _setting(
        None, "where --sweeper answers /healthz, /readyz and /metrics, as [HOST:]PORT"
    )
    embedded: bool = _setting(False, "start the built-in PostgreSQL and broker")
    embedded_broker: _Broker = _setting("auto", "which built-in broker to start")
    home: _MaybePath = _setting(None, "where the embedded servers and logs live")
    accept_copy: bool = _setting(False, "this database was moved or restored: let its workers run again")
    operator_role: str = _setting("pulse_app", "the role that operators assume", min_length=1)
    worker_role: str = _setting("device_console_worker", "the role that workers assume", min_length=1)
    audit: bool = _setting(
        True, "whether each send, cancel and retry leaves a row in the platform's audit_log"
    )
    late_ack: _Late = _setting("accept", "whether an ACK after the deadline counts or is only recorded")
    progress_words: str = _setting("", "progress words to add and to remove: +flashing,-queued")
    dangerous_words: str = _setting(
        "", "words in a command type that make it dangerous, to add and to remove: +calibrate,-open"
    )
    max_payload_bytes: int = _setting(MAX_PAYLOAD_BYTES, "largest command payload", **_BYTES)
    max_ack_bytes: int = _setting(MAX_ACK_BYTES, "largest ACK payload", **_BYTES)
    adopt_after_s: float = _setting(
        30.0,
        "time after which rows that another program left unpublished are published here",
        gt=0,
        le=86_400,
    )
    publish_rate: float | None = _setting(None, "most commands a second of one worker", gt=0, le=100_000)
    authorized_keys: _MaybePath = _setting(
        None, "who may come in by --serve-ssh, and as whom; default: authorized_keys beside config.toml"
    )
    web_token: _MaybeSecret = _setting(None, "the secret in the link of --serve-web; a new one by default")
    web_origin: _MaybeText = _setting(
        None, "address of --serve-web behind a proxy, such as https://console.example.com"
    )
    served_sessions: int = _setting(20, "sessions that one server serves at once", ge=1, le=200)
    served_per_key: int = _setting(3, "sessions of one SSH key at once", ge=1, le=200)
    served_per_address: int = _setting(5, "connections of one address without a login", ge=1, le=200)
    served_idle_s: float = _setting(900.0, "time without a key after which a session ends", gt=0, le=86_400)
    served_watch_s: float = _setting(28_800.0, "the same on overview, fleet and live", gt=0, le=86_400)
    served_keep_s: float = _setting(600.0, "time for which a cut-off session is kept", ge=0, le=86_400)
    theme: str = _setting("auto", "dark, light, a Textual theme; auto: as chosen by f9", pattern=_NAME)
    start: _Start = _setting("auto", "the first screen; auto: the overview from 100 devices on, else devices")
    keys: dict[str, str] = _setting({}, "your own keys, by screen.action")
    mouse: bool = _setting(True, "whether the screen takes the mouse")
    quiet: _Quiet = _setting("auto", "next to no bytes without a key; auto: over SSH, if the line is slow")
    demo_traffic: bool = _setting(True, "whether invented operators send commands in the demo")
    simulated_devices: int = _setting(250, "size of the demo fleet", ge=0, le=5000)
    _secret_files: dict[str, Path] = field(default_factory=dict, init=False, repr=False, compare=False)
    _read_last: dict[str, str] = field(default_factory=dict, init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        """Make paths and secrets of texts, so that no secret stays one that can be printed."""
        for setting in SETTINGS:
            made, value = _FROM_TEXT.get(setting.type), getattr(self, setting.name)
            if made is not None and isinstance(value, str):
                object.__setattr__(self, setting.name, made(value))
        if self.home is not None:
            object.__setattr__(self, "home", self.home.expanduser().absolute())

    def read_again_from(self, secret_files: Mapping[str, Path]) -> None:
        """Remember from which files secrets were read, so that they can be read again."""
        self._secret_files.update(secret_files)

    def newest_secret(self, name: str) -> str | None:
        """Return a secret from its file, read again, or as given; secrets are rotated while the program runs.

        If the file is just being replaced, or is empty, the value that was read last is returned.
        """
        given: Secret | None = getattr(self, name)
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
    def may_export(self) -> bool:
        """Whether an export may be written into a file on this host: if restricted, never."""
        return not self.restricted and (self.allow_export or not self.read_only)

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


SETTINGS: tuple[Field[Any], ...] = tuple(field for field in fields(Settings) if field.init)
NAMES = tuple(setting.name for setting in SETTINGS)


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value came from, as text."""

    name: str
    shown: str
    origin: str
    value: object


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
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    secret_files: dict[str, Path] = {}
    path = config_file(env)
    text = text_of(path)
    for name, value in read_toml(path, text).items():
        values[name], origins[name] = value, f"{path}, line {line_of(name, text)}"
    for name in NAMES:
        found = _from_environment(name, env)
        if found is not None:
            values[name], origins[name] = found
            source = _secret_path(name, env)
            if source is not None:
                secret_files[name] = source
    if "restricted" in values and _judged({"restricted": values["restricted"]}, origins)["restricted"]:
        refuse_choice(flags, values, origins["restricted"])
    for name, value in flags.items():
        if value is not None and name in NAMES:
            values[name], origins[name] = value, "flag"
    settings = Settings(**_judged(values, origins))
    settings.read_again_from(secret_files)
    shown = tuple(
        Origin(
            name,
            _shown(name, getattr(settings, name)),
            origins.get(name, "default"),
            _plain(name, getattr(settings, name)),
        )
        for name in NAMES
    )
    return Configuration(settings, shown)


def _judged(values: dict[str, Any], origins: Mapping[str, str]) -> dict[str, Any]:
    """Return the values as their settings want them.

    Raises:
        UsageError: a value or a name is wrong.
    """
    if all(_needs_no_judge(name, value) for name, value in values.items()):
        return values
    from console.settings_judge import judged

    return judged(SETTINGS, values, origins, as_text=SECRETS)


def _needs_no_judge(name: str, value: object) -> bool:
    """Return whether this value cannot be wrong: pydantic, which judges the others, loads slowly."""
    setting = next((setting for setting in SETTINGS if setting.name == name), None)
    if setting is None or len(setting.metadata) > 1:
        return False
    if setting.type is bool:
        return isinstance(value, bool)
    if setting.type in _CHOICES:
        return value in get_args(setting.type)
    return setting.type in _TEXTS and isinstance(value, str) and value.isascii()


def _from_environment(name: str, env: Mapping[str, str]) -> tuple[str, str] | None:
    for variable in _VARIABLES.get(name, (f"CONSOLE_{name.upper()}",)):
        if env.get(variable):
            return env[variable], variable
        if name in SECRETS and env.get(f"{variable}_FILE"):
            return _secret_file(Path(env[f"{variable}_FILE"]), variable), f"{variable}_FILE"
    path = _secret_path(name, env)
    return None if path is None else (_secret_file(path, name), "CREDENTIALS_DIRECTORY")


def _secret_path(name: str, env: Mapping[str, str]) -> Path | None:
    """Return the file that a secret is read from, if any: in the same order as `_from_environment`."""
    if name not in SECRETS:
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


def _plain(name: str, value: object) -> object:
    """Return a value for JSON; secrets are masked here, too."""
    return value if value is None or isinstance(value, (bool, int, float, dict)) else _shown(name, value)


def _shown(name: str, value: object) -> str:
    if value is None:
        return ""
    return "********" if name in SECRETS else str(value)

"""``--serve-ssh`` and ``--serve-web``: one process that serves the console to many, until TERM or INT."""

import asyncio
import hashlib
import logging
import re
import secrets
import signal
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import cache
from pathlib import Path

import platformdirs

from console.collector import collect_for_many
from console.errors import UsageError
from console.exit_codes import ExitCode
from console.runtime.addresses import listening_address
from console.runtime.logs import log_to_stderr
from console.runtime.program import Program
from console.runtime.servers import DEMO_TENANTS, is_embedded
from console.runtime.startup import RunningProgram, open_program
from console.serve.commands import Commands, Parse, environment_of_the_server
from console.serve.identity import Identity, guest
from console.serve.preparation import Preparation
from console.serve.sessions import Limits, Sessions
from console.serve.workers import workers_beside
from console.services.favourites import Favourites, NoFavourites
from console.services.kept_views import KeptViews
from console.settings import Settings
from console.tui import prepare_for_many

_TOKEN = re.compile(r"[A-Za-z0-9_-]{32,256}")
_ORIGIN = re.compile(r"https?://([a-z0-9.-]+|\[[0-9a-f:.]+\])(:\d{1,5})?")
_DEFAULT_PORTS = {"http": ":80", "https": ":443"}  # which browsers leave out
ENDS = "this server is shutting down"
_log = logging.getLogger("console.serve")


@dataclass(frozen=True, slots=True)
class Ports:
    """Where to listen, as HOST:PORT or PORT, which means loopback; None for not at all."""

    ssh: str | None = None
    web: str | None = None
    guests: bool = False


async def run_served(settings: Settings, ports: Ports, parse: Parse) -> int:
    """Serve until TERM or INT.

    Raises:
        UsageError: an address, the keys or the configuration is wrong, or guests would see real data.
        UnreachableError: the database does not answer.
    """
    if settings.restricted:
        raise UsageError(
            "--serve-ssh and --serve-web are for whoever runs this host, and this console is restricted."
        )
    log_to_stderr()
    embedded = is_embedded(settings)
    if ports.guests and not embedded:
        raise UsageError("--guests shows the demo's data to anybody: it needs the embedded servers.")
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        loop.add_signal_handler(number, stop.set)
    async with AsyncExitStack() as stack:
        served = await stack.enter_async_context(_house(settings, ports, parse, embedded=embedded))
        for told in await _listen(stack, settings, ports, served):
            _log.info("%s", told)
        await stop.wait()
        _log.info("stopping; %d sessions", len(served.sessions.attached))
    return ExitCode.OK


@dataclass(frozen=True, slots=True)
class House:
    """What the two kinds of servers share."""

    sessions: Sessions
    commands: Commands
    guest: Identity | None
    owner: Identity  # who a session is that only the process itself vouches for
    prepare: Preparation


@asynccontextmanager
async def _house(settings: Settings, ports: Ports, parse: Parse, *, embedded: bool) -> AsyncIterator[House]:
    place = _place(settings)
    async with AsyncExitStack() as stack:
        environment = environment_of_the_server()
        if embedded and not settings.read_only:
            await stack.enter_async_context(workers_beside([*place, "--embedded"], environment))
        opened = await stack.enter_async_context(open_program(settings, jobs="none", many=True))
        prepare_for_many()
        collect_for_many()
        limits = Limits(
            settings.served_sessions, settings.served_per_key, settings.served_idle_s,
            max(settings.served_idle_s, settings.served_watch_s), settings.served_keep_s,
        )  # fmt: skip
        sessions = Sessions(limits, _programs(opened, settings))
        owner = Identity(opened.program.tenants, opened.program.operator, settings.read_only)
        commands = Commands(parse, [*place, *(["--embedded"] if embedded else [])], environment)
        try:
            visitor = guest(DEMO_TENANTS) if ports.guests else None
            yield House(sessions, commands, visitor, owner, Preparation(opened))
        finally:
            await sessions.end_all(ENDS)


async def _listen(stack: AsyncExitStack, settings: Settings, ports: Ports, house: House) -> Sequence[str]:
    """Open the ports; return what to say about each."""
    told: list[str] = []
    if ports.ssh is not None:
        told.append(await _listen_ssh(stack, settings, ports.ssh, house))
    if ports.web is not None:
        told.append(await _listen_web(stack, settings, ports.web, house))
    return told


async def _listen_web(stack: AsyncExitStack, settings: Settings, where: str, house: House) -> str:
    try:
        from console.serve import web
    except ModuleNotFoundError as error:
        raise _missing(error, "web") from None
    host, port = listening_address(where, "--serve-web")
    given = settings.newest_secret("web_token")
    if given is not None and not _TOKEN.fullmatch(given):
        raise UsageError(
            "The web token must have at least 32 letters, digits, - or _: make one with "
            "`python3 -c 'import secrets; print(secrets.token_urlsafe(32))'`."
        )
    token = None if house.guest else given or secrets.token_urlsafe(32)
    gate = web.Gate(
        sessions=house.sessions, who=house.guest or house.owner, token=token, host=host,
        origins=_origins(settings.web_origin or ""), prepare=house.prepare,
    )  # fmt: skip
    try:
        server = await web.listen(gate, host, port)
    except OSError as error:
        raise UsageError(f"--serve-web cannot listen on {host}:{port}: {error.strerror}.") from None
    stack.push_async_callback(web.close, server, house.sessions, ENDS)
    at = f"http://{f'[{host}]' if ':' in host else host}:{server.sockets[0].getsockname()[1]}/"
    if token is not None and given is None:
        print(f"{at}#{token}", flush=True)  # once, and not in the log, which others may read
    return f"ready: web on {at}"


async def _listen_ssh(stack: AsyncExitStack, settings: Settings, where: str, house: House) -> str:
    try:
        from console.serve import ssh
        from console.serve.authorized_keys import AuthorizedKeys
        from console.serve.door import Door
        from console.serve.host_key import host_key
        from console.serve.strangers import MOST, Strangers
    except ModuleNotFoundError as error:
        raise _missing(error, "ssh") from None
    host, port = listening_address(where, "--serve-ssh")
    keys = AuthorizedKeys(settings.authorized_keys or _keys_of_the_user())
    if house.guest is None or keys.path.exists():
        keys.check()
    key = host_key(settings.home_folder)
    door = Door(
        keys=keys, sessions=house.sessions, commands=house.commands, guest=house.guest,
        strangers=Strangers(settings.served_per_address, max(MOST, settings.served_sessions)),
        most_per_key=2 * settings.served_per_key + 4,
        most_per_address=settings.served_per_address, read_only=settings.read_only,
        prepare=house.prepare,
    )  # fmt: skip
    try:
        acceptor = await ssh.listen(door, host, port, key)
    except OSError as error:
        raise UsageError(f"--serve-ssh cannot listen on {host}:{port}: {error.strerror}.") from None
    stack.callback(acceptor.close)
    return (
        f"ready: SSH on {host}:{acceptor.get_port()}, host key {key.get_fingerprint()}, keys of {keys.path}"
    )


def _missing(error: ModuleNotFoundError, extra: str) -> UsageError:
    package = (error.name or "").partition(".")[0]
    return UsageError(
        f"--serve-{extra} needs the package {package}: install device-console with its extra {extra}."
    )


def _origins(text: str) -> frozenset[str]:
    """Return the addresses at which a proxy shows the page, as browsers write them.

    Raises:
        UsageError: one of them is not such an address; no page would be let in from it.
    """
    origins = frozenset(filter(None, (origin.strip().rstrip("/").lower() for origin in text.split(","))))
    for origin in origins:
        if not _ORIGIN.fullmatch(origin):
            raise UsageError(
                "CONSOLE_WEB_ORIGIN must be an address without a path, such as "
                f"https://console.example.com: {origin!r} is not."
            )
    return frozenset(origin.removesuffix(_DEFAULT_PORTS[origin.split(":")[0]]) for origin in origins)


def _keys_of_the_user() -> Path:
    return Path(platformdirs.user_config_path("device-console")) / "authorized_keys"


def _place(settings: Settings) -> list[str]:
    return ["--home", str(settings.home)] if settings.home else []


def _programs(opened: RunningProgram, settings: Settings) -> Callable[[Identity], Program]:
    """Return what makes the program of a session: all share the services, which know no operator."""
    reading = cache(opened.for_reading)

    def program(who: Identity) -> Program:
        base = reading() if who.read_only else opened.program
        name = hashlib.sha256(f"{who.operator}\0{who.fingerprint}".encode()).hexdigest()[:16]
        folder = settings.home_folder / "served"
        return replace(
            base,
            tenants=who.tenants,
            operator=who.operator,
            read_only=who.read_only,
            favourites=NoFavourites() if who.is_guest else Favourites(folder / f"favourites-{name}.json"),
            views=KeptViews(
                None if who.is_guest else folder / f"views-{name}.json", writes=not who.read_only
            ),
            warnings=(),
            restricted=True,
            may_export=False,
        )

    return program

"""Opening the program: servers, checks, workers; then a front end runs, and everything ends in order."""

import asyncio
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

from console.clock import SystemClock
from console.collector import collect_as_usual
from console.domain.acks import LateAck, progress_words
from console.domain.danger import Danger, changed_danger
from console.domain.identifiers import id_fault
from console.errors import CopyError, RefusedError, UsageError
from console.runtime.director import Director
from console.runtime.jobs import running
from console.runtime.pausing import Pausing
from console.runtime.preferences import preferences
from console.runtime.program import Program
from console.runtime.servers import (
    DEMO_TENANTS,
    Servers,
    Starting,
    Tell,
    is_embedded,
    open_servers,
    say_nothing,
)
from console.runtime.supervisor import Supervisor
from console.runtime.wiring import wire_program
from console.runtime.workers import Workers, WorkerSettings
from console.services.dispatcher import DispatchSettings
from console.services.feed import Feed
from console.services.health import Health
from console.services.sender import clean_name, login_name
from console.settings import Settings
from console.store.failures import IS_A_COPY
from console.store.leases import is_original
from console.store.pool import Database
from console.store.schema.checks import StartReport, check_start

Jobs = Literal["auto", "required", "later", "none"]
_PROGRAMS: dict[Jobs, str] = {"auto": "screen", "required": "sweeper", "later": "shell", "none": "reader"}
_STARTS_S = 3.0  # the first screen is drawn by then, and a short command has ended
_log = logging.getLogger("console.runtime")


@dataclass(frozen=True, slots=True)
class RunningProgram:
    """A running program with what the headless front end needs beyond it."""

    program: Program
    database: Database
    workers: Workers | None
    servers: Servers
    report: StartReport
    for_reading: Callable[[], Program]  # the same, for somebody who may change nothing


@asynccontextmanager
async def open_program(
    settings: Settings,
    *,
    jobs: Jobs = "auto",
    simulate: bool = False,
    operator_front: bool = True,
    many: bool = False,
    tell: Tell = say_nothing,
) -> AsyncIterator[RunningProgram]:
    """Open everything a front end needs.

    `jobs`: ``auto`` runs the workers where the worker role is granted, ``required`` refuses where it is not,
    ``later`` leaves starting them to the caller, ``none`` runs none. `simulate` runs the demo's fleet, and
    `operator_front` wants a tenant to be known; with `many`, several screens come and go; `tell` gets steps.

    Raises:
        UsageError: the configuration is incomplete, or a start check failed (RefusedError).
        UnreachableError: the database does not answer.
    """
    tenants, danger = _tenants(settings) if operator_front else (), _danger(settings)
    jobs = "none" if settings.read_only else jobs
    async with AsyncExitStack() as stack:
        servers, database = await _open_servers(stack, settings, tell, many=many)
        report = await _checked(database, settings, jobs)
        work = jobs in {"auto", "required"} and report.may_work
        feed, pausing, health = Feed(), _pausing(settings), _health(settings, work=work)
        workers = None if servers.broker is None else Workers(
            database, servers.broker, feed, health, SystemClock(), worker_settings(settings),
            _PROGRAMS[jobs], tenants,
        )  # fmt: skip
        wire = partial(
            wire_program, database, tenants=tenants, demo=servers.embedded, danger=danger, feed=feed,
            health=health, pausing=pausing, sent=workers.wake if workers else feed.tell,
            warnings=_logged(report, servers), **_of_settings(settings),
        )  # fmt: skip
        program = wire(read_only=settings.read_only, director=_director(settings, servers, here=simulate))
        await _check_tenant(program)
        await stack.enter_async_context(_working(workers, health, pausing, jobs=work))
        await _simulate(stack, servers, settings.simulated_devices if simulate else 0, pausing, program, tell)
        yield RunningProgram(program, database, workers, servers, report, partial(wire, read_only=True))


@asynccontextmanager
async def _working(
    workers: Workers | None, health: Health, pausing: Pausing, *, jobs: bool
) -> AsyncIterator[None]:
    """Run what this process does in the background: with `jobs` all of it, else it only listens."""
    if workers is None:
        yield
        return
    async with running(workers, Supervisor(health), jobs=jobs, pausing=pausing):
        yield


def _of_settings(settings: Settings) -> dict[str, Any]:
    """Return what a program takes over from the settings as it stands there."""
    return {
        "restricted": settings.restricted,
        "may_export": settings.may_export,
        "audit": settings.audit,
        "operator": _operator(settings),
        "max_payload_bytes": settings.max_payload_bytes,
        "preferences": preferences(settings),
    }


def _operator(settings: Settings) -> str:
    return clean_name(settings.operator) if settings.operator else login_name()


async def _open_servers(
    stack: AsyncExitStack, settings: Settings, tell: Tell, *, many: bool
) -> tuple[Servers, Database]:
    if not many:
        asyncio.get_running_loop().call_later(_STARTS_S, collect_as_usual)
    servers = await stack.enter_async_context(open_servers(settings, tell=tell))
    database = Database(servers.access, without_timers=many)
    await database.open()
    stack.push_async_callback(database.close)
    return servers, database


def _director(settings: Settings, servers: Servers, *, here: bool) -> Director | None:
    """Return who lets things happen in the demo, unless it is to be left to its user."""
    if not (here and servers.embedded and settings.demo_traffic) or settings.read_only:
        return None
    from console.embedded.faults import kill_broker

    return Director(partial(kill_broker, settings.home_folder))


async def _simulate(
    stack: AsyncExitStack, servers: Servers, devices: int, pausing: Pausing, program: Program, tell: Tell
) -> None:
    """Simulate devices on embedded servers; on others there are real ones."""
    if servers.embedded and devices:
        from console.runtime.simulation import simulate_demo

        tell(Starting.FLEET)
        await stack.enter_async_context(simulate_demo(servers, devices, pausing, program))


def _logged(report: StartReport, servers: Servers) -> tuple[str, ...]:
    """Log warnings about the set-up, and return them for the screen."""
    warnings = report.warnings + (servers.broker.warnings if servers.broker else ())
    for warning in warnings:
        _log.warning("%s", warning)
    return warnings


async def _checked(database: Database, settings: Settings, jobs: Jobs) -> StartReport:
    """Check the database; report whether workers may run.

    Raises:
        RefusedError: workers are what this process is for, and they may not run here.
    """
    report = await _unless_copied(database, await check_start(database), settings, jobs)
    if jobs == "required" and not report.may_work:
        raise RefusedError(
            f"The workers may not run here: the login is not a member of {settings.worker_role}; "
            f"run GRANT {settings.worker_role} TO the user of DATABASE_URL."
        )
    return report


async def _unless_copied(
    database: Database, report: StartReport, settings: Settings, jobs: Jobs
) -> StartReport:
    """Return the report; in a copy of the database, with workers forbidden.

    Raises:
        CopyError: workers are what this process is for.
    """
    if jobs == "none" or not report.may_work or await is_original(database, accept=settings.accept_copy):
        return report
    if jobs == "required":
        raise CopyError(IS_A_COPY)
    return replace(report, may_work=False, warnings=(*report.warnings, IS_A_COPY))


def worker_settings(settings: Settings) -> WorkerSettings:
    """Return the workers' settings, from the configuration.

    Raises:
        UsageError: the progress words cannot be read.
    """
    try:
        progress = progress_words(settings.progress_words)
    except ValueError as error:
        raise UsageError(f"The setting progress_words is wrong: {error}.") from None
    return WorkerSettings(
        dispatch=DispatchSettings(
            adopt_after_s=settings.adopt_after_s, max_payload_bytes=settings.max_payload_bytes
        ),
        late_ack=LateAck(settings.late_ack),
        max_ack_bytes=settings.max_ack_bytes,
        progress=progress,
        publish_rate=settings.publish_rate,
    )


def _danger(settings: Settings) -> Danger:
    """Return which command types are dangerous.

    Raises:
        UsageError: the words cannot be read.
    """
    try:
        return changed_danger(settings.dangerous_words)
    except ValueError as error:
        raise UsageError(f"The setting dangerous_words is wrong: {error}.") from None


def _tenants(settings: Settings) -> tuple[str, ...]:
    if not settings.tenants:
        if is_embedded(settings):
            return DEMO_TENANTS
        raise UsageError("No tenant is set: set CONSOLE_TENANT, or give --tenant.")
    for tenant_id in settings.tenants:
        fault = id_fault(tenant_id)
        if fault:
            raise UsageError(f"The tenant {tenant_id[:40]!r} cannot be used: {fault}.")
    return settings.tenants


async def _check_tenant(program: Program) -> None:
    """Look the first tenant up, where there is an operator to choose one."""
    tenant_id = next(iter(program.tenants), None)
    if tenant_id is not None and await program.history.tenant(tenant_id) is None:
        raise UsageError(
            f"The tenant {tenant_id!r} does not exist in this database: check --tenant or CONSOLE_TENANT."
        )


def _pausing(settings: Settings) -> Pausing:
    return Pausing(may_stop=not settings.restricted)


def _health(settings: Settings, *, work: bool) -> Health:
    """Return a health in which, for the header, it is recorded if no workers run here."""
    health = Health(SystemClock())
    if not work:
        health.sweep = health.ingest = health.dispatch = "off" if settings.read_only else "elsewhere"
        health.broker_unused()
    return health

"""``doctor``: checks the set-up step by step and shows what it guarantees."""

from collections.abc import Sequence

from console.domain.pace import in_words
from console.domain.retention import Retention, keep_words
from console.domain.text.counts import counted
from console.domain.text.safe import safe
from console.errors import ConsoleError, UnfinishedError
from console.exit_codes import ExitCode
from console.runtime.servers import DEMO_TENANTS, Servers, open_servers
from console.settings import Settings
from console.shell import output
from console.shell.doctor.broker import broker_findings, level
from console.shell.doctor.findings import Finding, Loss
from console.shell.doctor.platform import audit, hindrances
from console.shell.doctor.pooler import pooler_findings
from console.store.changes import bound_tenants, ping
from console.store.leases import DISPATCH, RETENTION, SWEEP, Holder, ingest_role, lease_holders
from console.store.pool import Database
from console.store.progress import ProgressOnly, progress_only
from console.store.retention import retention
from console.store.schema.checks import (
    Durability,
    check_start,
    durability,
    lists_whole_tenants,
    old_transaction,
)

_NO_INDEX = (
    "no index serves the history of a whole tenant, so it is slow when it is long; the owner of "
    "device_commands may run CREATE INDEX ON device_commands (tenant_id, created_at DESC, command_id DESC)"
)


async def examine(settings: Settings, *, as_json: bool, probe: bool = False) -> int:
    """Print the findings; return 0, or the exit code of the worst fault."""
    findings: list[Finding] = []
    try:
        async with open_servers(settings, needs_broker=False) as servers:
            findings.append(_where(servers))
            tenant_id = next(iter(settings.tenants), DEMO_TENANTS[0] if servers.embedded else None)
            findings += await _database(servers, tenant_id, settings)
            findings += await broker_findings(servers, tenant_id, probe=probe)
            findings.append(level(servers, findings))
    except ConsoleError as error:
        findings.append(Finding("fault", "set-up", str(error), error.exit_code))
    for finding in findings:
        if as_json:
            output.print_json({"level": finding.level, "subject": finding.subject, "text": finding.text})
        else:
            print(safe(f"{finding.level:8} {finding.subject:14} {finding.text}", 1_000))
    return max((finding.exit_code for finding in findings), default=ExitCode.OK)


def _where(servers: Servers) -> Finding:
    if servers.embedded:
        return Finding("ok", "servers", f"embedded demo servers; the broker is {servers.broker_kind}")
    return Finding("ok", "servers", "configured servers")


def _binding(bound: tuple[str, ...] | None, tenants: Sequence[str]) -> Finding:
    """Report whether this login may choose its tenants, or whether the map of logins decides."""
    if bound is None:
        return Finding(
            "note", "tenants",
            "device_console.login_tenants does not name this login: it may choose any tenant; see "
            "SECURITY.md",
        )  # fmt: skip
    other = [tenant for tenant in tenants if tenant not in bound]
    if other:
        text = f"this login is bound to {', '.join(bound)}: it sees nothing of {', '.join(other)}"
        return Finding("fault", "tenants", text, ExitCode.FAILED)
    return Finding("ok", "tenants", f"this login is bound to {', '.join(bound)} in the console's own tables")


async def _database(servers: Servers, tenant_id: str | None, settings: Settings) -> list[Finding]:
    whole = Database(servers.access, max_size=2)
    database = whole.reading() if settings.read_only else whole
    try:
        await whole.open()
        latency_s = await ping(database)
        report = await check_start(database)
        found = [
            Finding("ok", "database", f"answers in {latency_s * 1000:.1f} ms; every migration is applied")
        ]
        found += [Finding("warning", "database", text) for text in report.warnings]
        found += [Finding("note", "database", text) for text in servers.access.notes]
        found += await pooler_findings(database)
        found += _database_promise(await durability(database))
        found.append(_binding(await bound_tenants(database), settings.tenants))
        old = await old_transaction(database)
        if old is not None:
            found.append(Finding("warning", "database", old))
        if not await lists_whole_tenants(database):
            found.append(Finding("note", "database", _NO_INDEX))
        if tenant_id:
            level, text = await audit(database, tenant_id, on=settings.audit)
            found.append(Finding(level, "audit", text))
            found += [_without_end(kind) for kind in await progress_only(database, tenant_id)]
        holders = await lease_holders(database)
        found += worker_findings(holders)
        found.append(_retention(await retention(database), holders))
        if settings.publish_rate is not None:
            text = f"with these settings a worker publishes {in_words(settings.publish_rate)}"
            found.append(Finding("note", "workers", text))
    except UnfinishedError as error:
        blocked = [Finding("fault", "migration", text, error.exit_code) for text in await hindrances(servers)]
        return [Finding("fault", "database", str(error), error.exit_code), *blocked]
    except ConsoleError as error:
        return [Finding("fault", "database", str(error), error.exit_code)]
    else:
        return found
    finally:
        await whole.close()


def worker_findings(holders: Sequence[Holder]) -> list[Finding]:
    """Report which process runs which job, with the age of its last sign of life."""
    found: list[Finding] = []
    for role, job in ((DISPATCH, "dispatch"), (ingest_role(0), "acknowledgements"), (SWEEP, "the sweep")):
        holding = [holder for holder in holders if holder.role == role]
        alive = [holder for holder in holding if holder.is_alive]
        for holder in alive:
            speaks = f", MQTT {holder.link.removeprefix('v')}" if holder.link else ""
            text = (
                f"{_who(holder)} runs {job}{speaks}; its last sign of life is {holder.beat_age_s:.1f} s old"
            )
            found.append(Finding("ok", "workers", text))
        found += [
            Finding(
                "warning",
                "workers",
                f"{_who(holder)} had {job} and has given no sign of life for {holder.beat_age_s:.0f} s: "
                + ("it has ended" if holder.has_ended else "it is stopped, asleep or cut off"),
            )
            for holder in holding
            if not holder.is_alive
        ]
        if not alive:
            found.append(
                Finding("warning", "workers", f"no live process runs {job}: start one with --sweeper")
            )
    return found


def _retention(setting: Retention, holders: Sequence[Holder]) -> Finding:
    """Report for how long ended commands are kept, and which process deletes them."""
    text = keep_words(setting)
    if not setting.is_on:
        return Finding("note", "retention", text)
    deleting = next((holder for holder in holders if holder.role == RETENTION and holder.is_alive), None)
    if deleting is None:
        return Finding("note", "retention", f"{text}; no live process does so now")
    return Finding("ok", "retention", f"{text}; {_who(deleting)} does so")


def _who(holder: Holder) -> str:
    return f"the {holder.program} on {holder.host} (process {holder.pid})"


def _without_end(kind: ProgressOnly) -> Finding:
    commands = counted(kind.commands, "command")
    text = (
        f"the only answers to {kind.command_type} are progress words ({commands}, "
        f"the last one “{kind.word}”), so it is always missed: if that word is the final answer, set "
        f"CONSOLE_PROGRESS_WORDS=-{kind.word}"
    )
    return Finding("warning", "answers", text)


def _database_promise(facts: Durability) -> list[Finding]:
    """Report which failures a command that was reported as queued survives."""
    found: list[Finding] = []
    for is_wrong, text in (
        (not facts.fsync, "fsync is off: a power cut may lose or corrupt everything: set fsync = on"),
        (not facts.full_page_writes, "full_page_writes is off: a power cut may corrupt pages: set it on"),
        (
            facts.synchronous_commit == "off",
            "synchronous_commit is off: a crash may lose the commands of the last second: set it on",
        ),
    ):
        if is_wrong:
            found.append(Finding("warning", "guarantee", text, risk=Loss.COMMANDS))
    if not found:
        further = (
            "and the loss of its disk, by a synchronous standby"
            if facts.has_standbys
            else "but not the loss of its disk: there is no synchronous standby"
        )
        found.append(
            Finding(
                "ok", "guarantee", f"a queued command survives a crash of the database's machine, {further}"
            )
        )
    return found

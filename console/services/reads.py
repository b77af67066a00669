"""Reads for every front end: devices, history, one command, problems."""

from collections.abc import AsyncGenerator, Sequence
from dataclasses import replace

from console.domain.commands import Command, Phase
from console.domain.device_groups import DeviceGroups, GroupBy
from console.domain.devices import SORTED_AT_MOST, Device, DeviceCounts, DeviceSearch, Sort
from console.domain.dispatch import OutboxView
from console.domain.events import Problem
from console.domain.filters.keys import NEWEST_COMMAND, REGISTRY_KEYS, Scope
from console.domain.filters.language import (
    EVERY_COMMAND,
    EVERY_DEVICE,
    EVERY_PROBLEM,
    Filter,
    Match,
    begins_so,
)
from console.domain.filters.patterns import pattern_for
from console.domain.filters.values import KnownValues, Note, notes
from console.domain.history import Around, CommandDetail, Cursor, HistoryPage
from console.domain.tenants import Tenant
from console.services.read_protocols import AnswerJudge, CommandReads, DeviceReads, ProblemReads

PAGE = 200
BY_ID = Sort()
_LIKE_IT = 6  # commands of the same type beside a detail
_LOOKED_UP, _LIKE = 5, 5  # unknown ids that are looked up, and devices with such a prefix
FIRST_LOOK, LOOK = 500, 4_000  # devices whose newest commands are looked at in one statement


class History:
    """Reads under the operator's role; every call names the tenant.

    Every method raises DatabaseUnreachableError while the link is down.
    """

    def __init__(
        self, commands: CommandReads, devices: DeviceReads, problems: ProblemReads, answers: AnswerJudge
    ) -> None:
        self._answers = answers
        self._commands = commands
        self._devices = devices
        self._problems = problems

    async def commands(
        self,
        tenant_id: str,
        *,
        device_ids: Sequence[str] | None = None,
        wanted: Filter = EVERY_COMMAND,
        before: Cursor | None = None,
        limit: int = PAGE,
        whole: bool = False,
    ) -> HistoryPage:
        """Return one page of the tenant's history, or of some devices: the `wanted` commands, newest first.

        Params and answers are cut to what a list shows, unless `whole`.
        """
        if device_ids is None:
            device_ids = _only_devices(wanted)
        return await self._commands.page(
            tenant_id, device_ids=device_ids, wanted=wanted, before=before, limit=limit, whole=whole
        )

    async def reread(self, tenant_id: str, command_ids: Sequence[str]) -> HistoryPage:
        """Read the rows on screen again."""
        return await self._commands.by_ids(tenant_id, command_ids)

    async def whole_commands(self, tenant_id: str, command_ids: Sequence[str]) -> HistoryPage:
        """Return these commands with params and answers as long as a detail shows them."""
        return await self._commands.by_ids(tenant_id, command_ids, detailed=True)

    async def like(
        self, tenant_id: str, command: Command, limit: int, *, only_ok: bool = False
    ) -> tuple[Command, ...]:
        """Return the commands of its type that the device got before it, newest first."""
        terms = [Match("type", (pattern_for(command.command_type),))]
        terms += [Match("phase", (Phase.OK.value,))] if only_ok else []
        before = Cursor(command.created_at, command.command_id)
        page = await self.commands(
            tenant_id,
            device_ids=(command.device_id,),
            wanted=Filter(Scope.COMMANDS, tuple(terms)),
            before=before,
            limit=limit,
        )
        return page.commands

    async def command(self, tenant_id: str, command_id: str) -> CommandDetail | None:
        """Return one command with its journal; None if it does not exist in this tenant."""
        found = await self._commands.detail(tenant_id, command_id)
        if found is None:
            return None
        command = found.command
        verdict = None
        if command.phase is Phase.OK:
            verdict = await self._answers.answer_verdict(
                tenant_id, command.device_id, command.command_type, command.ack_json
            )
        usual = None
        if command.phase in {Phase.PUBLISHED, Phase.IN_PROGRESS}:
            usual = await self._commands.usual(tenant_id, command.device_id, command.command_type)
        return replace(found, answer_verdict=verdict, usual=usual)

    async def around(self, tenant_id: str, command: Command) -> Around:
        """Return what the device got before and after a command, and how it answers the type."""
        before = Cursor(command.created_at, command.command_id)
        older = await self.commands(tenant_id, device_ids=(command.device_id,), before=before, limit=1)
        return Around(
            await self.like(tenant_id, command, _LIKE_IT),
            await self._commands.usual(tenant_id, command.device_id, command.command_type),
            next((one.command_id for one in older.commands), None),
            await self._commands.newer(tenant_id, command),
        )

    async def recent_types(self, tenant_id: str, device_id: str | None = None) -> tuple[str, ...]:
        """Return the command types in recent use."""
        return await self._commands.recent_types(tenant_id, device_id)

    async def recent_commands(self, tenant_id: str) -> tuple[tuple[str, str, float], ...]:
        """Return type, params and TTL in seconds of recently sent commands, each once, newest first."""
        return await self._commands.recent_commands(tenant_id)

    async def outbox(self, tenant_id: str) -> OutboxView:
        """Return how many commands wait for publication, since when, and the first deadline among them."""
        return await self._commands.outbox(tenant_id)

    async def device_index(
        self, tenant_id: str, wanted: Filter = EVERY_DEVICE, order: Sort = BY_ID
    ) -> list[str]:
        """Return the ids of all wanted devices, in order."""
        return await self.in_order(tenant_id, await self._devices.index(tenant_id, wanted, order), order)

    async def in_order(self, tenant_id: str, device_ids: Sequence[str], order: Sort) -> list[str]:
        """Sort these ids where the order is looked up for each, at most the first `SORTED_AT_MOST`."""
        if not order.looks_up:
            return list(device_ids)
        first = await self._devices.ordered(tenant_id, device_ids[:SORTED_AT_MOST], order)
        return [*first, *device_ids[SORTED_AT_MOST:]]

    async def device_count(self, tenant_id: str, wanted: Filter = EVERY_DEVICE) -> int:
        """Return how many ids `device_index` has."""
        return await self._devices.count(tenant_id, wanted)

    async def decommissioned_index(self, tenant_id: str, wanted: Filter) -> list[str]:
        """Return the decommissioned devices that the filter would match."""
        state = Match("state", ("decommissioned",))
        return await self._devices.index(tenant_id, replace(wanted, terms=(*wanted.terms, state)), BY_ID)

    async def sendable_index(self, tenant_id: str, wanted: Filter) -> list[str]:
        """Return the ids of the wanted devices that are not decommissioned, whatever the filter asks for."""
        return await self._devices.index(tenant_id, wanted, BY_ID, sendable=True)

    async def changed_device_index(
        self, tenant_id: str, wanted: Filter, order: Sort, known: int | None
    ) -> tuple[list[str] | None, int]:
        """Return `device_index` with a digest of the list; None for the ids if `known` is that digest.

        An order that is looked up is not in the digest: then the ids are always returned.
        """
        ids, digest = await self._devices.changed_index(
            tenant_id, wanted, order, None if order.looks_up else known
        )
        return ids and await self.in_order(tenant_id, ids, order), digest

    async def device_head(
        self,
        tenant_id: str,
        wanted: Filter = EVERY_DEVICE,
        order: Sort = BY_ID,
        limit: int = PAGE,
    ) -> list[str]:
        """Return the first of these ids: enough to draw while the others are still read."""
        return await self._devices.head(tenant_id, wanted, order, limit)

    async def search_devices(
        self, tenant_id: str, wanted: Filter, order: Sort = BY_ID
    ) -> AsyncGenerator[DeviceSearch, None]:
        """Yield the ids in pieces, in order: for a filter that must look at each device's newest command.

        An order that is looked up is for whoever has all pieces.
        """
        registered, newest = wanted.parted(NEWEST_COMMAND)
        ids = await self._devices.index(tenant_id, registered, order)
        looked, step = 0, FIRST_LOOK
        while looked < len(ids):
            found = await self._devices.fitting(tenant_id, newest, ids[looked : looked + step])
            looked, step = min(looked + step, len(ids)), LOOK
            yield DeviceSearch(tuple(found), looked, len(ids))

    async def devices(self, tenant_id: str, device_ids: Sequence[str]) -> dict[str, Device]:
        """Return the devices on screen in full, by id, without deleted ones."""
        return {device.device_id: device for device in await self._devices.page(tenant_id, device_ids)}

    async def device_counts(self, tenant_id: str) -> DeviceCounts:
        """Return the number of devices by link."""
        return await self._devices.counts(tenant_id)

    async def device_groups(
        self, tenant_id: str, by: GroupBy, device_ids: Sequence[str] | None = None
    ) -> DeviceGroups:
        """Return these devices, or all in service, by group; at most `SORTED_AT_MOST` ends are looked up."""
        return await self._devices.groups(tenant_id, by, device_ids, SORTED_AT_MOST)

    async def tenant(self, tenant_id: str) -> Tenant | None:
        """Return the tenant's own row; None if there is none."""
        return await self._devices.tenant(tenant_id)

    async def known_values(self, tenant_id: str) -> KnownValues:
        """Return the values of the filter keys in this tenant, for completing and checking filters."""
        return await self._devices.known_values(tenant_id)

    async def filter_notes(self, tenant_id: str, wanted: Filter) -> tuple[Note, ...]:
        """Return notes on a filter's values; they are looked up only if it names some."""
        keys = wanted.keys
        known = await self.known_values(tenant_id) if keys & REGISTRY_KEYS else KnownValues()
        if "type" in keys:
            known = known.with_more({"type": await self.recent_types(tenant_id)})
        if "device" in keys:
            known = known.with_more({"device": await self._devices_like(tenant_id, wanted)})
        return notes(wanted, known)

    async def _devices_like(self, tenant_id: str, wanted: Filter) -> tuple[str, ...]:
        """Return the devices that the filter names, and some whose ids begin with an id in it."""
        found: list[str] = []
        named = [
            term for term in wanted.terms if isinstance(term, Match) and term.key == "device" and term.exact
        ]
        for term in named:
            found += await self._devices.index(
                tenant_id, Filter(Scope.DEVICES, (replace(term, negated=False),)), BY_ID
            )
            for value in [value for value in term.values if value not in found][:_LOOKED_UP]:
                begun = begins_so("device", value, Scope.DEVICES)
                found += await self._devices.head(tenant_id, begun, BY_ID, _LIKE)
        return tuple(found)

    async def problems(
        self,
        tenant_id: str,
        wanted: Filter = EVERY_PROBLEM,
        limit: int = 500,
        before: Problem | None = None,
    ) -> tuple[Problem, ...]:
        """Return the newest problems, or those after the last one of a page."""
        return await self._problems.page(tenant_id, wanted, limit, before)


def _only_devices(wanted: Filter) -> tuple[str, ...] | None:
    """Return the devices that a filter names without wild cards: their own index serves them."""
    for term in wanted.terms:
        if isinstance(term, Match) and term.key == "device" and term.exact and not term.negated:
            return term.values
    return None

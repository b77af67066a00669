"""Looking up what a typed text may be: the beginning of an id in the database, or the whole of one."""

from console.domain.batches import Batch
from console.domain.commands import Command
from console.domain.devices import Device
from console.domain.filters.language import Scope, begins_so, holds
from console.domain.text.safe import safe, safe_id
from console.tables.tones import link_cell, phase_cell
from console.tui.state.choices import Choice, Kind
from console.tui.state.console_state import ConsoleState
from console.tui.state.messages import ShowBatch, ShowDetail, ShowHistory

MOST = 20  # of a kind
_FEW = 3
_WILD = frozenset('"*?')  # characters with a meaning of their own in a filter
_LEAST = 6  # characters of a command's id needed to search the newer commands for it


class GoSearch:
    """Reads of one tenant; `note` is a sentence on what was not searched."""

    def __init__(self, state: ConsoleState) -> None:
        self._state, self._program = state, state.program
        self._tenant = state.tenant
        self.note = ""

    async def sites(self) -> tuple[str, ...]:
        """Return the names of the sites.

        Raises:
            ConsoleError: the database did not answer.
        """
        known = await self._program.history.known_values(self._tenant)
        return known.values.get("site", ())

    async def find(self, text: str) -> list[Choice]:
        """Return devices, bulk sends and commands whose id begins so, and bulk sends of such a type.

        Where there is none of these: the devices in whose id the text stands, by a search of the registry.

        Raises:
            ConsoleError: the database did not answer.
        """
        self.note = ""
        history, tenant, plain = self._program.history, self._tenant, not set(text) & _WILD
        begun = (
            await history.device_head(tenant, begins_so("device", text, Scope.DEVICES), limit=MOST)
            if plain
            else []
        )
        devices = await history.devices(tenant, [text, *begun])
        found = [_device(devices[key]) for key in dict.fromkeys((text, *begun)) if key in devices]
        command = await history.command(tenant, text)
        if command is not None:
            found.append(_command(command.command))
        batch = await self._program.bulk.batch(tenant, text)
        if batch is not None:
            found.append(_batch(batch.batch, self._state))
        if plain and not devices:
            found += await self._begun_so(text)
        if plain:
            wanted = begins_so("type", text, Scope.BATCHES)
            bulk = await self._program.bulk.batches(tenant, _FEW, wanted=wanted)
            found += [_batch(one, self._state) for one in bulk]
        if plain and not found and len(text) > 1:
            found = await self._with_it(text)
        return found

    async def _with_it(self, text: str) -> list[Choice]:
        history, tenant = self._program.history, self._tenant
        ids = await history.device_head(tenant, holds("device", text, Scope.DEVICES), limit=MOST)
        devices = await history.devices(tenant, ids)
        if devices:
            self.note = ""
        return [_device(devices[key]) for key in ids if key in devices]

    async def _begun_so(self, text: str) -> list[Choice]:
        """Return the bulk sends and the newer commands whose id has this prefix."""
        if len(text) < _LEAST:
            return []
        tenant = self._tenant
        batches = await self._program.bulk.batches(tenant, _FEW, wanted=begins_so("id", text, Scope.BATCHES))
        page = await self._program.history.commands(
            tenant, wanted=begins_so("id", text, Scope.COMMANDS), limit=_FEW
        )
        if page.reached is not None and not page.commands:
            self.note = (
                f"Nothing begins with “{safe(text, 60)}” among the newer commands: for an older one give the "
                "whole id."
            )
        return [*(_batch(one, self._state) for one in batches), *map(_command, page.commands)]


def _device(device: Device) -> Choice:
    note = (
        f"{link_cell(device.link).text}   {safe(device.model or '', 30)}   {safe(device.site_id or '', 30)}"
    )
    device_id = device.device_id
    return Choice(
        Kind.DEVICE, device_id, safe_id(device_id, 60), note.rstrip(), lambda: ShowHistory((device_id,))
    )


def _command(command: Command) -> Choice:
    what = f"{safe(command.command_type, 30)} to {safe_id(command.device_id, 40)}"
    command_id = command.command_id
    return Choice(
        Kind.COMMAND, command_id, safe_id(command_id, 60), f"{phase_cell(command).text}   {what}",
        lambda: ShowDetail(command_id),
    )  # fmt: skip


def _batch(batch: Batch, state: ConsoleState) -> Choice:
    draft = batch.draft
    batch_id, by = draft.batch_id, f"by {safe(draft.created_by, 30)}   " if draft.created_by else ""
    name = f"{safe(draft.command_type, 30)} to {draft.wanted:,}"
    note = f"{by}{batch.created_at.astimezone(state.zone):%Y-%m-%d %H:%M}   {safe_id(batch_id, 40)}"
    return Choice(Kind.BATCH, batch_id, name, note, lambda: ShowBatch(batch_id))

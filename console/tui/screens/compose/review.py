"""The question before a send or a retry: the targets, and what may keep the command from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.domain.batches import Preview
from console.domain.catalogue import Listing
from console.domain.danger import to_type
from console.domain.targets import Target
from console.domain.text.json import one_line
from console.domain.text.safe import safe, safe_id
from console.tables.columns import Cell
from console.tui.presenters import compose as words
from console.tui.presenters.cells import Line
from console.tui.screens.dialogs.confirm import Question
from console.tui.state.console_state import ConsoleState

BY_NAME = 500
NO_RECALL = "Published commands cannot be recalled."
_NAMED = 6


@dataclass(frozen=True, slots=True)
class Sending:
    """What is to be sent to whom. `title` has places for kind, whom and tenant; `note` is one more line."""

    command_type: str
    params: str
    ttl: str
    device_ids: Sequence[str]
    title: str = "Send {kind} to {whom} of {tenant}?"
    note: str = ""


async def looked_up_question(state: ConsoleState, sending: Sending) -> Question:
    """Make the question from the current state of the devices in the database.

    Raises:
        ConsoleError: the database did not answer.
    """
    ids, tenant = sending.device_ids, state.tenant
    listing = (await state.program.catalogues.of_devices(tenant, ids)).listing(sending.command_type)
    preview = await state.program.bulk.preview(tenant, ids, sending.command_type)
    targets = await state.program.sender.targets(tenant, ids) if len(ids) <= BY_NAME else None
    return question_for(state, sending, preview, targets, listing)


def question_for(
    state: ConsoleState,
    sending: Sending,
    preview: Preview | None,
    targets: Sequence[Target] | None,
    listing: Listing,
    verdict: str | None = None,
) -> Question:
    """Make the question before a send; many devices or a dangerous type require typing.

    `listing` is the catalogue's entry for the type, `verdict` why it does not accept the params.
    """
    kind, ids, now = safe(sending.command_type, 60), sending.device_ids, state.clock.now()
    lines: list[Line] = []
    dangerous = state.program.danger.asks(sending.command_type, listing.danger_for(len(ids)))
    if dangerous:
        why = safe(listing.description, 300) or f"{kind} interrupts or changes the device."
        if listing.is_unknown:
            why = f"No model of these devices lists {kind}: what it does to them is not known."
        lines.append((Cell(f"! {why}", "warn"),))
    weak = " ".join(words.warnings_of(targets or ()))
    lines += [(Cell(f"! {weak}", "warn"),)] if weak else []
    lines += [(Cell(f"! {safe(verdict, 300)}", "warn"),)] if verdict else []
    if len(ids) > 1 and preview is not None:
        lines += words.bulk_lines(preview, named=targets is not None)
    guard = words.guard_line(preview, now)
    lines += [guard] if guard else []
    if not state.program.health.view().broker.up:
        lines.append((Cell("! The broker is down: the command waits until it is back.", "warn"),))
    lines += [(Cell(sending.note),)] if sending.note else []
    names = ", ".join(safe_id(device, 30) for device in ids[:_NAMED])
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    lines += [(Cell(NO_RECALL),), (Cell(names + more),)]
    params = one_line(sending.params)
    lines.append((Cell(f"ttl {sending.ttl}   params {safe(params, 200)}", "dim"),))
    title = sending.title.format(kind=kind, whom=words.devices_words(ids), tenant=safe(state.tenant, 40))
    return Question(title, tuple(lines), "send", typed=to_type(ids, dangerous=dangerous))

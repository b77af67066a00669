"""The question before a send or a retry: the targets, and what may keep the command from them."""

from collections.abc import Sequence
from dataclasses import dataclass

from console.domain.batches import Preview
from console.domain.catalogue import Listing
from console.domain.danger import to_type
from console.domain.figures import answered_by
from console.domain.forecast import Plan, forecast
from console.domain.histograms import Histogram
from console.domain.targets import Target
from console.domain.text.json import one_line
from console.domain.text.safe import safe, safe_id
from console.domain.ttl import typed_ttl
from console.tables.columns import Cell
from console.tui.presenters import compose as words
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
    learned = (await state.program.figures.latency(tenant, sending.command_type)).value
    answered = answered_by(learned, sending.command_type, preview.models)
    plan = plan_of(state, sending, preview, targets, answered)
    return question_for(state, sending, plan, listing)


def plan_of(
    state: ConsoleState,
    sending: Sending,
    preview: Preview,
    targets: Sequence[Target] | None,
    answered: Histogram,
) -> Plan:
    """Return what is to be sent with what is known of its targets and of the workers."""
    view = state.program.health.view()
    return Plan(
        sending.device_ids, sending.command_type, typed_ttl(sending.ttl), preview, targets, answered,
        broker_up=view.broker.up, has_dispatcher=view.dispatch != "off",
    )  # fmt: skip


def question_for(
    state: ConsoleState, sending: Sending, plan: Plan | None, listing: Listing, verdict: str | None = None
) -> Question:
    """Make the question before a send; many devices or a dangerous type require typing.

    `listing` is the catalogue's entry for the type, `verdict` why it does not accept the params.
    """
    kind, ids = safe(sending.command_type, 60), sending.device_ids
    dangerous = state.program.danger.asks(sending.command_type, listing.danger_for(len(ids)))
    sentences = forecast(plan, state.clock.now()) if plan else ()
    lines = [words.danger_line(kind, listing)] if dangerous else []
    lines += words.forecast_lines(sentences)
    lines += [(Cell(f"! {safe(verdict, 300)}", "warn"),)] if verdict else []
    lines += [(Cell(sending.note),)] if sending.note else []
    names = ", ".join(safe_id(device, 30) for device in ids[:_NAMED])
    more = f" and {len(ids) - _NAMED:,} more" if len(ids) > _NAMED else ""
    lines += [(Cell(NO_RECALL),), (Cell(names + more),)]
    params = one_line(sending.params)
    lines.append((Cell(f"ttl {sending.ttl}   params {safe(params, 200)}", "dim"),))
    title = sending.title.format(kind=kind, whom=words.devices_words(ids), tenant=safe(state.tenant, 40))
    return Question(title, tuple(lines), "send", typed=to_type(ids, dangerous=dangerous))

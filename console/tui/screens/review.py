"""What stands in the dialog before a command is sent: whom it reaches and what speaks against it."""

from collections.abc import Sequence

from console.domain.batches import Preview
from console.domain.safe_text import safe, safe_id
from console.domain.targets import Target
from console.tui.desk import Desk, Sheet
from console.tui.presenters import compose as words
from console.tui.presenters.cells import Cell, Line
from console.tui.screens.acts import NO_RECALL
from console.tui.screens.confirm import Question

_NAMED = 6


def send_question(
    desk: Desk,
    sheet: Sheet,
    device_ids: Sequence[str],
    preview: Preview | None,
    targets: Sequence[Target] | None,
    verdict: str | None,
) -> Question:
    """The question before a send; above ten devices, or for a dangerous type, the count must be typed.

    `verdict` is what the catalogue has against the params.
    """
    count, kind = len(device_ids), safe(sheet.command_type, 60)
    names = ", ".join(safe_id(device, 30) for device in device_ids[:_NAMED])
    more = f" and {count - _NAMED:,} more" if count > _NAMED else ""
    lines: list[Line] = []
    if words.is_dangerous(sheet.command_type):
        lines.append((Cell(f"! {kind} interrupts or changes the device.", "warn"),))
    weak = " ".join(words.warnings_of(targets or ()))
    lines += [(Cell(f"! {weak}", "warn"),)] if weak else []
    lines += [(Cell(f"! {safe(verdict, 300)}", "warn"),)] if verdict else []
    if count > 1 and preview is not None:
        lines += words.bulk_lines(preview, named=targets is not None)
    guard = words.guard_line(preview, sheet.command_type, desk.clock.now())
    lines += [guard] if guard else []
    if not desk.program.health.view().broker.up:
        lines.append((Cell("! The broker is down: it waits until the broker is back.", "warn"),))
    lines += [(Cell(NO_RECALL),), (Cell(names + more),)]
    lines.append((Cell(f"ttl {sheet.ttl}   params {safe(' '.join(sheet.params.split()), 200)}", "dim"),))
    title = f"Send {kind} to {words.devices_words(device_ids)} of {safe(desk.tenant, 40)}?"
    typed = str(count) if words.must_type_count(sheet.command_type, count) else ""
    return Question(title, tuple(lines), "send", typed=typed)

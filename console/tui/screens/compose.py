"""Writing a command: what it says, whom it reaches, what stands against it. Nothing is sent from here."""

import time
from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from console.domain.batches import Preview
from console.domain.commands import (
    DEFAULT_TTL,
    Draft,
    params_fault,
    parse_ttl,
    type_fault,
)
from console.domain.safe_text import safe
from console.domain.targets import Target
from console.services.bulk import BulkJob
from console.services.favourites import Saved
from console.services.sender import Receipt
from console.tui.actions import bindings_for
from console.tui.copier import copy_text
from console.tui.desk import Desk, Sheet
from console.tui.presenters import compose as words
from console.tui.presenters.cells import Cell, Line
from console.tui.presenters.copies import send_line
from console.tui.presenters.times import instant, zone_words
from console.tui.presenters.words import counted
from console.tui.screens.base import SHORT
from console.tui.screens.confirm import ConfirmDialog, Question
from console.tui.screens.form_sheet import FormSheet
from console.tui.screens.review import send_question
from console.tui.widgets.text import Lines

_BY_NAME = 500
_PANE = 120  # columns from which the targets stand beside the sheet
_NAMES, _FIELD, _PANE_WIDTH = 10, 26, 46
_OTHERS, _OTHERS_SHORT = 18, 12  # rows that all but the params need at most


class ComposeScreen(FormSheet):
    """The sheet is kept per tenant until its command is committed."""

    KIND = "compose"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("compose")

    def __init__(
        self, desk: Desk, device_ids: tuple[str, ...], target: str = "", content: Saved | None = None
    ) -> None:
        sheet = desk.sheet if content is None else Sheet(content.command_type, content.params, content.ttl)
        super().__init__(desk, sheet, device_ids)
        self._target = target or words.devices_words(device_ids)
        self._preview: Preview | None = None
        self._previewed = ""
        self._targets: tuple[Target, ...] | None = None
        self._targets_due = 0.0
        self._shown_targets: list[Target] = []
        self._fault: str | None = None
        self._title = Lines(id="title")
        self._recent = Lines(id="recent")
        self._expires = Lines(id="expires")
        self._check = Lines(id="check")
        self._verdict = Lines(id="verdict")
        self._reach = Lines(id="reach")
        self._guard = Lines(id="guard")
        self._guard_row = Horizontal(Static(classes="name"), self._guard, id="guard-row", classes="row")
        self._sends = Lines(id="sends")
        self._list = Lines(id="targets")

    def body(self) -> Iterable[Widget]:
        def row(name: str, *widgets: Widget, id: str | None = None) -> Widget:  # noqa: A002
            return Horizontal(Static(name, classes="name", markup=False), *widgets, id=id, classes="row")

        form = Vertical(
            row("type", self._type, self._recent),
            row("ttl", self._ttl, self._expires),
            row("params", self._params, self._form, id="params-row"),
            row("", self._check, id="check-row"),
            row("reach", self._reach, id="reach-row"),
            self._guard_row,
            row("sends", self._sends, id="sends-row"),
            row("", self._verdict, id="verdict-row"),
            id="form",
        )
        return (self._title, Horizontal(form, VerticalScroll(self._list, id="targets-pane"), id="sheet"))

    def on_mount(self) -> None:
        self._title.show(
            [
                (
                    Cell(" New command", "strong"),
                    Cell(f"   to {words.devices_words(self.device_ids)}", "accent"),
                )
            ]
        )
        self.query_one("#targets-pane").can_focus = False
        if self._params.text == "{}":
            self._params.move_cursor((0, 1))
        self._type.focus()

    # Reading

    async def read(self) -> None:
        program, tenant = self.desk.program, self.desk.tenant
        listed = (await self.read_catalogue()).types
        if not self._type.recent:
            one = self.device_ids[0] if len(self.device_ids) == 1 else None
            found = await program.history.recent_types(tenant, one) or await program.history.recent_types(
                tenant
            )
            self._type.take(found, listed)
        kind = self._type.value
        if time.monotonic() >= self._targets_due or kind != self._previewed:
            preview = await program.bulk.preview(tenant, self.device_ids, kind)
            if preview.read_at is not None:
                self.desk.clock.observe(preview.read_at)
            if len(self.device_ids) <= _BY_NAME:
                self._take_targets(await program.sender.targets(tenant, self.device_ids))
            elif preview.forbidden == preview.total:
                self._fault = "None of these devices can be sent to"
            self._preview, self._previewed = preview, kind
            self._targets_due = time.monotonic() + len(self.device_ids) / 200

    def _take_targets(self, targets: tuple[Target, ...]) -> None:
        self._targets = targets
        self._shown_targets = words.notable(targets)
        many = len(targets) > 1
        self._fault = None if many and any(not t.fault for t in targets) else words.first_fault(targets)

    def on_resize(self) -> None:
        width, height = self.app.size
        self.set_class(len(self.device_ids) > 1 and width >= _PANE, "-pane")
        others = _OTHERS_SHORT if height < SHORT else _OTHERS
        self.query_one("#params-row").styles.max_height = max(3, height - others)

    # What is typed

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _typed(self) -> None:
        sheet = self._sheet
        sheet.command_type, sheet.params, sheet.ttl = self._type.value, self._params.text, self._ttl.value
        if self._preview is not None and sheet.command_type != self._previewed:
            self.request_read()
        self.repaint()
        self.refresh_chrome()

    @on(Input.Submitted, "#type")
    def _type_done(self) -> None:
        self._ttl.focus()

    @on(Input.Submitted, "#ttl")
    def _ttl_done(self) -> None:
        self.focus_params()

    def reason(self, action_id: str) -> str | None:
        if action_id == "form":
            return self._no_form
        if action_id != "review":
            return None
        lifetime = self._lifetime
        fault = type_fault(self._type.value) or (lifetime if isinstance(lifetime, str) else None)
        fault = fault or params_fault(self._params.text) or self._form_fault or self._fault
        if fault:
            return safe(fault.rstrip("."), 400)
        if not self.desk.program.health.view().database.up:
            return "the database is down: sending is blocked until it answers"
        return "the devices are being looked up" if self._preview is None else None

    # Showing

    def repaint(self) -> None:
        now = self.desk.clock.now()
        self.show_params()
        room = self.app.size.width - _NAMES - (_PANE_WIDTH if self.has_class("-pane") else 0)
        offered = (self._type.recent, self._type.listed, self._type.value)
        self._recent.show(words.types_line(*offered, room - _FIELD))
        lifetime, zone = self._lifetime, self.desk.zone
        ttl = DEFAULT_TTL if isinstance(lifetime, str) else lifetime
        if isinstance(lifetime, str):
            self._expires.show([(Cell("write 30s, 10m, 1h30m or 7d: 5 seconds to 7 days", "bad"),)])
        else:
            self._expires.show(
                [(Cell(f"expires {instant(now + ttl, now, zone=zone)} {zone_words(zone)}", "dim"),)]
            )
        self._check.show([self.check_line()])
        one = self._targets[0] if self._targets and len(self._targets) == 1 else None
        self._reach.show([words.reach_line(self._preview, one.last_seen_at if one else None, now, room)])
        guard = words.guard_line(self._preview, self._type.value, now)
        self._guard.show([guard] if guard else [])
        self._guard_row.display = bool(guard)
        topic = words.preview_topic(self.desk.tenant, self.device_ids)
        payload = words.preview_payload(self._type.value, self._params.text, ttl, now)
        self._sends.show([(Cell(topic),), *words.payload_lines(payload, room)])
        self._list.show(words.target_lines(self._shown_targets, len(self.device_ids), now))
        self._show_verdict()

    def _show_verdict(self) -> None:
        reason = self.reason("review")
        if reason is not None:
            self._verdict.show([(Cell(f"Not ready: {reason}.", "warn"),)])
            return
        line: Line = (Cell("Ready. ", "ok"), Cell("ctrl+s or f5 reviews it; nothing is sent before that."))
        view = self.desk.program.health.view()
        if not view.broker.up:
            line = (Cell("Ready. ", "ok"), Cell("The broker is down: it will wait until it is back.", "warn"))
        elif view.dispatch == "off":
            line = (Cell("Ready. ", "ok"), Cell("No dispatcher runs here: it will wait for one.", "warn"))
        self._verdict.show([line])

    # Actions

    def action_review(self) -> None:
        if self.refuse("review"):
            return
        sheet, count = self._sheet, len(self.device_ids)
        if count > 1:
            job = self._job(sheet)
            self.app.push_screen(
                ConfirmDialog(self._question(), lambda _: self._send_bulk(sheet, job)), self._done
            )
            return
        drafts = self._drafts(sheet)
        self.app.push_screen(ConfirmDialog(self._question(), lambda _: self._send(sheet, drafts)), self._done)

    def _job(self, sheet: Sheet) -> BulkJob:
        """A batch's id is made here, once; the same content keeps it while its outcome is unknown."""
        ttl = parse_ttl(sheet.ttl)
        wanted = DEFAULT_TTL if isinstance(ttl, str) else ttl
        new = self.desk.program.bulk.job(
            sheet.command_type, sheet.params, wanted, self.desk.program.operator,
            device_ids=self.device_ids, target=self._target,
        )  # fmt: skip
        old = sheet.batch
        if old is not None and old.device_ids == new.device_ids:
            same = replace(new.draft, batch_id=old.draft.batch_id)
            if same == old.draft:
                return old
        return new

    async def _send_bulk(self, sheet: Sheet, job: BulkJob) -> str:
        sheet.batch = job
        await self.desk.program.bulk.begin(self.desk.tenant, job)
        self.desk.run_job(self.app, job)
        self._receipt = Receipt((), batch_id=job.draft.batch_id)
        self._forget(sheet)
        return f"Sending to {words.devices_words(self.device_ids)}."

    def _forget(self, sheet: Sheet) -> None:
        if self.desk.sheets.get(self.desk.tenant) is sheet:
            self.desk.sheets.pop(self.desk.tenant)

    def _drafts(self, sheet: Sheet) -> tuple[Draft, ...]:
        """Ids are made here, once; the same content keeps them while its outcome is unknown."""
        sender, by = self.desk.program.sender, self.desk.program.operator
        ttl = parse_ttl(sheet.ttl)
        wanted = DEFAULT_TTL if isinstance(ttl, str) else ttl
        same = tuple((d.device_id, d.command_type, d.params_json, d.ttl) for d in sheet.drafts)
        new = tuple((device, sheet.command_type, sheet.params, wanted) for device in self.device_ids)
        if same == new:
            return sheet.drafts
        return tuple(sender.draft(*content, by) for content in new)

    def _question(self) -> Question:
        return send_question(
            self.desk, self._sheet, self.device_ids, self._preview, self._targets, self._catalogue_says
        )

    async def _send(self, sheet: Sheet, drafts: tuple[Draft, ...]) -> str:
        sheet.drafts = drafts
        receipt = await self.desk.program.sender.send(self.desk.tenant, drafts)
        self._receipt = receipt
        self._forget(sheet)
        return f"{counted(len(receipt.command_ids), 'command')} committed."

    _receipt: Receipt | None = None

    def _done(self, said: str | None) -> None:
        if said is not None:
            self.dismiss(self._receipt)

    def action_compose_cli(self) -> None:
        ttl = self._lifetime
        wanted = DEFAULT_TTL if isinstance(ttl, str) else ttl
        line = send_line(self.desk.tenant, list(self.device_ids), self._type.value, self._params.text, wanted)
        copy_text(self, "the shell line", line)

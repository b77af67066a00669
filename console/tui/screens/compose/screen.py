"""Writing a command: what it says, whom it reaches, what stands against it. Nothing is sent from here."""

import time
from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from console.domain.batches import Preview
from console.domain.commands import type_fault
from console.domain.targets import Target
from console.domain.text.safe import safe
from console.domain.ttl import TTL_EXAMPLES, TTL_RANGE, typed_ttl_fault
from console.limits import DEFAULT_TTL
from console.tui.keys.actions import bindings_for
from console.tui.presenters import compose as words
from console.tui.presenters.cells import Cell
from console.tui.presenters.copies import naming_filter, send_line
from console.tui.presenters.times import instant, zone_words
from console.tui.screens.base import SHORT
from console.tui.screens.clipboard import copy_text
from console.tui.screens.compose.review import BY_NAME, Sending, question_for
from console.tui.screens.compose.sending import SendingSheet
from console.tui.screens.dialogs.confirm import Question
from console.tui.state.console_state import ConsoleState, Sheet
from console.tui.widgets.text import Lines

_PANE = 120  # columns from which the targets stand beside the sheet
_NAMES, _FIELD, _PANE_WIDTH = 10, 26, 46
_OTHERS, _OTHERS_SHORT = 19, 12  # rows that all but the params need at most


class ComposeScreen(SendingSheet):
    """The sheet is kept per tenant until its command is committed."""

    KIND = "compose"
    BINDINGS: ClassVar[list[BindingType]] = bindings_for("compose")

    def __init__(
        self,
        state: ConsoleState,
        device_ids: tuple[str, ...],
        target: str = "",
        sheet: Sheet | None = None,
        *,
        kept: bool = False,
        where: str = "",
    ) -> None:
        """`kept` says that `sheet` was begun before, perhaps for others; `where` is the filter that chose."""
        super().__init__(state, sheet or state.sheet()[0], device_ids, target)
        self._kept = kept
        self._where = where or naming_filter(device_ids)
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
            row("type", self._type, self._recent, id="type-row"),
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
        self._type.focus()
        if self._kept:
            self.say(f"This is your draft from before{'' if self._sheet.doubted else ': it was not sent'}.")

    # Reading

    async def read(self) -> None:
        program, tenant = self.state.program, self.state.tenant
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
                self.state.clock.observe(preview.read_at)
            if len(self.device_ids) <= BY_NAME:
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
        if action_id not in {"review", "compose_cli"}:
            return None
        fault = type_fault(self._type.value) or typed_ttl_fault(self._ttl.value)
        fault = fault or self.state.program.sender.params_fault(self._params.text) or self._form_fault
        if action_id == "compose_cli" and not fault and len(self.device_ids) > 1 and not self._where:
            return "no line can name so many: choose them by a filter, mark all that it shows, and compose"
        if action_id == "review":
            fault = fault or self._fault
        if fault:
            return safe(fault.rstrip("."), 400)
        if action_id == "compose_cli":
            return None
        if not self.state.program.health.view().database.up:
            return "the database is down: sending is blocked until it answers"
        return "the devices are being looked up" if self._preview is None else None

    # Showing

    def repaint(self) -> None:
        now = self.state.clock.now()
        self.show_params()
        room = self.app.size.width - _NAMES - (_PANE_WIDTH if self.has_class("-pane") else 0)
        offered = (self._type.recent, self._type.listed, self._type.value)
        about = words.about_lines(self._listing.description, room - _FIELD, dangerous=self._dangerous)
        self._recent.show(about or words.types_line(*offered, room - _FIELD))
        ttl, zone = self._lifetime, self.state.zone
        if ttl is None:
            self._expires.show([(Cell(f"write {TTL_EXAMPLES}: {TTL_RANGE}", "bad"),)])
        else:
            self._expires.show(
                [(Cell(f"expires {instant(now + ttl, now, zone=zone)} {zone_words(zone)}", "dim"),)]
            )
        self._check.show([self.check_line()])
        one = self._targets[0] if self._targets and len(self._targets) == 1 else None
        self._reach.show([words.reach_line(self._preview, one.last_seen_at if one else None, now, room)])
        guard = words.guard_line(self._preview, now)
        self._guard.show([guard] if guard else [])
        self._guard_row.display = bool(guard)
        topic = words.preview_topic(self.state.tenant, self.device_ids)
        params = "…" if self._form.display and self._form.behind else self._params.text
        payload = words.preview_payload(self._type.value, params, ttl, now)
        self._sends.show([(Cell(topic),), *words.payload_lines(payload, room)])
        self._list.show(words.target_lines(self._shown_targets, len(self.device_ids), now))
        self._show_verdict()

    def _show_verdict(self) -> None:
        view, sheet = self.state.program.health.view(), self._sheet
        doubt = words.doubt_line(sheet.doubted, (self.device_ids, sheet.content))
        line = words.verdict_line(self.reason("review"), broker_up=view.broker.up, dispatch=view.dispatch)
        self._verdict.show([doubt] if doubt else [line])

    # Actions

    def question(self) -> Question:
        sheet = self._sheet
        sending = Sending(sheet.command_type, sheet.params, sheet.ttl, self.device_ids)
        known = self._preview, self._targets, self._listing
        return question_for(self.state, sending, *known, self._catalogue_says)

    def action_compose_cli(self) -> None:
        if not self.refuse("compose_cli"):
            copy_text(self, "the shell line", self._shell_line or "")

    @property
    def _shell_line(self) -> str | None:
        wanted, tenant, ids = self._lifetime or DEFAULT_TTL, self.state.tenant, self.device_ids
        return send_line(tenant, ids, self._type.value, self._params.text, wanted, self._where)

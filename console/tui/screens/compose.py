"""Composing a command: type, params, TTL; what it reaches and what goes out; nothing is lost on the way."""

from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar, cast

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import Screen
from textual.suggester import SuggestFromList
from textual.widgets import Footer, Input, Static, TextArea

from console.domain.commands import Draft, params_fault, parse_ttl, type_fault
from console.domain.safe_text import safe
from console.domain.targets import Target
from console.errors import ConsoleError
from console.tui.desk import Desk
from console.tui.presenters.compose_text import is_dangerous, preview_text, reach_text, target_lines
from console.tui.presenters.header_text import Part
from console.tui.screens.confirm import ConfirmScreen
from console.tui.widgets.status_header import StatusHeader, content_of

if TYPE_CHECKING:
    from console.tui.app import ConsoleApp

TYPED_COUNT_FROM = 11


class ComposeScreen(Screen[bool]):
    """Ends with True when a command was sent. Esc keeps what was typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("ctrl+s,f5", "review", "review and send", key_display="ctrl+s", priority=True),
        Binding("escape", "keep", "back, keep draft", key_display="esc"),
    ]
    AUTO_FOCUS = "#type"

    def __init__(self, device_ids: tuple[str, ...]) -> None:
        super().__init__()
        self._device_ids = device_ids
        self._targets: tuple[Target, ...] = ()
        self._fault: str | None = "Type a command."
        self._ttl = timedelta(hours=1)
        self._unsent: tuple[Draft, ...] = ()

    @property
    def desk(self) -> Desk:
        return cast("ConsoleApp", self.app).desk

    def compose(self) -> ComposeResult:
        draft = self.desk.draft
        yield StatusHeader()
        with VerticalScroll(id="compose", can_focus=False):
            yield Static("", id="compose-title", markup=False)
            yield Static("type", classes="label")
            yield Input(draft.command_type, id="type", placeholder="for example reboot", compact=True)
            yield Static("", id="recent", markup=False)
            yield Static("params, a JSON object", classes="label")
            yield TextArea(draft.params, id="params", tab_behavior="focus", compact=True)
            yield Static("time to live", classes="label")
            yield Input(draft.ttl, id="ttl", placeholder="30s, 10m, 1h30m, 7d", compact=True)
            yield Static("", id="reach", markup=False)
            yield Static("", id="preview", markup=False)
        yield Static("", id="fault", markup=False)
        yield Footer(show_command_palette=False, compact=True)

    def on_mount(self) -> None:
        self._tell_title()
        self._check()
        self._read_targets()

    def on_resize(self) -> None:
        self._tell_title()

    def _tell_title(self) -> None:
        count = len(self._device_ids)
        noun = safe(self._device_ids[0], 60) if count == 1 else f"{count:,} devices"
        left: list[Part] = [
            (f"{safe(self.desk.tenant_id, 40)} ", "bold"),
            ("New command to ", ""),
            (noun, "accent"),
        ]
        self.query_one(StatusHeader).say(left, [], self.app.size.width)

    @work(exclusive=True, group="targets")
    async def _read_targets(self) -> None:
        program, tenant_id = self.desk.program, self.desk.tenant_id
        one = self._device_ids[0] if len(self._device_ids) == 1 else None
        try:
            self._targets = await program.sender.targets(tenant_id, self._device_ids)
            types = await program.history.recent_types(tenant_id, one) or await program.history.recent_types(
                tenant_id
            )
        except ConsoleError as error:
            self._say(str(error), "bad")
            return
        self.query_one("#type", Input).suggester = SuggestFromList(types, case_sensitive=False)
        recent = "  ".join(safe(name, 30) for name in types[:6])
        self.query_one("#recent", Static).update(content_of([(f"recent: {recent}" if recent else "", "dim")]))
        self._check()

    def on_input_changed(self, _: Input.Changed) -> None:
        self._check()

    def on_text_area_changed(self, _: TextArea.Changed) -> None:
        self._check()

    def _check(self) -> None:
        """Keep the draft, find the first fault, show reach and preview."""
        draft = self.desk.draft
        draft.command_type = self.query_one("#type", Input).value
        draft.params = self.query_one("#params", TextArea).text
        draft.ttl = self.query_one("#ttl", Input).value
        ttl = parse_ttl(draft.ttl)
        faults = [target.fault for target in self._targets if target.fault]
        self._fault = (
            type_fault(draft.command_type)
            or params_fault(draft.params)
            or (ttl if isinstance(ttl, str) else None)
            or (faults[0] if faults else None)
        )
        if isinstance(ttl, timedelta):
            self._ttl = ttl
        self._unsent = ()
        self.query_one("#reach", Static).update(content_of(reach_text(self._targets, self.desk.now())))
        self.query_one("#preview", Static).update(
            content_of(preview_text(self.desk.tenant_id, self._device_ids, draft.command_type, draft.params))
        )
        self._say(
            self._fault or "ready: ctrl+s reviews, nothing is sent before you confirm",
            "warn" if self._fault else "good",
        )

    def _say(self, text: str, style: str) -> None:
        self.query_one("#fault", Static).update(content_of([(safe(text, 400), style)]))

    @work(exclusive=True, group="send")
    async def action_review(self) -> None:
        """Ask, then send. The ids are made before the question: a second yes is the same command."""
        if self._fault:
            self._say(f"Not yet: {self._fault}", "bad")
            return
        program, draft = self.desk.program, self.desk.draft
        drafts = self._unsent or tuple(
            program.sender.draft(device_id, draft.command_type, draft.params, self._ttl, program.operator)
            for device_id in self._device_ids
        )
        count = len(drafts)
        typed = count >= TYPED_COUNT_FROM or is_dangerous(draft.command_type)
        noun = "1 device" if count == 1 else f"{count:,} devices"
        question = f"Send {safe(draft.command_type, 60)} to {noun} of {safe(self.desk.tenant_id, 40)}?"
        lines = [*target_lines(self._targets), "A published command cannot be recalled."]
        if not await self.app.push_screen_wait(
            ConfirmScreen(question, lines, act="send", count=count if typed else None)
        ):
            return
        self._unsent = drafts
        try:
            await program.sender.send(self.desk.tenant_id, drafts)
        except ConsoleError as error:
            self._say(f"{error} Nothing typed is lost; ctrl+s tries again.", "bad")
            return
        self.app.notify(f"queued for {noun}", timeout=3, markup=False)
        self.dismiss(True)

    def action_keep(self) -> None:
        self.dismiss(False)

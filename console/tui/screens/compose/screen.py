"""Writing a command: its content, its targets and its faults. It is sent only after the review."""

from collections.abc import Iterable
from typing import Any, ClassVar

from textual import on
from textual.binding import BindingType
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widget import Widget
from textual.widgets import Input, Static, TextArea

from console.domain.catalogue import Catalogue, Listing
from console.domain.forecast import Plan
from console.domain.text.safe import safe
from console.domain.ttl import TTL_EXAMPLES, TTL_RANGE
from console.tables.columns import Cell
from console.tui.keys.actions import ON_SCREEN_ONLY, Action, bindings_for
from console.tui.presenters import compose as words
from console.tui.presenters.copies import naming_filter, send_line
from console.tui.presenters.times import instant, zone_words
from console.tui.screens import actions
from console.tui.screens.base import SHORT, ConsoleScreen
from console.tui.screens.clipboard import copy_text
from console.tui.screens.compose.fields import ComposeFields
from console.tui.screens.compose.forecast_view import ForecastView
from console.tui.screens.compose.offers import Offers
from console.tui.screens.compose.reach import Reach
from console.tui.screens.compose.recall import EDITOR, EMPTY, FAVOURITE, PICK, Recall
from console.tui.screens.compose.review import Sending, plan_of, question_for
from console.tui.screens.compose.sending import SendFlow
from console.tui.screens.dialogs.confirm import Question, ask
from console.tui.state.console_state import ConsoleState, UnsentCommand
from console.tui.state.messages import CommandsSent
from console.tui.widgets.params_form import ParamsForm
from console.tui.widgets.text import Lines
from console.tui.widgets.type_input import TypeInput

_PANE = 120  # columns from which the targets are shown beside the fields
_NAMES, _FIELD, _PANE_WIDTH = 10, 26, 46
_OTHERS, _OTHERS_SHORT = 19, 11  # rows that all but the params need at most
_ROOMY = 30  # rows from which the whole payload is shown


def _row(name: str, *widgets: Widget, id: str | None = None) -> Widget:  # noqa: A002
    return Horizontal(Static(name, classes="name", markup=False), *widgets, id=id, classes="row")


def _as_reason(fault: str | None) -> str | None:
    return safe(fault.rstrip("."), 400) if fault else None


class ComposeScreen(ConsoleScreen):
    """The compose screen. An unsent command is kept for its devices until it is committed."""

    KIND = "compose"

    def __init__(
        self,
        state: ConsoleState,
        device_ids: tuple[str, ...],
        target: str = "",
        unsent: UnsentCommand | None = None,
        *,
        kept: bool = False,
        where: str = "",
    ) -> None:
        """`kept`: `unsent` was begun earlier; `where` is the devices' filter."""
        super().__init__(state)
        self.device_ids = device_ids
        self.where = where or naming_filter(device_ids)
        self._unsent = unsent or state.unsent_command(device_ids)[0]
        self._kept = kept
        self._catalogue: Catalogue | None = None
        self.fields = ComposeFields(self._unsent, state.program.sender.params_fault, self._listing_of)
        self.recall = Recall(self, self.fields)
        self.flow = self._new_flow(target or words.devices_words(device_ids))
        self._reach = Reach(state, device_ids)
        self._title = Lines(id="title")
        self._recent = Lines(id="recent")
        self._offers = Offers(self._about)
        self._expires = Lines(id="expires")
        self._check = Lines(id="check")
        self._verdict = Lines(id="verdict")
        self._forecast = ForecastView()
        self._sends = Lines(id="sends")
        self._targets = Lines(id="targets")

    def _new_flow(self, target: str) -> SendFlow:
        state = self.state
        return SendFlow(
            sender=state.program.sender,
            batches=state.program.bulk,
            tenant=state.tenant,
            operator=state.program.operator,
            device_ids=self.device_ids,
            target=target,
            unsent=self._unsent,
            on_begun=lambda tenant, batch: state.run_job(self.app, tenant, batch, self.where),
            on_sent=self._on_sent,
        )

    def body(self) -> Iterable[Widget]:
        form = Vertical(
            _row("type", self.fields.type, self._recent, id="type-row"),
            _row("ttl", self.fields.ttl, self._expires),
            self.fields.params,
            _row("", self._check, id="check-row"),
            self._forecast,
            _row("sends", self._sends, id="sends-row"),
            _row("", self._verdict, id="verdict-row"),
            id="form",
        )
        pane = VerticalScroll(self._targets, id="targets-pane")
        return (self._title, Horizontal(form, pane, id="sheet"), self._offers)

    def on_mount(self) -> None:
        whom = Cell(f"   to {words.devices_words(self.device_ids)}", "accent")
        self._title.show([(Cell(" New command", "strong"), whom)])
        self.query_one("#targets-pane").can_focus = False
        self.fields.type.focus()
        self.fields.type.select_all()  # what is typed replaces the type of a draft
        others = self.state.drafts_for_others(self.device_ids)
        if self._kept:
            unsure = self._unsent.unknown_outcome is not None
            empties = "" if unsure else ": it was not sent. ctrl+n empties it"
            self.say(f"This is your draft from before{empties}.")
        elif others and not self._unsent.command_type:
            self.say(words.draft_elsewhere(others[0].device_ids, len(others)))

    # Reading

    async def read(self) -> None:
        program, tenant, field = self.state.program, self.state.tenant, self.fields.type
        if self._catalogue is None:
            self._catalogue = await program.catalogues.of_devices(tenant, self.device_ids)
        if not field.recent:
            one = self.device_ids[0] if len(self.device_ids) == 1 else None
            found = await program.history.recent_types(tenant, one) or await program.history.recent_types(
                tenant
            )
            field.take(found, self._catalogue.types)
        await self._reach.read(field.value)

    def _listing_of(self, command_type: str) -> Listing:
        return (self._catalogue or Catalogue()).listing(command_type)

    def on_resize(self) -> None:
        width, height = self.app.size
        self.set_class(len(self.device_ids) > 1 and width >= _PANE, "-pane")
        self.set_class(height < _ROOMY, "-tight")
        self.fields.params.styles.max_height = max(3, height - (_OTHERS_SHORT if height < SHORT else _OTHERS))

    # What is typed

    def on_descendant_focus(self) -> None:
        super().on_descendant_focus()
        self._offers.show_under(self.fields.type)

    @on(Input.Changed)
    @on(TextArea.Changed)
    def _typed(self) -> None:
        self.fields.keep()
        if self._reach.preview is not None and self.fields.type.value != self._reach.command_type:
            self.request_read()
        self._show_typed()

    @on(TypeInput.Marked)
    @on(ParamsForm.Changed)
    def _show_typed(self) -> None:
        self.repaint()
        self.refresh_chrome()

    @on(Input.Submitted, "#type")
    def _type_done(self) -> None:
        self.fields.ttl.focus()

    @on(Input.Submitted, "#ttl")
    def _ttl_done(self) -> None:
        self.fields.params.focus_first()

    # Why something cannot be done

    def _no_form(self) -> str | None:
        return self.fields.params.no_form

    def _no_line(self) -> str | None:
        fault = self.fields.fault or self.fields.params.form_fault
        if not fault and len(self.device_ids) > 1 and not self.where:
            return "a shell line cannot name so many: find the devices by a filter, mark them all, compose"
        return _as_reason(fault)

    def _no_review(self) -> str | None:
        fault = self.fields.fault or self.fields.params.form_fault or self._reach.fault
        if fault:
            return _as_reason(fault)
        if not self.state.program.health.view().database.up:
            return "the database is down: sending is blocked until it answers"
        return "the devices are being looked up" if self._reach.preview is None else None

    # Showing

    def repaint(self) -> None:
        fields, kind, now = self.fields, self.fields.type.value, self.state.clock.now()
        fields.params.show()
        room = self.app.size.width - _NAMES - (_PANE_WIDTH if self.has_class("-pane") else 0)
        self._show_offers(room - _FIELD)
        self._show_expiry()
        self._check.show([fields.params.check_line()])
        topic = words.preview_topic(self.state.tenant, self.device_ids)
        payload = words.preview_payload(kind, fields.params.shown_text, fields.lifetime, now)
        self._sends.show([(Cell(topic),), *words.payload_lines(payload, room)])
        self._forecast.show_plan(self._plan, now)
        self._targets.show(words.target_lines(self._reach.notable, len(self.device_ids), now))
        self._show_verdict(room)

    def _show_offers(self, width: int) -> None:
        field, listing = self.fields.type, self.fields.listing
        about = words.about_lines(listing.description, width, dangerous=self._is_dangerous(field.value))
        self._recent.show(about or words.types_line(field.recent, field.listed, field.value, width))
        self._offers.show_under(field)

    def _about(self, kind: str) -> words.Offer:
        usual_ms = self._reach.answered(kind).p95_ms
        return words.Offer(kind, self._listing_of(kind).description, self._is_dangerous(kind), usual_ms)

    def _is_dangerous(self, kind: str) -> bool:
        flag = self._listing_of(kind).danger_for(len(self.device_ids))
        return self.state.program.danger.asks(kind, flag)

    def _show_expiry(self) -> None:
        ttl, zone, now = self.fields.lifetime, self.state.zone, self.state.clock.now()
        if ttl is None:
            cell = Cell(f"write {TTL_EXAMPLES}: {TTL_RANGE}", "bad")
        else:
            cell = Cell(f"expires {instant(now + ttl, now, zone=zone)} {zone_words(zone)}", "dim")
        self._expires.show([(cell,)])

    @property
    def _plan(self) -> Plan | None:
        """The send as it would be carried out now; None until the devices are looked up."""
        reach = self._reach
        if reach.preview is None:
            return None
        answered = reach.answered(self._unsent.command_type)
        return plan_of(self.state, self._sending, reach.preview, reach.targets, answered)

    @property
    def _sending(self) -> Sending:
        return Sending(*self._unsent.content, self.device_ids)

    def _show_verdict(self, width: int) -> None:
        drafts = (self._unsent, *self.state.drafts_for_others(self.device_ids))
        sent = next((d.unknown_outcome for d in drafts if d.unknown_outcome), None)
        unsure = words.unknown_outcome_line(sent, (self.device_ids, self._unsent.content))
        line = words.verdict_line(self._no_review(), width, self.fields.unknown_type)
        self._verdict.show([unsure] if unsure else [line])

    # Actions

    def _review(self) -> None:
        self.fields.keep()
        act = self.flow.prepare(self.fields.lifetime_or_default)
        ask(self, self._question(), act, lambda _: self.dismiss(self.flow.receipt))

    def _question(self) -> Question:
        known = self._plan, self.fields.listing, self.fields.params.verdict
        return question_for(self.state, self._sending, *known)

    def _on_sent(self) -> None:
        self.state.log.sent(self.state.clock.now(), self.flow.tenant, self._unsent.drafts)
        self.state.forget(self._unsent)
        self.app.post_message(CommandsSent(self.device_ids))

    def _toggle_form(self) -> None:
        self.fields.params.toggle_form()
        self._show_typed()
        self.fields.params.focus_first()

    def _copy_line(self) -> None:
        kind, params, ttl = self.fields.type.value, self.fields.params.text, self.fields.lifetime_or_default
        line = send_line(self.state.tenant, self.device_ids, kind, params, ttl, self.where)
        copy_text(self, "the shell line", line or "")

    ACTIONS: ClassVar[tuple[Action[Any], ...]] = (
        Action("review", "ctrl+s,f5", "review and send", "Review the command; the dialog sends it",
               "device-console send DEVICE TYPE", _review, _no_review, act=True, footer=1, priority=True,
               shown_as="ctrl+s/f5"),
        PICK,
        EMPTY,
        FAVOURITE,
        Action("form", "f2", "form/JSON", "Change between the form that the catalogue describes and the JSON",
               "device-console types DEVICE", _toggle_form, _no_form, footer=7, priority=True),
        EDITOR,
        Action("compose_cli", "f8", "copy shell line", "Copy the shell line that sends the same",
               ON_SCREEN_ONLY, _copy_line, _no_line, footer=3, priority=True),
        actions.THEME, actions.JUMP_WHERE_ONE_TYPES,
        actions.back(),
        actions.show_help("f1", ""),
    )  # fmt: skip
    BINDINGS: ClassVar[list[BindingType]] = bindings_for(KIND, ACTIONS)

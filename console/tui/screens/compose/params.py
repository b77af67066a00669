"""The editor of the params: a form where the catalogue describes them, JSON elsewhere."""

from collections.abc import Callable

from textual.app import ComposeResult
from textual.containers import Horizontal
from textual.widgets import Static

from console.domain.catalogue import Listing
from console.domain.forms import Form, form_of
from console.domain.text.safe import safe
from console.services.catalogue import params_verdict
from console.tables.columns import Cell
from console.tui.presenters.cells import Line
from console.tui.widgets.fields import ParamsArea
from console.tui.widgets.params_form import ParamsForm


class ParamsEditor(Horizontal):
    """The JSON text is what is sent. The form writes into it, and shows only params that it can show in full.

    What is typed bubbles up as `TextArea.Changed` and `ParamsForm.Changed`.
    """

    def __init__(
        self, text: str, params_fault: Callable[[str], str | None], listing: Callable[[], Listing]
    ) -> None:
        """`listing` returns the catalogue's entry for the type that is typed now."""
        super().__init__(id="params-row", classes="row")
        self._params_fault = params_fault
        self._listing = listing
        self._as_json = False
        self._area = ParamsArea(text, compact=True, id="params", show_line_numbers=False)
        self._form = ParamsForm(self._area.load_text, id="params-form")

    def compose(self) -> ComposeResult:
        yield Static("params", classes="name", markup=False)
        yield self._area
        yield self._form

    @property
    def text(self) -> str:
        """The params as JSON text."""
        return self._area.text

    def load(self, text: str) -> None:
        """Replace the params."""
        self._area.load_text(text)

    @property
    def shown_text(self) -> str:
        """The params for a preview; an ellipsis while the form contains something else."""
        return "…" if self._form.display and self._form.behind else self.text

    def show(self) -> None:
        """Show the form if there is one for these params, otherwise the JSON."""
        form = None if self._as_json else self._possible_form
        if form is not None and self._form.can_show(form, self.text):
            self._form.show(form, self.text)
        else:
            form = None
        if self._form.display != (form is not None):
            self._form.display, self._area.display = form is not None, form is None

    @property
    def no_form(self) -> str | None:
        """Why the form cannot be shown; None if it can."""
        form = self._possible_form
        if form is None:
            return "no catalogue describes the params of this command"
        if self._as_json and not self._form.can_show(form, self.text):
            return "the params hold something that the form cannot show"
        return None

    def toggle_form(self) -> None:
        """Switch between the form and the JSON; takes effect with the next `show`."""
        self._as_json = not self._as_json

    def focus_first(self) -> None:
        """Focus the field or editor of the params."""
        if self._form.display:
            self._form.focus_first()
        else:
            self._area.focus()

    @property
    def _possible_form(self) -> Form | None:
        entry = self._listing().agreed
        return form_of(entry.params_schema) if entry else None

    # What is wrong with the params

    @property
    def text_fault(self) -> str | None:
        """Why the JSON cannot be sent."""
        return self._params_fault(self.text)

    @property
    def form_fault(self) -> str | None:
        """Why the form as filled in cannot be sent; the same params can be sent as JSON."""
        if not self._form.display:
            return None
        if self._form.faults:
            return self._form.faults[0]
        listing = self._listing()
        return self.verdict if listing.agreed and not listing.lacking else None

    @property
    def verdict(self) -> str | None:
        """A warning that the catalogue does not accept type or params."""
        listing = self._listing()
        return params_verdict(listing, self.text) if listing.command_type else None

    def check_line(self) -> Line:
        """Return what is wrong with the params, or a description of them."""
        text = self.text
        fault = self.text_fault or (
            self._form.faults[0] if self._form.display and self._form.faults else None
        )
        if fault:
            return (Cell(safe(fault, 400), "bad"),)
        warning = self.verdict
        form = self._possible_form
        if self._as_json and form is not None and self._form.behind and self._form.holds(form, text):
            warning = f"An entry of the form is not in this JSON: {self._form.faults[0]}."
        if warning:
            return (Cell(safe(warning, 400), "warn"),)
        size = f"{len(text.encode('utf-8', 'surrogatepass')):,} bytes"
        entry = self._listing().agreed
        if entry is None or entry.params_schema is None:
            return (Cell(f"a JSON object, {size}", "dim"),)
        return (Cell(f"{safe(entry.name, 60)}: fits its catalogue, {size}", "dim"),)

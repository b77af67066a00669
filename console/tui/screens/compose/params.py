"""A sheet whose params are a form where the catalogue describes them, and JSON everywhere else."""

from collections.abc import Sequence

from textual import on

from console.domain.catalogue import Catalogue, Listing
from console.domain.forms import Form, form_of
from console.domain.text.safe import safe
from console.services.catalogue import params_verdict
from console.tui.presenters.cells import Cell, Line
from console.tui.screens.compose.fields import SheetAids
from console.tui.state.console_state import ConsoleState, Sheet
from console.tui.widgets.params_form import ParamsForm


class FormSheet(SheetAids):
    """The JSON text is what counts; the form writes into it, and shows only what it can show whole."""

    def __init__(self, state: ConsoleState, sheet: Sheet, device_ids: Sequence[str]) -> None:
        super().__init__(state, sheet)
        self.device_ids = tuple(device_ids)
        self._catalogue: Catalogue | None = None
        self._as_json = False
        self._form = ParamsForm(self._params.load_text, id="params-form")

    async def read_catalogue(self) -> Catalogue:
        """Read it once for a sheet.

        Raises:
            ConsoleError: the database did not answer.
        """
        if self._catalogue is None:
            self._catalogue = await self.state.program.catalogues.of_devices(
                self.state.tenant, self.device_ids
            )
        return self._catalogue

    @property
    def _listing(self) -> Listing:
        return (self._catalogue or Catalogue()).listing(self._type.value)

    @property
    def _dangerous(self) -> bool:
        """Whether the type is one that asks first."""
        flag = self._listing.danger_for(len(self.device_ids))
        return self.state.program.danger.asks(self._type.value, flag)

    @property
    def _possible_form(self) -> Form | None:
        entry = self._listing.agreed
        return form_of(entry.params_schema) if entry else None

    @property
    def _no_form(self) -> str | None:
        """Why there is no form to change to."""
        form = self._possible_form
        if form is None:
            return "no catalogue describes the params of this command"
        if self._as_json and not self._form.can_show(form, self._params.text):
            return "the params hold what the form has no place for"
        return None

    @property
    def _catalogue_says(self) -> str | None:
        """What the catalogue has against type and params: a warning."""
        return params_verdict(self._listing, self._params.text) if self._type.value else None

    @property
    def _form_fault(self) -> str | None:
        """What keeps a filled-in form from being sent; the JSON may say the same and be sent."""
        if not self._form.display:
            return None
        if self._form.faults:
            return self._form.faults[0]
        return self._catalogue_says if self._listing.agreed and not self._listing.lacking else None

    def show_params(self) -> None:
        """Show the form where there is one for these params, the JSON elsewhere."""
        form = None if self._as_json else self._possible_form
        if form is not None and self._form.can_show(form, self._params.text):
            self._form.show(form, self._params.text)
        else:
            form = None
        if self._form.display != (form is not None):
            self._form.display, self._params.display = form is not None, form is None

    def check_line(self) -> Line:
        """What is wrong with the params, or what they are."""
        text = self._params.text
        fault = self.state.program.sender.params_fault(text) or (
            self._form.faults[0] if self._form.display and self._form.faults else None
        )
        if fault:
            return (Cell(safe(fault, 400), "bad"),)
        says = self._catalogue_says
        form = self._possible_form
        if self._as_json and form is not None and self._form.behind and self._form.holds(form, text):
            says = f"The form says something else, which is not in this JSON: {self._form.faults[0]}."
        if says:
            return (Cell(safe(says, 400), "warn"),)
        size = f"{len(text.encode('utf-8', 'surrogatepass')):,} bytes"
        entry = self._listing.agreed
        if entry is None or entry.params_schema is None:
            return (Cell(f"a JSON object, {size}", "dim"),)
        return (Cell(f"{safe(entry.name, 60)}: fits its catalogue, {size}", "dim"),)

    @on(ParamsForm.Changed)
    def _field_typed(self) -> None:
        self.repaint()
        self.refresh_chrome()

    def action_form(self) -> None:
        if self.refuse("form"):
            return
        self._as_json = not self._as_json
        self.repaint()
        self.refresh_chrome()
        self.focus_params()

    def focus_params(self) -> None:
        """Go to what the params are typed into."""
        if self._form.display:
            self._form.focus_first()
        else:
            self._params.focus()

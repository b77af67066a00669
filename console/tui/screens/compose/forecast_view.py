"""What will happen when the command is sent, in the rows that the fields around it leave."""

from datetime import datetime

from console.domain.forecast import Plan, Sentence, forecast
from console.tables.columns import Cell
from console.tui.presenters.cells import Line
from console.tui.presenters.compose import wrapped_forecast
from console.tui.screens.base import SHORT
from console.tui.widgets.text import Lines

_INDENT = "  "
_ALL = 100  # rows
_LEAST = 2  # rows: the first and the worst sentence


class ForecastView(Lines):
    """A heading, where there is room for one, and as many sentences as fit; what is left out is counted.

    It has the height that its sentences need, or what the rows around it leave.
    """

    def __init__(self) -> None:
        super().__init__(id="forecast")
        self._sentences: tuple[Sentence, ...] = ()

    def show_plan(self, plan: Plan | None, now: datetime) -> None:
        """Show the forecast of a plan; None while the devices are looked up."""
        self._sentences = forecast(plan, now) if plan else ()
        self._fit()

    def on_resize(self) -> None:
        self._fit()

    def _fit(self) -> None:
        width, height = self.size
        if not self._sentences or not width:
            self.show([(Cell("The devices are being looked up…", "dim"),)])
            return
        heading: list[Line] = []
        if self.app.size.height >= SHORT:
            heading = [(Cell("What will happen", "accent"),)]
        wanted = len(self._lines(width, _ALL)) + len(heading)
        if self.styles.max_height is None or self.styles.max_height.value != wanted:
            self.styles.max_height = wanted
        lines = self._lines(width, max(_LEAST, height - len(heading)))
        self.show([*heading, *((Cell(_INDENT), *line) for line in lines)])

    def _lines(self, width: int, rows: int) -> list[Line]:
        return wrapped_forecast(self._sentences, width - len(_INDENT) - 1, rows)

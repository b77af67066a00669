"""The sentence under the header: which link is down and what that means, or else the headline."""

from console.tables.columns import Cell
from console.tui.presenters.cells import fit_text
from console.tui.presenters.header import banner_line, headline_lines
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.text import Lines


class Banner(Lines):
    """The banner. Its row is always reserved, so that nothing moves; on a low screen it covers the title.

    There it stands only for trouble.
    """

    def refresh_from(self, state: ConsoleState, key: str, tour: str) -> None:
        """Draw it; `key` opens what the headline is about, empty where it is typed as text.

        A step of the `tour` stands in place of the headline, and gives way to a link that is down.
        """
        view, now, width = state.program.health.view(), state.clock.now(), self.app.size.width - 2
        acts = not state.program.read_only
        text = banner_line(view, state.outbox, state.link_problem, now, width, acts=acts)
        self.set_class(bool(text), "-up")
        if text or not tour:
            self.show([(Cell(text),)] if text else headline_lines(state.headline, width, key, state.zone))
        else:
            self.show([(Cell(fit_text(tour, width).rstrip(), "accent"),)])

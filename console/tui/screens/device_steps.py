"""The way back from the list of devices: one step at a time, in the order that the footer shows."""

from console.tui.screens.base import FIRST_SCREEN, ConsoleScreen
from console.tui.screens.device_marks import DeviceMarks
from console.tui.state.messages import ShowOverview
from console.tui.widgets.filtered_list import FilteredList


class StepsBack:
    """The range, the filter, the marks, then the overview where that is the first screen."""

    def __init__(self, screen: ConsoleScreen, filtered: FilteredList, marks: DeviceMarks) -> None:
        self._screen = screen
        self._filtered = filtered
        self._marks = marks

    def back(self) -> None:
        """Go back one step."""
        marks = self._marks
        if marks.give_up_range() or self._filtered.clear_filter() or marks.clear():
            return
        if self._screen.state.overview_first:
            self._screen.app.post_message(ShowOverview())
        else:
            self._screen.say(FIRST_SCREEN)

    @property
    def label(self) -> str:
        """What the next step back is."""
        if self._marks.range_start is not None:
            return "give up the range"
        if self._filtered.can_clear:
            return "clear filter"
        if self._marks.keys:
            return "clear marks"
        return "overview" if self._screen.state.overview_first else "back"

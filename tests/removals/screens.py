"""What an operator is shown is what happens (G49)."""

from tests.removals import Removal

_COMPOSE = "tests/tui/test_screen_compose.py::test_"
_GO = "tests/tui/test_go.py::test_"
_OVERVIEW = "tests/tui/test_screen_overview.py::test_"

REMOVALS = (
    Removal(
        "G49",
        "the type that is marked taken by enter",
        "console/tui/widgets/type_input.py",
        "        self._take_marked()\n        await super().action_submit()\n",
        "        await super().action_submit()\n",
        f"{_COMPOSE}enter_takes_the_type_that_is_marked_and_nothing_else",
    ),
    Removal(
        "G49",
        "a draft for its own devices",
        "console/tui/state/console_state.py",
        "        key = (self.tenant, origin, device_ids)\n",
        "        key = (self.tenant, origin, ())\n",
        f"{_COMPOSE}a_draft_that_comes_back_is_called_one_and_an_edit_is_kept_apart",
    ),
    Removal(
        "G49",
        "a filter that is continued at its end",
        "console/tui/widgets/filter_bar.py",
        "            select_on_focus=False,\n",
        "            select_on_focus=True,\n",
        "tests/tui/test_screen_devices.py::test_a_filter_is_continued_at_its_end_and_earlier_ones_come_back",
    ),
    Removal(
        "G49",
        "exactly the rows of the headline",
        "console/tui/screens/history.py",
        "terms=(*typed.terms, *self._only))",
        "terms=typed.terms)",
        f"{_OVERVIEW}h_stands_on_exactly_the_rows_of_the_headline_on_any_screen",
    ),
    Removal(
        "G49",
        "no headline where nobody counts",
        "console/tui/state/console_state.py",
        "            self.headline = found.value if found.freshness.has_worker else None\n",
        "            self.headline = found.value\n",
        f"{_OVERVIEW}without_a_worker_that_counts_there_is_no_headline",
    ),
    Removal(
        "G49",
        "a cell for a single bad end",
        "console/tui/presenters/charts.py",
        "    cells = min(rows, ceil(ended.bad / unit))\n",
        "    cells = min(rows, ended.bad // unit)\n",
        "tests/unit/test_overview.py::test_a_minute_in_which_something_ended_badly_has_a_cell_below_the_axis",
    ),
    Removal(
        "G49",
        "the minute kept while its rows are looked at",
        "console/tui/screens/overview.py",
        "            self._ends.open_column(column, figures, self._at(column))\n",
        "            self._ends.open_column(column, figures, self._at(column))\n            self.cursor = None\n",
        f"{_OVERVIEW}a_minute_of_the_chart_opens_what_ended_badly_in_it_and_comes_back_to_it",
    ),
    Removal(
        "G52",
        "the bar before the first of several that nobody has seen",
        "console/tui/screens/dialogs/choices.py",
        "            return fit[0] if len(fit) == 1 and fit[0].id.startswith(text) and len(text) > 1 else None\n",
        "            return fit[0]\n",
        f"{_GO}a_text_that_comes_with_its_enter_takes_only_what_it_names",
    ),
    Removal(
        "G52",
        "acts left out of what may be taken unseen",
        "console/tui/screens/dialogs/choices.py",
        "    for kinds in ({Kind.DEVICE}, {Kind.SCREEN}, {Kind.SITE}, {Kind.BATCH, Kind.COMMAND}, {Kind.VIEW}):\n",
        "    for kinds in ({Kind.DEVICE}, {Kind.SCREEN}, {Kind.SITE}, {Kind.BATCH, Kind.COMMAND}, {Kind.ACT}):\n",
        f"{_GO}a_text_that_comes_with_its_enter_takes_only_what_it_names",
    ),
    Removal(
        "G52",
        "letters that go nowhere before they were seen",
        "console/tui/screens/dialogs/jump.py",
        "        if self._seen_at is None or event.time < self._seen_at:\n            return\n",
        "",
        "tests/tui/test_jump.py::test_a_letter_that_nobody_could_have_read_goes_nowhere",
    ),
)

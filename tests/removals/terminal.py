"""What lets a thin line and whatever a terminal sends do no harm."""

from tests.removals import Removal

_FROM = "tests/e2e/test_bytes_from_a_terminal.py::test_"
_TO = "tests/e2e/test_bytes_to_a_terminal.py::test_"

REMOVALS = (
    Removal(
        "G33",
        "the decoding that replaces what is no UTF-8",
        "console/tui/terminal/input.py",
        '        for character in self._take(size).decode("utf-8", "replace"):',
        '        for character in self._take(size).decode("utf-8"):',
        f"{_FROM}latin_1_is_pasted_into_a_field_with_what_it_cannot_say_replaced",
    ),
    Removal(
        "G33",
        "the dropping of a sequence that is unknown",
        "console/tui/terminal/input.py",
        "            self._parser = _Parser()\n\n    def _typed",
        "            pass\n\n    def _typed",
        f"{_FROM}what_is_no_key_acts_as_none",
    ),
    Removal(
        "G33",
        "the dropping of strings that a terminal answers",
        "console/tui/terminal/input.py",
        '_STRINGS = b"]PX^_"',
        '_STRINGS = b""',
        f"{_FROM}what_is_no_key_acts_as_none",
    ),
    Removal(
        "G33",
        "the crash of a thread",
        "console/tui/application/run.py",
        "            loop.call_soon_threadsafe(app.end_with, failed.exc_value)",
        "            pass",
        f"{_FROM}a_thread_that_fails_ends_the_program_as_a_crash",
    ),
    Removal(
        "G33",
        "the comparison of a frame with what stands there",
        "console/tui/terminal/painter.py",
        "        there = row[x : x + len(wanted)]\n",
        "        there = [_UNKNOWN] * len(wanted)\n",
        f"{_TO}a_screen_on_which_nothing_happens_costs_next_to_nothing",
    ),
    Removal(
        "G33",
        "the wait for the frame before",
        "console/tui/terminal/frames.py",
        "        if self._under_way or self._held():",
        "        if self._held():",
        f"{_TO}frames_do_not_queue_up_for_a_terminal_that_does_not_take_them",
    ),
    Removal(
        "G33",
        "the sleep of a screen that is covered",
        "console/tui/screens/base.py",
        "        if not self.is_active:\n            return\n        if self._reading:",
        "        if self._reading:",
        "tests/tui/test_covered_screens.py::test_a_covered_screen_reads_nothing_until_it_is_seen_again",
    ),
    Removal(
        "G25",
        "the gate before the streams of the shell",
        "console/cli/run.py",
        "    guard_terminals()\n",
        "",
        "tests/guarantees/test_shell_on_a_terminal.py::test_a_terminal_gets_no_control_code_from_any_command",
    ),
)

"""What keeps text harmless and secrets in."""

from tests.removals import Removal

_TERMINAL = "tests/guarantees/test_terminal.py::test_"
_SECRETS = "tests/guarantees/test_secrets.py::test_"

REMOVALS = (
    Removal(
        "G25",
        "the gate for untrusted text, on the screen",
        "console/domain/text/safe.py",
        "    if len(raw) <= limit:\n        return cleaned\n",
        "    if len(raw) <= limit:\n        return raw\n",
        f"{_TERMINAL}no_control_code_of_a_hostile_database_reaches_the_terminal",
    ),
    Removal(
        "G25",
        "the gate for untrusted text, in the shell",
        "console/domain/text/safe.py",
        "    if len(raw) <= limit:\n        return cleaned\n",
        "    if len(raw) <= limit:\n        return raw\n",
        f"{_TERMINAL}no_control_code_reaches_a_pipe_from_shell_commands",
    ),
    Removal(
        "G25",
        "the cleaning of an operator's name",
        "console/services/sender.py",
        "if c.isprintable())).strip()[:MAX_NAME_LENGTH]",
        "if c)).strip()[:MAX_NAME_LENGTH]",
        f"{_TERMINAL}hostile_words_in_the_environment_are_harmless",
    ),
    Removal(
        "G26",
        "the masks of the configuration",
        "console/settings.py",
        '    return "********" if name in SECRETS else str(value)',
        "    return str(getattr(value, 'get_secret_value', lambda: value)())",
        f"{_SECRETS}no_shell_command_prints_a_secret_whatever_is_wrong",
    ),
    Removal(
        "G26",
        "the addresses that print no secret",
        "console/store/access.py",
        "    url: str = field(repr=False)\n",
        "    url: str\n",
        f"{_SECRETS}no_address_prints_its_secret",
    ),
    Removal(
        "G25",
        "content that is taken literally",
        "console/tui/widgets/text.py",
        "    return Content.assemble(*[(part.text, STYLES[part.tone]) for cell in line for part in inked(cell)])",
        "    return Content.from_markup(''.join(cell.text for cell in line))",
        f"{_TERMINAL}what_looks_like_markup_is_shown_as_it_is_and_does_nothing",
    ),
    Removal(
        "G25",
        "markup=False in the form",
        "console/tui/widgets/params_form.py",
        'classes="field", markup=False)',
        'classes="field", markup=True)',
        f"{_TERMINAL}what_looks_like_markup_is_shown_as_it_is_and_does_nothing",
    ),
    Removal(
        "G26",
        "tracebacks without locals, in the report",
        "console/tui/application/crash.py",
        "traceback.format_exception(cause)",
        "list(traceback.TracebackException.from_exception(cause, capture_locals=True).format())",
        f"{_SECRETS}screen_worker_and_crash_report_hold_no_secret",
    ),
    Removal(
        "G26",
        "tracebacks without locals, on the screen",
        "console/tui/terminal/app.py",
        "    def _fatal_error(self) -> None:",
        "    def _own_fatal_error(self) -> None:",
        f"{_SECRETS}screen_worker_and_crash_report_hold_no_secret",
    ),
)

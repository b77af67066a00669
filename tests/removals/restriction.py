"""What keeps a reader from writing, and a restricted operator from the host."""

from tests.removals import Removal

_READING = "tests/store/test_reading.py::test_"
_SHELL = "tests/unit/test_restricted.py::test_"
_SCREEN = "tests/tui/test_restricted.py::test_"
_SSH = "tests/e2e/test_over_ssh.py::test_"

REMOVALS = (
    Removal(
        "G40",
        "transactions that begin read-only",
        "console/store/pool.py",
        "connection.transaction(readonly=self.only_reads)",
        "connection.transaction()",
        f"{_READING}nothing_can_be_inserted_through_a_view_that_reads",
    ),
    Removal(
        "G40",
        "the snapshot before anything else is sent",
        "console/store/pool.py",
        "                row = await connection.fetchrow(_ENTER, role, tenant_id, lock_wait)\n",
        "                row = {'read_only': False}\n",
        f"{_READING}no_statement_makes_the_transaction_writable_again",
    ),
    Removal(
        "G40",
        "the view in the wiring of a read-only program",
        "console/runtime/wiring.py",
        "    database = database.reading() if read_only else database\n",
        "",
        f"{_READING}a_read_only_program_reads_all_and_sends_nothing",
    ),
    Removal(
        "G40",
        "leaving standing sessions to those who write",
        "console/store/pool.py",
        "        async with self.fleet_session() as connection:\n            yield connection\n\n\n@asynccontextmanager\nasync def direct",
        "        async with super().fleet_statement() as connection:\n            yield connection\n\n\n@asynccontextmanager\nasync def direct",
        f"{_READING}functions_of_the_worker_write_nothing_either",
    ),
    Removal(
        "G40",
        "the difference between our refusal and a demoted server",
        "console/store/pool.py",
        "                if self.only_reads and is_read_only_refusal(error):\n",
        "                if False:\n",
        f"{_READING}a_refusal_leaves_the_connections_of_others_alone",
    ),
    Removal(
        "G40",
        "the leave to export that a reader needs",
        "console/settings.py",
        "        return not self.restricted and (self.allow_export or not self.read_only)\n",
        "        return not self.restricted\n",
        f"{_SHELL}a_read_only_shell_exports_into_files_only_if_asked_to",
    ),
    Removal(
        "G41",
        "the bar before the editor",
        "console/tui/keys/allowed.py",
        "    return NO_EDITOR if program.restricted else None\n",
        "    return None\n",
        f"{_SCREEN}no_editor_is_offered_or_started",
    ),
    Removal(
        "G41",
        "the bar before programs, seen by the witness",
        "console/tui/keys/allowed.py",
        "    return NO_EDITOR if program.restricted else None\n",
        "    return None\n",
        f"{_SSH}no_keys_start_a_program_or_open_a_file",
    ),
    Removal(
        "G41",
        "the bar before the export",
        "console/tui/keys/allowed.py",
        "    if program.restricted:\n        return _NO_FILE\n    return None if program.may_export else",
        "    return None if program.may_export or program.restricted else",
        f"{_SCREEN}no_export_is_offered_or_opened",
    ),
    Removal(
        "G41",
        "the bar before the export, seen by the witness",
        "console/tui/keys/allowed.py",
        "    if program.restricted:\n        return _NO_FILE\n    return None if program.may_export else",
        "    return None if program.may_export or program.restricted else",
        f"{_SSH}a_forced_command_opens_the_screen_whatever_the_client_asks_for",
    ),
    Removal(
        "G41",
        "the bar before the file of the theme",
        "console/tui/keys/allowed.py",
        "    is_free = not (program.restricted or program.read_only)\n",
        "    is_free = True\n",
        "tests/tui/test_themes.py::test_a_bound_console_writes_no_theme",
    ),
    Removal(
        "G41",
        "the bar before the director of the demo",
        "console/tui/keys/allowed.py",
        "    return None if program.restricted or program.read_only else program.director\n",
        "    return program.director\n",
        f"{_SCREEN}nobody_who_is_bound_directs_the_demo",
    ),
    Removal(
        "G41",
        "the bar before suspending",
        "console/tui/application/app.py",
        "        return not self._program.restricted\n",
        "        return True\n",
        f"{_SCREEN}ctrl_z_says_that_it_does_not_suspend",
    ),
    Removal(
        "G41",
        "the look before tmux is started",
        "console/tui/screens/clipboard.py",
        "    may_start = no_program(screen.state.program) is None\n",
        "    may_start = True\n",
        f"{_SCREEN}a_copy_starts_no_tmux",
    ),
    Removal(
        "G41",
        "the judgement of parsed arguments",
        "console/cli/run.py",
        "        refuse_host(verb, options, configuration.settings)\n",
        "",
        f"{_SSH}a_wrapper_that_passes_the_clients_words_on_stays_restricted",
    ),
    Removal(
        "G41",
        "the flags that the environment does not leave to the client",
        "console/settings.py",
        '        refuse_choice(flags, values, origins["restricted"])\n',
        "        pass\n",
        f"{_SHELL}no_flag_undoes_what_the_environment_has_fixed",
    ),
)

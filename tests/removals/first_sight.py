"""What a stranger sees first: a start that takes nothing from the folder around it and has no effect before its checks."""

from tests.removals import Removal

_FOLDER = "tests/e2e/test_strangers_folder.py::test_"
_SHARED = "tests/e2e/test_shared_folders.py::test_"
_START = "tests/unit/test_start.py::test_"
_NEITHER = f"{_FOLDER}a_strangers_folder_is_neither_run_nor_read"
_NO_SERVER = f"{_START}what_no_screen_can_be_made_of_starts_no_server"

REMOVALS = (
    Removal(
        "G34",
        "a Python that leaves out the folder",
        "run",
        'PYTHONPATH=$here exec "$python" -P -m',
        'PYTHONPATH=$here exec "$python" -m',
        _NEITHER,
    ),
    Removal(
        "G34",
        "a PYTHONPATH of our own",
        "run",
        "PYTHONPATH=$here exec",
        "PYTHONPATH=:$here exec",
        _NEITHER,
    ),
    Removal(
        "G34",
        "absolute folders in the PATH of ./run",
        "scripts/environment.sh",
        "case $folder in /*) kept=",
        "case $folder in *) kept=",
        _NEITHER,
    ),
    Removal(
        "G34",
        "absolute folders in the PYTHONPATH of children",
        "console/embedded/servers.py",
        "*filter(os.path.isabs, inherited)",
        "*inherited",
        f"{_FOLDER}what_a_child_inherits_names_no_folder_that_it_stands_in",
    ),
    Removal(
        "G34",
        "absolute folders in the PATH of the program",
        "console/cli/run.py",
        'if folder.startswith("/")]',
        "]",
        f"{_START}programs_are_sought_in_absolute_folders_only",
    ),
    Removal(
        "G34",
        "options in full words",
        "console/cli/parser.py",
        '{"allow_abbrev": False}',
        '{"allow_abbrev": True}',
        f"{_START}no_parser_takes_an_option_by_its_beginning",
    ),
    Removal(
        "G34",
        "the look at the terminal before the servers",
        "console/cli/run.py",
        "if options.command is None and not _has_no_screen(options):",
        "if options.command is None and _has_no_screen(options):",
        _NO_SERVER,
    ),
    Removal(
        "G34",
        "the look at theme and keys before the servers",
        "console/cli/run.py",
        "check_looks(settings.theme, settings.keys)",
        "_ = check_looks",
        _NO_SERVER,
    ),
    Removal(
        "G34",
        "a command line that is read before anything slow is imported",
        "console/cli/run.py",
        "    options = parse(arguments)\n",
        "    import asyncio\n\n    options = parse(arguments)\n",
        f"{_START}help_and_a_wrong_command_line_wait_for_no_import",
    ),
    Removal(
        "G36",
        "a name that nobody can guess",
        "console/embedded/directory.py",
        "folder = Path(tempfile.mkdtemp(prefix=_TEMPORARY, dir=base))",
        'folder = base / f"{_TEMPORARY}{_digest(self.root)}"',
        f"{_SHARED}a_socket_outside_lies_in_a_private_folder_whose_name_nobody_can_guess",
    ),
    Removal(
        "G36",
        "the look at who else may write in a temporary folder",
        "console/embedded/directory.py",
        "return nobody_else_may_replace(base) and (user",
        "return True and (user",
        f"{_SHARED}a_folder_in_which_others_may_replace_ours_is_not_used",
    ),
    Removal(
        "G36",
        "the look at what lies there beforehand",
        "console/embedded/directory.py",
        "not stat.S_ISDIR(status.st_mode) or status.st_uid not in {owner, os.geteuid()}",
        "status.st_uid not in {owner, os.geteuid()}",
        f"{_SHARED}a_link_that_lies_there_beforehand_is_refused",
    ),
    Removal(
        "G36",
        "the look at who else may replace root's home",
        "console/embedded/directory.py",
        "if nobody_else_may_replace(home) and all(",
        "if all(",
        f"{_SHARED}root_puts_nothing_where_somebody_else_may_replace_it",
    ),
    Removal(
        "G36",
        "an account for each server",
        "console/embedded/accounts.py",
        'BROKER = (OWN, "mosquitto", "nobody")',
        "BROKER = POSTGRES",
        f"{_SHARED}each_server_has_an_account_of_its_own",
    ),
)

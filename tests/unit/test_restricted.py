"""What a restricted or read-only console refuses on the command line, and which flags cannot undo it."""

import pytest

from console.cli.parser import parse
from console.errors import UsageError
from console.settings import Settings, load
from console.shell.registry import VERBS
from console.shell.verb import refuse_host, refuse_read_only

NOWHERE = {"CONSOLE_CONFIG": "/nowhere"}
WRAPPED = NOWHERE | {"CONSOLE_RESTRICTED": "1", "CONSOLE_TENANT": "acme,beta", "CONSOLE_OPERATOR": "alice"}
REFUSED = (
    "config show",
    "migrate",
    "ingest-slots 3",
    "retention 400d",
    "health --at 9464",
    "simulate",
    "demo reset",
    "export --output out.csv",
    "export pump-1 --format csv --output /tmp/x",
)
READING = (
    "overview",
    "stats --by site",
    "devices",
    "history",
    "types pump-1",
    "export",
    "export --format csv",
    "batches",
    "batch abc",
    "show abc",
    "problems",
    "favourites --keep reboot",
    "tail",
    "doctor",
    "send pump-1 reboot --params -",
    "cancel abc",
    "retry abc",
    "resume abc",
)


def judge(line: str, settings: Settings) -> None:
    options = parse(line.split())
    refuse_host(VERBS[options.command], options, settings)


@pytest.mark.parametrize("line", REFUSED)
def test_a_restricted_shell_refuses_what_reaches_the_host(line: str) -> None:
    """Without the look at the parsed arguments, an operator over SSH writes files with the account's rights."""
    with pytest.raises(UsageError, match="this console is restricted"):
        judge(line, Settings(restricted=True))
    judge(line, Settings())


@pytest.mark.parametrize("line", READING)
def test_a_restricted_shell_runs_the_rest(line: str) -> None:
    judge(line, Settings(restricted=True))


def test_every_command_was_judged() -> None:
    """Without it, a new command is allowed to restricted operators because nobody thought of them."""
    assert {line.split()[0] for line in (*REFUSED, *READING)} == set(VERBS)


def test_a_read_only_shell_exports_into_files_only_if_asked_to() -> None:
    """Without it, --read-only writes wherever the account may."""
    with pytest.raises(UsageError, match="add --allow-export"):
        judge("export --output out.csv", Settings(read_only=True))
    judge("export", Settings(read_only=True))
    judge("export --output out.csv", Settings(read_only=True, allow_export=True))
    with pytest.raises(UsageError, match="restricted"):
        judge("export --output out.csv", Settings(read_only=True, allow_export=True, restricted=True))


def test_doctor_publishes_nothing_for_a_reader() -> None:
    with pytest.raises(UsageError, match="--read-only forbids changes"):
        refuse_read_only(VERBS["doctor"], parse(["doctor", "--probe"]), Settings(read_only=True))


@pytest.mark.parametrize(
    ("line", "place"),
    [
        ("--home /tmp/x devices", "--home"),
        ("devices --embedded", "--embedded"),
        ("--accept-copy devices", "--accept-copy"),
        ("devices --allow-export", "--allow-export"),
        ("devices --tenant rival", "--tenant"),
        ("devices --tenant acme,rival", "--tenant"),
        ("devices --operator root", "--operator"),
        ("--restricted devices --operator root", "--operator"),
    ],
)
@pytest.mark.parametrize("word", ["1", "yes", "on"])
def test_no_flag_undoes_what_the_environment_has_fixed(line: str, place: str, word: str) -> None:
    """Without it, a wrapper that passes SSH_ORIGINAL_COMMAND on lets the client choose tenant and folder."""
    flags = vars(parse(line.split()))
    with pytest.raises(UsageError, match=rf"^{place} cannot be chosen .*\(CONSOLE_RESTRICTED\)"):
        load(flags, WRAPPED | {"CONSOLE_RESTRICTED": word})
    load(flags, WRAPPED | {"CONSOLE_RESTRICTED": "off"})


def test_the_file_fixes_as_the_environment_does(tmp_path) -> None:
    file = tmp_path / "config.toml"
    file.write_text("restricted = true\n")
    with pytest.raises(UsageError, match=r"--tenant cannot .*config\.toml, line 1\)"):
        load({"tenant": "acme"}, {"CONSOLE_CONFIG": str(file)})


def test_flags_may_take_more_away_and_choose_among_what_is_fixed() -> None:
    flags = vars(parse(["devices", "--tenant", "beta", "--operator", "alice", "--read-only", "--restricted"]))
    settings = load(flags, WRAPPED).settings
    assert (settings.tenants, settings.read_only, settings.restricted) == (("beta",), True, True)


def test_beside_the_flag_other_flags_are_the_administrators() -> None:
    """A forced command fixes its whole line, and the client's environment does not undo it."""
    flags = vars(parse(["--restricted", "--tenant", "acme", "--home", "/srv/x"]))
    settings = load(flags, NOWHERE | {"CONSOLE_RESTRICTED": "0"}).settings
    assert settings.restricted
    assert not settings.may_export
    assert str(settings.home) == "/srv/x"

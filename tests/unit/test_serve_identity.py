"""Whom a key stands for, and which shell commands it may run: decided by the server's own file, and by parsed words."""

import random
import shlex
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import asyncssh
import pytest

from console.cli.parser import build_parser, parse
from console.errors import UsageError
from console.runtime.addresses import listening_address
from console.serve.authorized_keys import AuthorizedKeys
from console.serve.commands import ACTS, MOST_CHARACTERS, OF_THE_SERVER, READS, allowed
from console.serve.host_key import NAME, host_key
from console.serve.identity import Identity, NotAdmittedError, identity_of
from console.serve.strangers import Strangers
from console.shell.registry import SUMMARIES

KIM = Identity(("acme",), "kim", read_only=False, fingerprint="SHA256:k")
READER = Identity(("acme",), "kim", read_only=True, fingerprint="SHA256:r")
NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
TENANT: Mapping[str, object] = {"environment": {"CONSOLE_TENANT": "acme"}}


def who(**options: object) -> Identity:
    return identity_of({**TENANT, **options}, "SHA256:abcdefghij", NOW)


def test_the_options_of_a_line_say_who_somebody_is() -> None:
    environment = {
        "CONSOLE_TENANT": " acme, rival,acme,",
        "CONSOLE_OPERATOR": "kim\x1b[31m",
        "CONSOLE_READ_ONLY": "yes",
    }
    found = identity_of({"environment": environment}, "SHA256:x", NOW)
    assert found == Identity(("acme", "rival"), "kim[31m", read_only=True, fingerprint="SHA256:x")
    assert who() == Identity(("acme",), "key cdefghij", read_only=False, fingerprint="SHA256:abcdefghij")


@pytest.mark.parametrize(
    "environment", [{}, {"CONSOLE_TENANT": " , "}, {"CONSOLE_TENANT": "a/b"}, {"CONSOLE_TENANT": "acme,+"}, True, None]
)  # fmt: skip
def test_a_key_without_a_tenant_that_can_be_used_admits_nobody(environment: object) -> None:
    with pytest.raises(NotAdmittedError, match="tenant"):
        identity_of({"environment": environment}, "SHA256:x", NOW)


@pytest.mark.parametrize(
    ("given", "ends"),
    [("20260601120001Z", NOW + timedelta(seconds=1)), ("202606011201Z", NOW + timedelta(minutes=1)),
     ("20260602Z", datetime(2026, 6, 2, tzinfo=UTC))],
)  # fmt: skip
def test_a_key_is_taken_until_its_time_is_over(given: str, ends: datetime) -> None:
    options = {**TENANT, "expiry-time": [given]}
    assert identity_of(options, "x", ends - timedelta(seconds=1)).operator
    with pytest.raises(NotAdmittedError, match="expired"):
        identity_of(options, "x", ends)


@pytest.mark.parametrize(
    "given", ["", "soon", "2026", "20260601T1200", "99999999", "20260631", "２０２６０６０１", "20260601z", True, "20270101,1"]
)  # fmt: skip
def test_an_end_that_cannot_be_read_admits_nobody(given: object) -> None:
    """Without that, a slip in the year would make a key good for ever."""
    with pytest.raises(NotAdmittedError, match="expiry-time"):
        who(**{"expiry-time": [given] if isinstance(given, str) else given})


@pytest.mark.parametrize(
    "name",
    ["command", "Expiry-Time", "FROM", "Environment", "principals", "cert-authority", "no-pty", "verify-required", "odd"],
)  # fmt: skip
def test_an_option_that_is_not_understood_admits_nobody(name: str) -> None:
    """Without that, what sshd would restrict, whatever the case of its name, was not restricted here."""
    with pytest.raises(NotAdmittedError, match=f"option {name} "):
        who(**{name: ["x"]})


def test_restrict_needs_pty() -> None:
    assert who(restrict=True, pty=True, **{"no-X11-forwarding": True}).operator
    with pytest.raises(NotAdmittedError, match="pty"):
        who(restrict=True)


@pytest.fixture
def key() -> asyncssh.SSHKey:
    return asyncssh.generate_private_key("ssh-ed25519")


def _public(key: asyncssh.SSHKey) -> str:
    return key.export_public_key().decode().strip()


def _keys(path: Path, text: str, mode: int = 0o600) -> AuthorizedKeys:
    path.write_bytes(text.encode("utf-8", "surrogateescape"))
    path.chmod(mode)
    return AuthorizedKeys(path)


def _options(keys: AuthorizedKeys, key: asyncssh.SSHKey, address: str = "127.0.0.1") -> object:
    return keys.options_of(key.convert_to_public(), address, address)


def test_a_line_that_cannot_be_read_admits_nobody_and_spoils_no_other(
    tmp_path: Path, key: asyncssh.SSHKey, caplog: pytest.LogCaptureFixture
) -> None:
    other = asyncssh.generate_private_key("ssh-ed25519")
    bad = 'environment="CONSOLE_TENANT=acme ssh-ed25519 AAAA\nenvironment="x" ' + _public(other)
    keys = _keys(tmp_path / "k", f"# {_public(other)}\n\n{bad}\n\udcff\n{_public(key)} me\r\n")
    keys.check()
    assert (_options(keys, key), _options(keys, other)) == ({}, None)
    assert [line for line in (3, 4, 5) if f"line {line} of" in caplog.text] == [3, 4, 5]
    assert "AAAA" not in caplog.text


@pytest.mark.parametrize("end", ["\x0b", "\x0c", "\x1c", "\x85", "\u2028", "\r"])
def test_a_comment_hides_no_second_key(tmp_path: Path, key: asyncssh.SSHKey, end: str) -> None:
    """Without that, whose key an administrator pastes could name a tenant behind such a character."""
    hidden = asyncssh.generate_private_key("ssh-ed25519")
    keys = _keys(
        tmp_path / "k", f'{_public(key)} me{end}environment="CONSOLE_TENANT=rival" {_public(hidden)}\n'
    )
    assert (_options(keys, hidden), _options(keys, key)) == (None, None)


def test_no_bytes_in_the_file_are_a_defect(tmp_path: Path, key: asyncssh.SSHKey) -> None:
    chance = random.Random(7)
    parts = ("environment=", '"', "CONSOLE_TENANT=acme", ",", " ", "\t", "\\", "ssh-ed25519", "ssh-rsa", "AAAA", "from=", "=",
             "expiry-time=", _public(key)[12:], "\0", "\xa0", "cert-authority", "subject=", "permitopen=", "10.0.0.0/99")  # fmt: skip
    for number in range(150):
        line = "".join(chance.choice(parts) for _ in range(chance.randrange(1, 9)))
        assert _options(_keys(tmp_path / f"k{number}", line), key) in (None, {}) or "AAAA" in line or key, (
            line
        )


def test_from_is_looked_at(tmp_path: Path, key: asyncssh.SSHKey) -> None:
    keys = _keys(tmp_path / "k", f'from="10.0.0.0/8" {_public(key)}\n')
    assert _options(keys, key) is None
    assert _options(keys, key, "10.1.2.3") is not None


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666])
def test_a_file_that_others_may_write_admits_nobody(tmp_path: Path, key: asyncssh.SSHKey, mode: int) -> None:
    keys = _keys(tmp_path / "k", _public(key), mode)
    assert _options(keys, key) is None
    with pytest.raises(UsageError, match="Others may write"):
        keys.check()
    keys.path.chmod(0o644)
    assert _options(keys, key) is not None


def test_a_start_needs_a_file_that_admits_somebody(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        AuthorizedKeys(tmp_path / "none").check()
    with pytest.raises(UsageError, match="No line"):
        _keys(tmp_path / "k", "# nobody\n").check()


def test_the_host_keeps_its_key(tmp_path: Path) -> None:
    made = host_key(tmp_path / "new")
    assert host_key(tmp_path / "new").get_fingerprint() == made.get_fingerprint()
    assert [(path.name, path.stat().st_mode & 0o777) for path in (tmp_path / "new").iterdir()] == [
        (NAME, 0o600)
    ]
    (tmp_path / "new" / NAME).write_text("no key")
    with pytest.raises(UsageError, match="move it away"):
        host_key(tmp_path / "new")


# Shell commands


def refusal(text: str, identity: Identity = KIM) -> str:
    """The sentence that refuses this; empty if it may be run."""
    try:
        return "" if allowed(text, identity, parse).name else "help"
    except NotAdmittedError as error:
        return str(error)


@pytest.mark.parametrize("name", SUMMARIES)
def test_only_some_commands_may_be_run(name: str) -> None:
    """Without the list, a new command would be open to all who have a key."""
    examples = {"types": "types d", "show": "show x", "batch": "batch x", "cancel": "cancel x", "retry": "retry x",
                "resume": "resume x", "send": "send d ping", "config": "config show", "demo": "demo reset"}  # fmt: skip
    text = examples.get(name, name)
    assert (refusal(text) == "") == (name in READS | ACTS), text
    assert (refusal(text, READER) == "") == (name in READS), text


@pytest.mark.parametrize(
    "text",
    [
        "devices --tenant rival", "--tenant=rival devices", "devices --ten rival", "devices --t=rival", "devices --tenant ''",
        'devices "--tenant" rival', r"devices --ten\ant rival", "devices '--tenant=rival'", "devices --operator ''",
        "--operator root history", "history --operator=x", "export --output /tmp/x", "export --output=-", "export --out x",
        "send pump-1 ping --params -", "send pump-1 ping --params=-", "--home /tmp devices", "devices --home=/",
        "--embedded devices", "--restricted devices", "--read-only devices", "--allow-export export", "--accept-copy devices",
        "--sweeper", "--serve-ssh 0", "--serve-web 0", "--serve-ssh 0 --guests", "", "  ", "''", "'' devices", "sh", "sh -c id",
        "/bin/sh", "devices; id", "devices\0", "doctor", "migrate", "ingest-slots 3", "simulate", "demo reset",
        "config show", "favourites", "devices '", "-- sh", "scp -t /tmp", "scp -f /etc/passwd", "internal-sftp", "\x1b[31m",
        "devices " + "x" * MOST_CHARACTERS, "@/etc/passwd", "export pump-1 --output ''", "devices --json=1", "devices --",
    ],
)  # fmt: skip
def test_what_would_leave_the_identity_or_the_console_is_refused(text: str) -> None:
    """Without the look at what the parser made of the words, a spelling that nobody thought of passes."""
    if text == "devices --":
        assert allowed(text, KIM, parse).name == "devices"
        return
    found = refusal(text)
    assert found not in {"", "help"}, text
    assert "\x1b" not in found
    assert len(found) < 400


_HARMLESS = {
    "--by", "--columns", "--count", "--device", "--format", "--help", "--id", "--json", "--limit", "--params", "--quiet",
    "--reason", "--reverse", "--since", "--sort", "--timeout", "--ttl", "--version", "--wait", "--where", "--yes", "-h",
}  # fmt: skip


def test_every_option_was_judged() -> None:
    """Without it, a new option that names a file or a tenant of the server passes because nobody thought of it."""
    parser = build_parser()
    for name in READS | ACTS:
        parser.verbs[name].load()
    known = parser.options.union(*(parser.verbs[name].options for name in READS | ACTS))
    barred = {f"--{name.replace('_', '-')}" for name in OF_THE_SERVER}
    assert known - barred - _HARMLESS == set()
    assert barred <= known
    assert known >= _HARMLESS


def test_help_is_printed_and_runs_nothing() -> None:
    assert "COMMAND" in allowed("--help", KIM, parse).help_text
    assert allowed("send --help", KIM, parse).name == ""


_WORDS = (
    *SUMMARIES, "--tenant", "rival", "--tenant=rival", "--operator", "eve", "--home", "/x", "--embedded", "--read-only",
    "--restricted", "--allow-export", "--accept-copy", "--sweeper", "--serve-ssh", "0", "--serve-web", "--guests", "--output",
    "--output=/tmp/x", "--params", "-", "--params=-", "--where", "--json", "--", "--te", "--o", "-status:offline", "pump-1",
    "ping", "--yes", "--wait", "--timeout", "3", "--format", "csv", "--limit", "--version", "--help", "show", "reset", "x*",
    "--tenant\u00a0rival", "－－tenant", "--tenant rival", "", " ", "@f", "--count", "--device", "--reason",
)  # fmt: skip


@pytest.mark.parametrize("seed", range(4))
def test_no_words_reach_another_tenant_operator_or_file(seed: int) -> None:
    """Whatever passes is a listed command whose parsed words, behind the key's own flags, still name the key's operator."""
    chance, passed = random.Random(seed), 0
    for _ in range(120):
        words = [chance.choice(_WORDS) for _ in range(chance.randrange(1, 6))]
        text = shlex.join(words) if chance.random() < 0.8 else " ".join(words)
        try:
            found = allowed(text, READER, parse)
        except NotAdmittedError:
            continue
        if not found.name:
            continue
        passed += 1
        run = parse(["--tenant=acme", "--operator=kim", "--restricted", "--read-only", *found.words])
        assert (run.command, run.tenant, run.operator) == (found.name, "acme", "kim"), text
        assert run.command in READS, text
        assert run.restricted is run.read_only is True, text
        others = (run.sweeper, run.serve_ssh, run.serve_web, run.guests, run.home, run.embedded)
        assert not any(others), text
        assert getattr(run, "output", None) is None, text
    assert passed > 2


# The rest


def test_strangers_of_one_address_are_bounded_and_the_oldest_of_all_makes_room() -> None:
    """Without that, some addresses that connect and wait keep everybody out."""
    ended: list[object] = []
    strangers = Strangers(2, most=3)

    def admit(who: str, address: str) -> bool:
        return strangers.admit(who, address, lambda: ended.append(who))

    assert [admit("a", "1"), admit("b", "1"), admit("c", "1"), admit("d", "2")] == [True, True, False, True]
    assert ended == []
    assert admit("e", "3")
    assert ended == ["a"]
    assert admit("f", "1"), "the address of the one that made room has room again"
    for name in "abcdefx":
        strangers.leave(name)
    assert all(admit(name, "1") for name in "gh")
    assert not admit("i", "1")


@pytest.mark.parametrize(
    ("text", "found"),
    [("22", ("127.0.0.1", 22)), ("10.0.0.1:2222", ("10.0.0.1", 2222)), ("[::1]:22", ("::1", 22)), (":0", ("127.0.0.1", 0))],
)  # fmt: skip
def test_an_address_to_listen_on(text: str, found: tuple[str, int]) -> None:
    assert listening_address(text, "--serve-ssh") == found


@pytest.mark.parametrize("text", ["", "x", "host", "70000", "1:x", "²", "-1"])
def test_an_address_that_is_none(text: str) -> None:
    with pytest.raises(UsageError, match="needs a port"):
        listening_address(text, "--serve-ssh")

"""What OpenSSH's own client tries against a server: another tenant, a wrong key, a terminal that takes nothing, a favourite."""

import json
import re
import sys
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any, cast

import asyncpg
import pytest

from console.store.access import Access
from tests.conftest import Fleet
from tests.e2e.test_serve_stalled import acted
from tests.faults.processes import environment
from tests.faults.served import ACME, NOWHERE, Keys, Served, communicate, served
from tests.faults.terminal import Terminal
from tests.needs import find_program
from tests.rows import add_command
from tests.waiting import until

pytestmark = [pytest.mark.ssh, pytest.mark.proc]

MIB = 1_048_576
CTRL_Q, ESC, F6 = "\x11", "\x1b", "\x1b[17~"
WISHES = (
    "-o", "SetEnv=CONSOLE_TENANT=acme CONSOLE_OPERATOR=root CONSOLE_READ_ONLY=0 CONSOLE_RESTRICTED=0 DATABASE_URL=x PYTHONPATH=/x",
)  # fmt: skip
SCREENS = 400


@pytest.fixture
async def server(access: Access, fleet: Fleet, tmp_path: Path) -> AsyncIterator[Served]:
    """A server whose own tenant is that of kim, and not of eve."""
    del fleet
    async with served(tmp_path, access.url, "--tenant", "acme") as running:
        yield running


async def test_no_environment_leaves_the_identity_of_the_key(
    server: Served, owner: asyncpg.Connection
) -> None:
    """Without it, eve asks for acme by SetEnv, and has it."""
    await add_command(owner, "acme", "c-1")
    await add_command(owner, "rival", "c-2")
    code, out = await communicate(server.client("eve", "history", "--json", tty=False, options=WISHES))
    assert (code, [json.loads(line)["command_id"] for line in out.splitlines()]) == (0, ["c-2"])
    ran = await server.tells("ran")
    assert (ran["operator"], ran["tenants"]) == ("eve", "rival")
    for key, shown in (("eve", "rival · eve"), ("reader", "READ-ONLY")):
        async with server.screen(key, options=WISHES) as screen:
            await screen.shows(shown)
            screen.type("H")
            await screen.shows("c-2" if key == "eve" else "c-1")
            assert ("c-1" in screen.text) is (key == "reader")
            screen.type(CTRL_Q)
            assert await screen.ended() == 0


async def test_no_spelling_leaves_the_identity_of_the_key(server: Served, tmp_path: Path) -> None:
    """Without the look at what was parsed, an abbreviation reads another tenant and writes a file on the server."""
    for words in (
        ("devices", "--ten", "acme"), ("devices", "--te=acme"), (" --ten acme devices",), ("devices", "--tenant=acme"),
        ("export", "--outp", f"{tmp_path}/stolen"), ("export", "--out", f"{tmp_path}/stolen"), ("export", f"--output={tmp_path}/stolen"),
        ("devices", "--hom", str(tmp_path)), ("devices", "--oper", "root"),
    ):  # fmt: skip
        code, said = await communicate(server.client("eve", *words, tty=False))
        assert (code, said.startswith("device-console: ")) == (2, True), (words, said)
    assert not (tmp_path / "stolen").exists()
    assert len(server.events("refused")) == 9


async def test_a_wrong_key_comes_to_nothing(server: Served) -> None:
    _ = server.keys["stranger"]
    for words in ((), ("devices",)):
        code, said = await communicate(server.client("stranger", *words, tty=not words))
        assert (code, "Permission denied (publickey)" in said) == (255, True), said
    event = await server.tells("refused", 2)
    assert (event["why"], event["key"]) == ("an unknown key", server.keys["stranger"].get_fingerprint())
    assert server.events("opened") == server.events("ran") == []


async def test_a_certificate_admits_nobody(server: Served) -> None:
    """Without it, whom a key of the file has signed comes in, as whoever the certificate says."""
    file = server.keys.file("stranger")
    public = server.keys.public("stranger")
    file.with_name(f"{file.name}.pub").write_text(f"{public}\n")
    keygen, signer = find_program("ssh-keygen"), server.keys.file("kim")
    assert keygen is not None
    sign = [
        keygen,
        "-q",
        "-s",
        str(signer),
        "-I",
        "kim",
        "-n",
        "kim,anybody,root",
        "-V",
        "+1h",
        f"{file}.pub",
    ]
    assert (await communicate(sign))[0] == 0
    offered = ("-o", f"CertificateFile={file}-cert.pub")
    for line in (ACME, f"cert-authority,{ACME}", f'cert-authority,principals="anybody",{ACME}'):
        server.keys.admit(kim=line)
        code, said = await communicate(server.client("stranger", "devices", tty=False, options=offered))
        assert (code, "Permission denied" in said) == (255, True), (line, said)
    assert server.events("ran") == []
    server.keys.admit(stranger=ACME)
    assert (await communicate(server.client("stranger", "devices", tty=False, options=offered)))[0] == 0


@pytest.mark.slow
async def test_a_terminal_that_takes_nothing_gets_the_newest_screen(server: Served) -> None:
    """Without dropping frames, each screen that it was to show waits for it, and is shown before the newest."""
    async with server.screen("kim", columns=160, rows=50) as screen:
        await screen.shows("Devices   5")
        for key, shown in (
            ("0", "ended per minute"),
            ("1", "Devices   5"),
            ("p", "Problems"),
            (ESC, "Devices   5"),
        ):
            screen.type(key)
            await screen.shows(shown)
            await screen.settled()
        before, seen = server.running.rss_bytes, len(screen.raw)
        screen.stall()
        for number in range(SCREENS):
            screen.type("10"[number % 2])
            if number % 8 == 0:
                await acted(server.running.pid)
        await acted(server.running.pid)
        assert server.running.rss_bytes - before < 40 * MIB  # screens that were left wait for the collector
        screen.type("p")
        await acted(server.running.pid)
        screen.go_on()
        await screen.shows("Problems")
        assert len(screen.raw) - seen < 250_000, "what it had room for, and one screen"
        screen.type(CTRL_Q)
        assert await screen.ended() == 0


async def test_favourites_are_the_operators_own(server: Served, tmp_path: Path) -> None:
    """Without a file for each key, eve finds what kim keeps, or loses it."""
    kept = tmp_path / "home" / "served"

    async def keep(key: str) -> None:
        async with server.screen(key) as screen:
            await screen.shows("Devices   5")
            screen.type("c")
            await screen.shows("params")
            screen.type(f"reboot_{key}")
            await screen.shows("Ready")
            screen.type(F6)

            async def written() -> bool:
                return any(f"reboot_{key}" in file.read_text() for file in kept.glob("favourites-*.json"))

            await until(written)

    await keep("kim")
    await keep("eve")
    files = sorted(kept.iterdir())
    assert len(files) == 2
    assert [file.stat().st_mode & 0o777 for file in files] == [0o600, 0o600]
    assert all(("reboot_kim" in file.read_text()) is not ("reboot_eve" in file.read_text()) for file in files)


async def test_the_servers_own_terminal_is_nobody_elses(
    access: Access, fleet: Fleet, owner: asyncpg.Connection, tmp_path: Path
) -> None:
    """Without it, all sessions get the size, the colours and the characters of the terminal that the server was started on."""
    await add_command(owner, fleet.acme, "c-1", published=True)
    keys = Keys(tmp_path)
    keys.admit(kim=ACME)
    env = environment(
        tmp_path, access.url, NOWHERE, CONSOLE_AUTHORIZED_KEYS=str(keys.path), NO_COLOR="1", LANG="C", LC_ALL="C", TERM="xterm",
        TMUX=f"{tmp_path}/tmux,1,0", COLUMNS="61", LINES="17",
    )  # fmt: skip
    own = Terminal(61, 17)
    await own.start_command(env, sys.executable, "-m", "console", "--serve-ssh", "0")
    try:
        server = Served(cast("Any", own), keys, await _port(own))
        async with server.screen("kim", columns=120, rows=35) as screen:
            await screen.shows("pump-5")
            began = await _age_s(screen, 0)
            await _age_s(screen, began + 3)  # its size is looked at once a second, if at all
            footers = [at for at, line in enumerate(screen.text.splitlines(), 1) if "? help" in line]
            assert footers == [35]
            assert _has_hues(bytes(screen.raw))
            assert max(screen.raw) > 127
            screen.type("y")
            await screen.shows("opied")
            assert "tmux" not in screen.text
    finally:
        await own.close()


async def _age_s(screen: Terminal, least: int) -> int:
    """Wait until the newest command is so old on the screen; return its age."""
    found: list[int] = []

    async def is_old() -> bool:
        found.extend(int(age) for age in re.findall(r"ping +(\d+)s", screen.text) if int(age) >= least)
        return bool(found)

    await until(is_old)
    return found[0]


def _has_hues(raw: bytes) -> bool:
    """Whether something is coloured, by numbers of the cube of colours that are no grey."""
    numbers = {int(found) - 16 for found in re.findall(rb"38;5;(\d+)", raw)}
    return any(
        0 <= number < 216 and len({number // 36, number // 6 % 6, number % 6}) > 1 for number in numbers
    )


async def _port(own: Terminal) -> int:
    found: list[bytes] = []

    async def listens() -> bool:
        found.extend(re.findall(rb"ready: SSH on [^ ]*:(\d+),", own.raw.replace(b"\r\n", b"")))
        return bool(found)

    await until(listens)
    return int(found[0])

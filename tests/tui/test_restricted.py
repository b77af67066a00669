"""A restricted console reaches nothing of its host, and a read-only one writes no file: keys say so."""

import os
import signal
import sys
from dataclasses import replace

import pytest

from console.runtime.director import Director, Scene
from console.tui.screens.clipboard import copy_text
from console.tui.screens.compose.recall import Recall
from console.tui.screens.dialogs.export import ExportDialog
from console.tui.screens.registry import ACTIONS
from console.tui.state.messages import AskForScene, ShowExport


@pytest.fixture
def restricted(rig):
    return replace(rig, program=replace(rig.program, restricted=True, may_export=False))


async def _to_the_history(seen):
    await seen.shows("pump-1")
    await seen.press("enter")
    await seen.shows("History")


async def test_no_editor_is_offered_or_started(restricted, monkeypatch, tmp_path):
    """Without the bar, f4 runs whatever the account may run."""
    monkeypatch.setenv("EDITOR", f"touch {tmp_path}/started")
    await restricted.devices("pump-1")
    async with restricted.console() as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.shows("params")
        assert "$EDITOR" not in seen.text
        await seen.press("f4")
        await seen.shows("This console is restricted: it starts no editor")
        recall = seen.app.screen.recall
        assert isinstance(recall, Recall)
        recall.edit_params()  # as a new way to it might
        await seen.pilot.pause()
        assert not [worker for worker in seen.app.workers if worker.group == "editor"]
        await seen.press("f1")
        await seen.shows("Keys")
        await seen.press("G")
        assert "f4" not in seen.text
    assert not (tmp_path / "started").exists()


async def test_no_export_is_offered_or_opened(restricted):
    """Without the bar, w writes wherever the account may write."""
    await restricted.devices("pump-1")
    await restricted.command("c-1", "pump-1", "ping", "missed", published=True)
    async with restricted.console(120, 40) as seen:
        await _to_the_history(seen)
        assert "export" not in seen.text
        await seen.press("w")
        await seen.shows("This console is restricted: it writes no files")
        seen.app.on_show_export(ShowExport(None, seen.app.screen._filtered.parsed))
        assert not any(isinstance(screen, ExportDialog) for screen in seen.app.screen_stack)
        await seen.press("ctrl+p")
        await seen.shows("Do, or go to", "compose  c")
        assert "xport" not in seen.text


async def test_ctrl_z_says_that_it_does_not_suspend(restricted, monkeypatch):
    """Without it, a process that nobody can continue holds its leases until they are stale."""
    sent = []
    monkeypatch.setattr("os.kill", lambda _pid, number: sent.append(number))
    await restricted.devices("pump-1")
    async with restricted.console() as seen:
        await seen.shows("pump-1")
        await seen.press("ctrl+z")
        await seen.shows("This console is restricted: it cannot be suspended")
        await seen.press("ctrl+c")
        await seen.shows("ctrl+q leaves the console.")
    assert signal.SIGTSTP not in sent


async def test_a_copy_starts_no_tmux(restricted, monkeypatch):
    """Without it, the buffer of the host's tmux takes what a stranger copies."""
    started = []
    monkeypatch.setenv("TMUX", "/nowhere,1,0")
    monkeypatch.setattr("console.tui.screens.clipboard.shutil.which", lambda _: "/bin/tmux")
    await restricted.devices("pump-1")
    async with restricted.console() as seen:
        await seen.shows("pump-1")
        monkeypatch.setattr(seen.app.screen, "run_worker", lambda *_, **named: started.append(named))
        copy_text(seen.app.screen, "id", "pump-1")
        await seen.shows("Copied id: pump-1")
        assert "tmux" not in [named["group"] for named in started]


async def test_read_only_writes_no_file_without_leave(rig):
    """Without it, a console that only looks fills the disk of its host."""
    await rig.devices("pump-1")
    await rig.command("c-1", "pump-1", "ping", "missed", published=True)
    for may, shown in ((False, "--allow-export would let it"), (True, "as .csv, .json or .jsonl")):
        reader = replace(rig, program=replace(rig.program, read_only=True, may_export=may))
        async with reader.console(120, 40) as seen:
            await _to_the_history(seen)
            await seen.press("w")
            await seen.shows(shown)


def test_what_reaches_the_host_is_barred(restricted):
    """Without it, an action may lose its bar unseen."""
    barred = {
        action.id
        for actions in ACTIONS.values()
        for action in actions
        if action.barred(restricted.program) is not None
    }
    assert barred == {"editor", "export"}


@pytest.mark.parametrize("bound", ["restricted", "read_only"])
async def test_nobody_who_is_bound_directs_the_demo(rig, bound):
    """Without the bar, whoever is to look on kills the host's broker, or sends to every device."""
    asked = []
    director = Director(lambda: asked.append("broker"))
    rig = replace(rig, program=replace(rig.program, director=director, **{bound: True}))
    await rig.devices("pump-1")
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-1")
        await seen.press("colon")
        await seen.type("demo broker killed")
        await seen.shows("There is no device, command or bulk send “demo broker killed”")
        await seen.press("enter", "escape")
        seen.app.post_message(AskForScene(Scene.BROKER))  # as a new way to it might
        await seen.pilot.pause()
    assert asked == []


@pytest.mark.parametrize("bound", ["restricted", "read_only"])
async def test_what_a_console_remembers_is_in_no_file(rig, bound, tmp_path, monkeypatch):
    """Without it, an order, columns, a place or a theme that somebody who is bound chose is written on the host."""
    monkeypatch.chdir(tmp_path)
    preferences = replace(rig.program.preferences, theme="auto", theme_file=tmp_path / "theme")
    rig = replace(rig, program=replace(rig.program, preferences=preferences, **{bound: True}))
    await rig.devices("pump-1", "pump-2")
    await rig.command("c-1", "pump-1", "ping", "delivered", published=True, ago_s=90, ack='{"status": "ok"}')
    await rig.command("c-2", "pump-1", "ping", "missed", published=True)
    opened: list[tuple[object, ...]] = []
    async with rig.console(120, 40) as seen:
        await seen.shows("pump-2")
        sys.addaudithook(lambda event, given: opened.append(given) if event == "open" and watching else None)
        watching = True
        for keys, shown in (
            (["s"], "DEVICE ↓"), (["greater_than_sign", "s"], "LINK"), (["W"], "Columns"), (["down", "down", "space", "escape"], "pump-2"),
            (["f9", "down"], "until you leave"), (["enter"], "pump-2"), (["colon", *"pump-1", "enter"], "pump-1 ›"), ([], "◍ missed"), (["d"], "Compare"),
            (["escape", "at"], "What this console did"), (["escape", "escape", "0"], "ended per minute"), (["F"], "fleet 2"),
            (["escape", "b"], "Bulk sends"),
        ):  # fmt: skip
            await seen.press(*keys)
            await seen.shows(shown)
        watching = False
    assert [given for given in opened if _writes(given)] == []
    assert list(tmp_path.iterdir()) == []


def _writes(given):
    return bool(int(given[2]) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)) and not isinstance(given[0], int)

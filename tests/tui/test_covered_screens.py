"""A screen that is covered costs nothing: it reads when it is seen again."""

import pytest

from console.tui.screens.devices import DevicesScreen
from console.tui.screens.history import HistoryScreen
from console.tui.state.messages import DataChanged


@pytest.mark.slow
@pytest.mark.parametrize(("key", "there"), [("question_mark", "Keys"), ("H", "All devices › History")])
async def test_a_covered_screen_reads_nothing_until_it_is_seen_again(rig, monkeypatch, key, there):
    """Without the look at what is seen, each change is read and drawn for a screen that nobody sees."""
    await rig.devices("pump-1")
    reads = []
    inner = DevicesScreen.read

    async def read(self):
        reads.append(self)
        await inner(self)

    monkeypatch.setattr(DevicesScreen, "read", read)
    async with rig.console() as seen:
        await seen.shows("pump-1")
        below = seen.app.screen
        await seen.press(key)
        await seen.shows(there)
        await seen.until(lambda: not below._reading, "came to the end of the read that was under way")
        reads.clear()
        await rig.devices("pump-2")
        for _ in range(5):
            below.request_read()
            seen.app.post_message(DataChanged(frozenset({"acme"})))
            await seen.pilot.pause()
        await seen.until(lambda: not below._reading, "came to an end")
        assert reads == []
        assert isinstance(seen.app.screen, HistoryScreen) == (key == "H")
        await seen.press("escape")
        await seen.shows("pump-2")
        assert reads

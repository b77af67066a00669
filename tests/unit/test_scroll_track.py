"""The scroll bar without colours: where the thumb stands on its track."""

from hypothesis import given
from hypothesis import strategies as st

from console.tui.terminal.scroll_track import THUMB, TRACK, ScrollTrack, thumb


@given(st.integers(0, 60), st.integers(0, 100_000), st.integers(0, 200), st.floats(0, 1))
def test_the_thumb_touches_an_end_only_when_that_end_is_in_view(
    size: int, rows: int, window: int, share: float
) -> None:
    """Without it one stops before the last row, because the bar says that it is there."""
    far = max(0, rows - window)
    position = round(share * far)
    cells = thumb(size, rows, window, position)
    if not size or not window or not far:
        assert not cells
        return
    assert 0 <= cells.start < cells.stop <= size
    if position == 0:
        assert cells.start == 0
    if position == far:
        assert cells.stop == size
    if size - len(cells) > 1 and 0 < position < far:
        assert cells.start > 0
        assert cells.stop < size


def test_a_bar_is_a_thumb_on_a_track_and_each_cell_knows_what_a_press_does() -> None:
    """Without a track the lone thumb reads as data."""
    bar = ScrollTrack.render_bar(size=5, virtual_size=50, window_size=10, position=20)
    assert [one.text for one in bar.segments] == [TRACK, TRACK, THUMB, TRACK, TRACK]
    presses = [one.style.meta["@mouse.down"] for one in bar.segments if one.style is not None]
    assert presses == ["scroll_up", "scroll_up", "grab", "scroll_down", "scroll_down"]
    whole = ScrollTrack.render_bar(size=3, virtual_size=3, window_size=3, position=0)
    assert [one.text for one in whole.segments] == [TRACK] * 3
    across = ScrollTrack.render_bar(size=5, virtual_size=50, window_size=10, position=20, vertical=False)
    assert TRACK not in "".join(one.text for one in across.segments)

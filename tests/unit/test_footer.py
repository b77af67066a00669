"""The footer: the same keys in the same places, whatever can be done."""

from console.tui.screens.registry import ACTIONS
from console.tui.widgets.footer import Key, laid_out


def _line(screen, width, reasons=None):
    keys = [Key(action, action.label, (reasons or {}).get(action.id)) for action in ACTIONS[screen]]
    return "  ".join("".join(cell.text for cell in words) for _, words in laid_out(keys, width))


def test_history_shows_at_80_columns_what_an_operator_needs_most():
    line = _line("history", 80)
    for key in ("enter open", "r retry", "x cancel", "e explain", "/ filter", "esc back", "? help"):
        assert key in line


def test_a_reason_moves_no_key_and_stands_there_only_where_there_is_room():
    reasons = {"retry": "still published", "cancel": "already published"}
    narrow = _line("history", 80, reasons)
    assert narrow == _line("history", 80)
    wide = _line("history", 240, reasons)
    assert "r retry (still published)" in wide
    for message in (" (still published)", " (already published)"):
        wide = wide.replace(message, "")
    assert wide == _line("history", 240)


def test_a_footer_never_exceeds_its_line():
    for screen in ("devices", "history", "detail", "compose", "problems", "batches", "batch"):
        for width in range(40, 200):
            assert 1 + len(_line(screen, width, {"retry": "still published", "cancel": "why"})) <= width

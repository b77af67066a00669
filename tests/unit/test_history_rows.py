"""The loaded part of a history under paging and live changes."""

from datetime import UTC, datetime, timedelta

from console.domain.commands import Command
from console.domain.history import Cursor, HistoryPage
from console.tui.lists.history_rows import HistoryRows

NOW = datetime(2026, 5, 1, tzinfo=UTC)


def page(*numbers, more=True, status="queued"):
    """Commands by number; a higher one is newer."""
    commands = tuple(
        Command("acme", f"c{n:03}", "d", "ping", status, NOW + timedelta(seconds=n), NOW + timedelta(hours=1))
        for n in sorted(numbers, reverse=True)
    )
    return HistoryPage(commands, NOW, more)


def ends_at(rows: HistoryRows) -> str:
    assert rows.end is not None
    return rows.end.command_id


def test_an_older_page_comes_after_the_head_and_a_new_row_before_it():
    rows = HistoryRows()
    rows.put_head(page(5, 6, 7))
    rows.put_next(page(2, 3, 4, more=False))
    rows.put_head(page(6, 7, 8))
    assert rows.order == ["c008", "c007", "c006", "c005", "c004", "c003", "c002"]
    assert rows.more is False
    assert ends_at(rows) == "c002"


def test_a_row_that_no_longer_matches_goes_from_the_head():
    rows = HistoryRows()
    rows.put_head(page(5, 6, 7))
    rows.put_head(page(4, 5, 7))
    assert rows.order == ["c007", "c005", "c004"]


def test_more_new_rows_than_a_page_begin_afresh_instead_of_leaving_a_gap():
    rows = HistoryRows()
    rows.put_head(page(1, 2, 3))
    rows.put_head(page(10, 11, 12))
    assert rows.order == ["c012", "c011", "c010"]
    assert rows.more is True


def test_rows_read_again_replace_what_is_loaded_and_add_nothing():
    rows = HistoryRows()
    rows.put_head(page(1, 2))
    rows.update(page(2, 9, status="missed").commands)
    assert rows.commands["c002"].status == "missed"
    assert "c009" not in rows.commands


def test_an_empty_page_empties_the_history():
    rows = HistoryRows()
    rows.put_head(page(1))
    rows.put_head(page(more=False))
    assert rows.order == []
    assert rows.end is None


def searched(*numbers, back_to):
    """A page of a search that rested at the row `back_to`."""
    found = page(*numbers)
    return HistoryPage(
        found.commands, NOW, more=True, reached=Cursor(NOW + timedelta(seconds=back_to), f"c{back_to:03}")
    )


def test_a_search_goes_on_where_it_rested_even_when_it_found_nothing():
    rows = HistoryRows()
    rows.put_head(searched(back_to=50))
    assert (rows.order, rows.more, ends_at(rows)) == ([], True, "c050")
    rows.put_next(searched(33, back_to=20))
    assert (rows.order, ends_at(rows)) == (["c033"], "c020")
    rows.put_next(page(7, more=False))
    assert (rows.order, rows.more, rows.reached) == (["c033", "c007"], False, None)


def test_the_head_of_a_search_read_again_keeps_what_lies_further_back():
    rows = HistoryRows()
    rows.put_head(searched(90, back_to=50))
    rows.put_next(searched(33, back_to=20))
    rows.put_head(searched(95, back_to=50))
    assert rows.order == ["c095", "c033"]
    assert ends_at(rows) == "c020"


def test_rows_that_no_longer_match_can_be_dropped():
    rows = HistoryRows()
    rows.put_head(page(1, 2, 3))
    rows.drop(["c002", "nobody"])
    assert rows.order == ["c003", "c001"]

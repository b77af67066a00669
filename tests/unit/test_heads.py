"""The headings of a table: where they stand, what the sorted and the chosen one show."""

import pytest

from console.tables.columns import Column
from console.tui.presenters.heads import Heads, column_at, head_text

NAME, COUNT = Column("name", "NAME", 8), Column("count", "FLIGHT", 6, right=True, arrow="↓")
STRIP = Column("strip", "LAST 12", 6, most=12, right=True, strip=True, short="LAST 6")
FITTED = ((NAME, 8), (COUNT, 6), (STRIP, 6))


@pytest.mark.parametrize(
    ("heads", "text"),
    [
        (Heads(), "   NAME      FLIGHT  LAST 6"),
        (Heads("name"), "   NAME ↑    FLIGHT  LAST 6"),
        (Heads("name", reverse=True), "   NAME ↓    FLIGHT  LAST 6"),
        (Heads("count"), "   NAME      FLIGHT↓ LAST 6"),
        (Heads("count", reverse=True, chosen="count"), "   NAME      FLIGHT↑ LAST 6"),
        (Heads("name", chosen="count"), "   NAME ↑   ‹FLIGHT› LAST 6"),
        (Heads("count", chosen="strip"), "   NAME      FLIGHT↓‹LAST 6›"),
        (Heads("strip", chosen="name"), "  ‹NAME›     FLIGHT  LAST 6↑"),
    ],
)  # fmt: skip
def test_the_sorted_one_has_an_arrow_and_the_chosen_one_brackets(heads: Heads, text: str) -> None:
    assert head_text(FITTED, heads, 3) == text


def test_a_strip_with_all_its_room_says_so_at_its_left() -> None:
    assert head_text(((STRIP, 12), (NAME, 8)), Heads("strip"), 3) == "   LAST 12 ↑     NAME"


def test_a_heading_is_found_by_where_it_is_clicked() -> None:
    assert [column_at(FITTED, x) for x in (-1, 0, 9, 10, 17, 18, 25, 26)] == [
        None, "name", "name", "count", "count", "strip", "strip", None,
    ]  # fmt: skip

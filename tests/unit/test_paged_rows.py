"""Rows by pages: endless, without gaps, and the head stays live."""

from console.tui.lists.paged_rows import PagedRows


def rows(size: int = 3) -> PagedRows[int]:
    return PagedRows(str, lambda number: number, size)


def test_pages_follow_one_another_until_one_is_not_full() -> None:
    paged = rows()
    paged.put_head([9, 8, 7])
    assert (paged.more, paged.last) == (True, 7)
    paged.put_next([6, 5, 4])
    paged.put_next([3])
    assert (list(paged.rows.values()), paged.more) == ([9, 8, 7, 6, 5, 4, 3], False)


def test_a_new_head_keeps_what_lies_behind_it_and_nothing_twice() -> None:
    """Without the rows behind the head, each change would throw the reader back to the first page."""
    paged = rows()
    paged.put_head([9, 8, 7])
    paged.put_next([6, 5, 4])
    paged.put_head([10, 9, 8])
    assert (list(paged.rows.values()), paged.more) == ([10, 9, 8, 7, 6, 5, 4], True)
    paged.put_next([])
    paged.put_head([11, 10, 9])
    assert not paged.more, "the end was reached before"


def test_a_head_that_is_not_full_is_all_there_is() -> None:
    paged = rows()
    paged.put_head([9, 8, 7])
    paged.put_head([9])
    assert (list(paged.rows.values()), paged.more) == ([9], False)
    assert rows().last is None

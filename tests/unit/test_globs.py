"""Globs: what they mean; and that no text makes them, or the view of a document, slow."""

import time
from fnmatch import translate
from re import match

from hypothesis import given
from hypothesis import strategies as st

from console.domain.filters.patterns import glob
from console.tui.presenters.json_view import pretty

HOSTILE = "*a" * 60 + "*b"


@given(
    st.text("ab*?", max_size=12),
    st.text("ab\n", max_size=12),
)
def test_a_glob_means_what_it_always_meant(pattern: str, text: str) -> None:
    assert glob(pattern).fits(text) == (match(translate(pattern), text) is not None)


def test_many_stars_on_equal_letters_take_no_time() -> None:
    """Without the leftmost place of each part, seven stars on 128 letters take two minutes of every worker."""
    began = time.monotonic()
    assert not glob(HOSTILE).fits("a" * 100_000)
    assert glob(HOSTILE).fits("a" * 100_000 + "b")
    assert not glob("*a?a*" * 50 + "c").fits("a" * 100_000)
    assert time.monotonic() - began < 10


def test_a_string_that_was_cut_in_the_middle_takes_no_time() -> None:
    """Without an end for an open string, each of its quotes is looked at to the end: seconds for one answer."""
    began = time.monotonic()
    pretty('{"a": "' + r"\"" * 200_000, 400_000)
    assert time.monotonic() - began < 10

"""What the words of an answer mean, and what is left of an answer that was cut."""

import pytest

from console.domain.acks import PROGRESS_WORDS, answer_word, progress_words
from console.domain.text.json_size import written


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ("", PROGRESS_WORDS),
        ("+Flashing Now, -queued", (PROGRESS_WORDS | {"flashing_now"}) - {"queued"}),
        (" , -in-progress,,", PROGRESS_WORDS - {"in_progress"}),
    ],
)
def test_a_setting_adds_and_removes_words_of_progress(changes, words):
    assert progress_words(changes) == words


@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ("flashing", "write it as"),
        ("+", "write it as"),
        ("+Done", "done ends a command"),
        ("-error", "error ends a command"),
    ],
)
def test_a_change_that_cannot_be_made_says_why(changes, says):
    with pytest.raises(ValueError, match=says):
        progress_words(changes)


@pytest.mark.parametrize(
    ("answer", "word"),
    [
        (None, None),
        ('{"status": "fla\\u0073hing", "details": {"much": [1, 2', "flashing"),
        ('{"status": "fla\\x"}', None),
        ('{"status": "fla', None),
    ],
)
def test_the_word_of_an_answer_is_read_also_where_its_text_was_cut(answer, word):
    assert answer_word(answer) == word


@pytest.mark.parametrize("token", ["", "1.", "0x1", "NaN", "--1"])
def test_what_is_no_number_of_json_has_no_size(token):
    with pytest.raises(ValueError, match="not a JSON number"):
        written(token)

"""A filter is read once for each text that is typed, and travels on as what it means."""

import sys
from collections import Counter

import pytest

from console.domain.filters.language import parse_filter


@pytest.fixture
def parsed(monkeypatch) -> Counter[str]:
    """How often each text is parsed, whoever asks for it."""
    counts: Counter[str] = Counter()

    def counting(text, scope):
        counts[text] += 1
        return parse_filter(text, scope)

    for module in list(sys.modules.values()):
        if getattr(module, "__name__", "").startswith("console") and hasattr(module, "parse_filter"):
            monkeypatch.setattr(module, "parse_filter", counting)
    return counts


@pytest.mark.slow
async def test_two_filters_are_read_once_for_each_text_that_is_typed(rig, parsed):
    """Without the value that the bar hands on, each read and each row parses the text anew."""
    await rig.devices("pump-1", "pump-2", "meter-1")
    await rig.program.sender.send("acme", [rig.program.sender.draft("pump-1", "ping")])
    filters = ("device:pump-*", "type:ping")
    async with rig.console() as seen:
        await seen.shows("pump-1", "meter-1")
        for text in filters:
            await seen.press("slash")
            await seen.type(text)
            await seen.hides("meter-1")
            await seen.press("enter")
            await seen.press("escape")
            await seen.shows("meter-1")
    typed = {text[:end] for text in filters for end in range(1, len(text) + 1)}
    assert set(parsed) <= {"", *typed}
    assert all(parsed[text] <= 1 for text in typed), parsed
    assert sum(parsed.values()) <= len(typed) + 2 * len(filters) + 2

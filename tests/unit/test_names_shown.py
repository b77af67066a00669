"""Who sent a command, as screens show it."""

import pytest

from console.domain.identifiers import name_shown


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("alice", "alice"),
        (None, ""),
        ("", ""),
        ("7f3c9e52-5d0e-4a58-9a51-3f1f0f6c2b11", "7f3c9e52…"),
        ("7F3C9E52-5D0E-4A58-9A51-3F1F0F6C2B11", "7F3C9E52…"),
        ("7f3c9e52-5d0e-4a58-9a51-3f1f0f6c2b11x", "7f3c9e52-5d0e-4a58-9a51-3f1f0f6c2b11x"),
        ("job 7f3c9e52-5d0e-4a58-9a51-3f1f0f6c2b11", "job 7f3c9e52-5d0e-4a58-9a51-3f1f0f6c2b11"),
    ],
)
def test_a_uuid_is_cut_and_a_name_is_not(name, shown):
    assert name_shown(name) == shown

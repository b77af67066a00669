"""The channel of the tests from end to end, here too."""

from tests.e2e.conftest import open_channel

__all__ = ["open_channel"]

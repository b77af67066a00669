"""A text that is never printed: a password, or a URL that holds one."""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Secret:
    """A text that is masked wherever it is printed, logged or shown in a traceback."""

    _text: str = field(repr=False)

    def __str__(self) -> str:
        return "********"

    def __bool__(self) -> bool:
        return bool(self._text)

    def get_secret_value(self) -> str:
        """Return the text itself."""
        return self._text

"""Output for terminals without UTF-8: our symbols as ASCII, what else they cannot show as a question mark."""

from collections.abc import Mapping

_ASCII = {
    "●": "*", "◐": "~", "○": "o", "◔": "%", "✕": "x", "◍": "!", "◌": "-", "⊘": "/", "‼": "!", "·": "|",
    "–": "-", "—": "-", "…": "~", "›": ">", "“": '"', "”": '"', "’": "'", "⏎": "/", "␛": "^", "‹": "<",
}  # fmt: skip


def is_utf8(environment: Mapping[str, str]) -> bool:
    """Whether the terminal's locale is UTF-8. No locale at all counts as UTF-8, a plain C locale does not."""
    value = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG")
    coerced_by_python = value == "C.UTF-8" and environment.get("LANG") in {"C", "POSIX"}
    return not value or ("utf" in value.lower() and not coerced_by_python)


def replaced(error: UnicodeError) -> tuple[str, int]:
    """An error handler for `codecs`: what an encoding cannot say.

    Raises:
        UnicodeError: it was asked about anything else.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return "".join(_ASCII.get(c, "?") for c in error.object[error.start : error.end]), error.end

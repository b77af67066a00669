"""Output for terminals without UTF-8: our symbols as ASCII, what else they cannot show as a question mark."""

from collections.abc import Mapping

# One character each, so that columns stay where they are.
ASCII = str.maketrans(
    {
        "●": "*", "◐": "~", "◑": "=", "○": "o", "◔": "@", "✕": "x", "◍": "!", "◌": "-", "⊘": "/", "▌": ">",
        "✓": "+", "⏎": "/", "␛": "^", "‹": "<",
        "·": ".", "–": "-", "—": "-", "…": "~", "›": ">", "“": '"', "”": '"', "‘": "'", "’": "'",
        "★": "*", "☆": "*", "‼": "!", "↑": "^", "↓": "v", "→": ">", "←": "<", "▲": "^", "▼": "v", "◀": "<",
        "▶": ">", "\u00a0": " ", "╱": "/", "╲": "\\", "░": ".", "▒": ":", "▓": "%", "■": "#", "□": "o",
        **dict(zip("▁▂▃▄▅▆▇█", "_,-:=+*#", strict=True)),
        **dict.fromkeys("│┃║▎▏▕▊▋▍▉▐", "|"), **dict.fromkeys("─━═▔▀", "-"),
        **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬┏┓┗┛", "+"),
    }
)  # fmt: skip


def to_ascii(text: str) -> str:
    """The same number of characters, all of them ASCII."""
    if text.isascii():
        return text
    return text.translate(ASCII).encode("ascii", "replace").decode("ascii")


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
    return to_ascii(error.object[error.start : error.end]), error.end

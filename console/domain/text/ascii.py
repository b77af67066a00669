"""Output for terminals without UTF-8: our symbols as ASCII, other characters as question marks."""

from collections.abc import Mapping

# One character each, so that columns stay aligned.
ASCII = str.maketrans(
    {
        "●": "*", "◐": "~", "◑": "=", "○": "o", "◔": "@", "✕": "x", "◍": "!", "◌": "-", "⊘": "/", "▌": ">",
        "✓": "+", "⏎": "/", "␛": "^", "‹": "<",
        "·": ".", "–": "-", "—": "-", "…": "~", "›": ">", "“": '"', "”": '"', "‘": "'", "’": "'",
        "★": "*", "☆": "*", "‼": "!", "↑": "^", "↓": "v", "→": ">", "←": "<", "▲": "^", "▼": "v", "◀": "<",
        "×": ":", "▸": ">", "▾": "v", "▴": "^",
        "▶": ">", "\u00a0": " ", "╱": "/", "╲": "\\", "░": ".", "▒": ":", "▓": "%", "■": "#", "□": "o",
        **dict(zip("▁▂▃▄▅▆▇█", "_,-:=+*#", strict=True)),
        **dict.fromkeys("│┃║▎▏▕▊▋▍▉▐", "|"), **dict.fromkeys("─━═▔▀", "-"),
        **dict.fromkeys("╭╮╰╯┌┐└┘├┤┬┴┼╔╗╚╝╠╣╦╩╬┏┓┗┛", "+"),
    }
)  # fmt: skip


def to_ascii(text: str) -> str:
    """Replace each character that is not ASCII by one that is, so that the length stays the same."""
    if text.isascii():
        return text
    return text.translate(ASCII).encode("ascii", "replace").decode("ascii")


def is_utf8(environment: Mapping[str, str]) -> bool:
    """Return whether the terminal's locale is UTF-8. No locale counts as UTF-8, a plain C locale does not."""
    value = environment.get("LC_ALL") or environment.get("LC_CTYPE") or environment.get("LANG")
    coerced_by_python = value == "C.UTF-8" and environment.get("LANG") in {"C", "POSIX"}
    return not value or ("utf" in value.lower() and not coerced_by_python)


def replaced(error: UnicodeError) -> tuple[str, int]:
    """Replace what an encoding cannot represent; an error handler for `codecs`.

    Raises:
        UnicodeError: any error other than one of encoding.
    """
    if not isinstance(error, UnicodeEncodeError):
        raise error
    return to_ascii(error.object[error.start : error.end]), error.end

"""The only gate for untrusted text: makes text of a device, a row or a file harmless for a terminal."""

import re
import unicodedata

# C0, DEL, C1; soft hyphen and other invisible or direction-changing characters; line and paragraph
# separators; byte order mark; lone surrogates; tags and unassigned plane-14 selectors.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u2028-\u202e"
    "\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb\ud800-\udfff\U000e0000-\U000e0fff]"
)
_COMBINING_RUN = re.compile(
    "([\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f\u1ab0-\u1aff\u1dc0-\u1dff"
    "\u20d0-\u20ff\ufe20-\ufe2f]{4})[\u0300-\u036f\u0483-\u0489\u0591-\u05bd\u0610-\u061a\u064b-\u065f"
    "\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+"
)
_NAMED = {"\n": "⏎", "\t": "⇥", "\r": "␍", "\x1b": "␛", "\x00": "␀", "\x7f": "␡"}

DEFAULT_LIMIT = 512


def _visible(match: re.Match[str]) -> str:
    character = match.group()
    if character in _NAMED:
        return _NAMED[character]
    code = ord(character)
    return chr(0x2400 + code) if code < 0x20 else f"‹{code:04X}›"


def safe(text: object, limit: int = DEFAULT_LIMIT) -> str:
    """Return `text` on one line with every control character made visible.

    Args:
        text: anything; None becomes an empty string.
        limit: the most characters kept; a longer text ends in ``… (n bytes)``.
    """
    if text is None:
        return ""
    raw = str(text)
    head = raw[: limit + 1]
    cleaned = (
        _COMBINING_RUN.sub(r"\1", _UNSAFE.sub(_visible, head))
        if not head.isascii()
        else _UNSAFE.sub(_visible, head)
    )
    if len(raw) <= limit:
        return cleaned
    size = len(raw.encode("utf-8", "surrogatepass"))
    return f"{cleaned[:limit]}… ({size:,} bytes)"


def cell_width(text: str) -> int:
    """Return the number of terminal cells of a line: wide characters take two, combining ones none."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(c) else 2 if unicodedata.east_asian_width(c) in {"W", "F"} else 1
        for c in text
    )


_SCRIPTS = ("LATIN", "CYRILLIC", "GREEK", "ARMENIAN", "CHEROKEE")  # those with letters that look alike
MIXED = "‹mixed scripts›"


def safe_id(text: str | None, limit: int = DEFAULT_LIMIT) -> str:
    """Return the text as `safe` does, with a mark after a word that mixes scripts that look alike.

    ``pump-а`` with a Cyrillic a is another device than ``pump-a``, but looks the same.
    """
    shown = safe(text, limit)
    if text is None or text.isascii():
        return shown
    found = {
        script
        for character in text[:limit]
        if character.isalpha()
        for script in _SCRIPTS
        if unicodedata.name(character, "").startswith(script)
    }
    return f"{shown}{MIXED}" if len(found) > 1 else shown


def safe_block(text: object, limit: int = 65_536) -> str:
    """Return the text as `safe` does, but keep line breaks: for text that is shown on many lines."""
    raw = "" if text is None else str(text)
    lines = raw[:limit].split("\n")
    shown = "\n".join(safe(line, 4_096) for line in lines[:2_000])
    return (
        shown if len(raw) <= limit and len(lines) <= 2_000 else f"{shown}\n… ({len(raw):,} characters in all)"
    )

"""What a terminal can show: that of this process, or one at the far end of a link."""

from collections.abc import Mapping
from dataclasses import dataclass

from rich.color import ColorSystem

from console.domain.text.ascii import is_utf8

_LOCALE = ("LC_ALL", "LC_CTYPE", "LANG")
_TRUE_COLOUR = ("direct", "kitty", "ghostty", "alacritty", "foot", "wezterm")


@dataclass(frozen=True, slots=True)
class Capabilities:
    """`colours` None leaves the depth to the library, which looks at the terminal of this process.

    `colourless` means that nothing is coloured, as NO_COLOR asks for, `far` that a line lies between.
    """

    colours: ColorSystem | None = None
    ascii_only: bool = False
    colourless: bool = False
    far: bool = False


def of_this_process(environment: Mapping[str, str]) -> Capabilities:
    """Return what the terminal of this process can show."""
    return Capabilities(
        ascii_only=not is_utf8(environment), colourless=bool(environment.get("NO_COLOR")),
        far="SSH_CONNECTION" in environment,
    )  # fmt: skip


def of_a_client(term: str, environment: Mapping[str, str]) -> Capabilities:
    """Return what the terminal of a client can show, by its type and by the environment that it sent.

    256 colours are assumed where nothing speaks against it: SSH clients send no COLORTERM by themselves.
    """
    if environment.get("COLORTERM", "").lower() in {"truecolor", "24bit"} or any(
        word in term for word in _TRUE_COLOUR
    ):
        colours = ColorSystem.TRUECOLOR
    else:
        colours = ColorSystem.EIGHT_BIT if "256" in term else ColorSystem.STANDARD
    sent = {name: environment[name] for name in _LOCALE if name in environment}
    return Capabilities(
        colours, ascii_only=not is_utf8(sent), colourless=bool(environment.get("NO_COLOR")), far=True
    )

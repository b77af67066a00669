"""Makes the pictures of the README from the running program: a pty, keys, and the screen as SVG and PNG.

Run it with the environment of the tests: ``.venv/bin/python screenshots/make.py``. It starts the demo in a
folder of its own, so it needs nothing and leaves nothing. The SVG names no font file; the PNG needs a
monospace font on the machine that makes it.
"""

import fcntl
import os
import pty
import re
import select
import shutil
import signal
import struct
import sys
import tempfile
import termios
import time
from html import escape
from pathlib import Path

import cairosvg
import pyte

HERE = Path(__file__).parent
CELL_W, CELL_H, FONT = 8.43, 18.0, 14
BACKGROUND, FOREGROUND = "#11151b", "#d6dde6"
ANSI = {
    "black": "#11151b", "red": "#e8705a", "green": "#4db6a0", "brown": "#e0a030", "blue": "#4c9be8",
    "magenta": "#b48ead", "cyan": "#7aa2c9", "white": "#d6dde6",
}  # fmt: skip


class Terminal:
    """The program on a pty of a fixed size, read into a screen."""

    def __init__(self, home: Path, columns: int, rows: int, argv: list[str] | None = None) -> None:
        self.screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self.screen)
        self.pid, self._fd = pty.fork()
        if self.pid == 0:
            environment = {
                "PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), "LANG": "C.UTF-8", "TERM": "xterm-256color",
                "COLORTERM": "truecolor", "CONSOLE_HOME": str(home), "CONSOLE_OPERATOR": "alice",
                "PYTHONPATH": str(HERE.parent),
            }  # fmt: skip
            passed = {name: value for name, value in os.environ.items() if name.startswith("CONSOLE_SIM")}
            command = argv or [sys.executable, "-m", "console"]
            os.execve(sys.executable, command, environment | passed)
        fcntl.ioctl(self._fd, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def read(self, quiet_s: float = 0.4, most_s: float = 3.0) -> None:
        end = time.monotonic() + most_s
        while time.monotonic() < end and select.select([self._fd], [], [], quiet_s)[0]:
            try:
                data = os.read(self._fd, 65_536)
            except OSError:
                return
            if not data:
                return
            self._stream.feed(data)

    def wait_for(self, word: str, most_s: float = 30.0) -> None:
        end = time.monotonic() + most_s
        while not any(word in line for line in self.screen.display):
            if time.monotonic() > end:
                raise SystemExit(f"{word!r} never appeared:\n" + "\n".join(self.screen.display))
            self.read()

    def type(self, keys: str) -> None:
        os.write(self._fd, keys.encode())

    def press(self, keys: str, word: str = "") -> None:
        for key in keys:
            os.write(self._fd, key.encode())
            self.read(0.15, 1.0)
        if word:
            self.wait_for(word)

    def close(self) -> None:
        os.kill(self.pid, signal.SIGTERM)
        self.read(1.0, 8.0)
        os.waitpid(self.pid, 0)


def colour(name: str, preset: str) -> str:
    if name == "default":
        return preset
    return ANSI.get(name.removeprefix("bright"), f"#{name}" if len(name) == 6 else preset)


def svg_of(screen: pyte.Screen) -> str:
    """One text element a run of equal style, one rectangle a run of background."""
    width, height = screen.columns * CELL_W + 16, screen.lines * CELL_H + 16
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}">',
        f'<rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>',
        f'<g font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{FONT}" xml:space="preserve">',
    ]
    backs: list[str] = []
    texts: list[str] = []
    for row in range(screen.lines):
        column = 0
        while column < screen.columns:
            style = _style(screen.buffer[row][column])
            end = column
            while end < screen.columns and _style(screen.buffer[row][end]) == style:
                end += 1
            text = "".join(screen.buffer[row][i].data for i in range(column, end))
            _run(text, row, column, end - column, style, backs, texts)
            column = end
    return "\n".join([*parts, *backs, *texts, "</g>", "</svg>", ""])


def _style(cell: pyte.screens.Char) -> tuple[str, str, bool, bool]:
    return cell.fg, cell.bg, cell.bold, cell.reverse


def _run(
    text: str,
    row: int,
    column: int,
    cells: int,
    style: tuple[str, str, bool, bool],
    backs: list[str],
    texts: list[str],
) -> None:
    front, back = colour(style[0], FOREGROUND), colour(style[1], BACKGROUND)
    if style[3]:
        front, back = back, front
    x, y = 8 + column * CELL_W, 8 + row * CELL_H
    if back != BACKGROUND:
        backs.append(
            f'<rect x="{x:.1f}" y="{y:.1f}" width="{cells * CELL_W + 0.3:.1f}" height="{CELL_H}" fill="{back}"/>'
        )
    weight = ' font-weight="bold"' if style[2] else ""
    offset = 0
    for word in re.findall(r"[!-~]{1,6}|\s+|.", text):  # few letters at a time, whatever the font's advance
        if word.strip():
            at = x + offset * CELL_W
            texts.append(
                f'<text x="{at:.1f}" y="{y + 13.5:.1f}" fill="{front}"{weight}>{escape(word)}</text>'
            )
        offset += len(word)


def save(terminal: Terminal, name: str) -> None:
    svg = svg_of(terminal.screen)
    (HERE / f"{name}.svg").write_text(svg, "utf-8")
    cairosvg.svg2png(bytestring=svg.encode(), write_to=str(HERE / f"{name}.png"), scale=1.5)
    print(f"made {name}")


def main() -> None:
    home = Path(tempfile.mkdtemp(prefix="dc-shots-"))
    home.chmod(0o711)
    try:
        for columns, rows, suffix in ((120, 32, ""), (80, 24, "-80x24")):
            terminal = Terminal(home, columns, rows)
            terminal.wait_for("online")
            terminal.read(1.0, 3.0)
            terminal.press("/")
            terminal.press("pump-00")
            terminal.wait_for("pump-0003")
            terminal.press("\r")
            terminal.press("j", "LAST")
            save(terminal, f"devices{suffix}")
            terminal.press("c", "New command")
            terminal.press("ping", "Ready")
            save(terminal, f"compose{suffix}")
            terminal.press("\x13", "Send ping")
            save(terminal, f"confirm{suffix}")
            terminal.press("y", "History")
            terminal.wait_for("alice")
            terminal.read(1.5, 2.0)
            save(terminal, f"history{suffix}")
            terminal.press("\r", "created")
            save(terminal, f"detail{suffix}")
            terminal.close()
    finally:
        shutil.rmtree(home, ignore_errors=True)


if __name__ == "__main__":
    main()

"""Makes the pictures of the README from the running program: a pty, keys, and the screen as SVG and PNG.

Run it with the environment of the tests: ``.venv/bin/python screenshots/make.py``. It starts the demo in a
folder of its own, so it needs nothing and leaves nothing. The SVG names no font file; the PNG needs a
monospace font on the machine that makes it, and the one of the browser a chromium.
"""

import asyncio
import contextlib
import json
import os
import re
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator
from html import escape
from pathlib import Path

import cairosvg
import pyte

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE.parent))

from tests.browser import browser  # noqa: E402
from tests.faults.serving import served  # noqa: E402
from tests.pseudo_terminal import PROGRAM, WatchedTerminal, demo_environment, demo_terminal  # noqa: E402

SITE = re.compile(r"site +(gdansk|lyon|porto|turku) ")  # the worst one

CELL_W, CELL_H, FONT = 8.43, 18.0, 14
BACKGROUND, FOREGROUND = "#12161b", "#d5dae0"  # the dark theme's paper and ink
ANSI = {
    "black": "#11151b", "red": "#e8705a", "green": "#4db6a0", "brown": "#e0a030", "blue": "#4c9be8",
    "magenta": "#b48ead", "cyan": "#7aa2c9", "white": "#d6dde6",
}  # fmt: skip


# Lines and blocks are drawn, not written: a font's own leave gaps between the rows. Letters are words of equal steps.
_WORDS = re.compile(r"[!-~]+|─+|█+|\s+|.")
_HALF_W, _HALF_H = CELL_W / 2, CELL_H / 2
_SHAPES = {
    "─": [(0.0, _HALF_H - 0.5, CELL_W, 1.0)],
    "│": [(_HALF_W - 0.5, 0.0, 1.0, CELL_H)],
    "▌": [(0.0, 0.0, CELL_W / 2, CELL_H)],
    "▏": [(0.0, 0.0, 1.4, CELL_H)],
    **{block: [(0.0, CELL_H * (8 - n) / 8, CELL_W, CELL_H * n / 8)] for n, block in enumerate("▁▂▃▄▅▆▇█", 1)},
}
_W, _H = f"{_HALF_W:.2f}", f"{_HALF_H:.2f}"
_CORNERS = {
    "╭": f"m{CELL_W:.2f} {_H}h-1q-{_HALF_W - 1:.2f} 0 -{_HALF_W - 1:.2f} 4v{_HALF_H - 4:.2f}",
    "╮": f"m0 {_H}h1q{_HALF_W - 1:.2f} 0 {_HALF_W - 1:.2f} 4v{_HALF_H - 4:.2f}",
    "╰": f"m{_W} 0v{_HALF_H - 4:.2f}q0 4 {_HALF_W - 1:.2f} 4h1",
    "╯": f"m{_W} 0v{_HALF_H - 4:.2f}q0 4 -{_HALF_W - 1:.2f} 4h-1",
}


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
    backs: list[tuple[int, int, int, str]] = []
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
    return "\n".join([*parts, *_grounds(backs), *texts, "</g>", "</svg>", ""])


def _style(cell: pyte.screens.Char) -> tuple[str, str, bool, bool]:
    return cell.fg, cell.bg, cell.bold, cell.reverse


def _run(
    text: str,
    row: int,
    column: int,
    cells: int,
    style: tuple[str, str, bool, bool],
    backs: list[tuple[int, int, int, str]],
    texts: list[str],
) -> None:
    front, back = colour(style[0], FOREGROUND), colour(style[1], BACKGROUND)
    if style[3]:
        front, back = back, front
    x, y = 8 + column * CELL_W, 8 + row * CELL_H
    if back != BACKGROUND:
        backs.append((row, column, cells, back))
    weight = ' font-weight="bold"' if style[2] else ""
    offset = 0
    for word in _WORDS.findall(text):
        at = x + offset * CELL_W
        if word[0] in _SHAPES:
            texts += [
                _rect(at + left, y + top, wide * len(word), high, front)
                for left, top, wide, high in _SHAPES[word[0]]
            ]
        elif word[0] in _CORNERS:
            texts.append(f'<path d="M{at:.2f} {y:.0f}{_CORNERS[word[0]]}" fill="none" stroke="{front}"/>')
        elif word.strip():
            long = (
                f' textLength="{len(word) * CELL_W:.1f}"' if len(word) > 1 else ""
            )  # whatever the font's advance
            texts.append(
                f'<text x="{at:.1f}" y="{y + 13.5:.1f}"{long} fill="{front}"{weight}>{escape(word)}</text>'
            )
        offset += len(word)


def _grounds(backs: list[tuple[int, int, int, str]]) -> list[str]:
    """Neighbours of one colour in one piece: no seam shows between them."""
    joined: list[tuple[int, int, int, str]] = []
    for row, column, cells, back in backs:
        if joined and joined[-1][0] == row and sum(joined[-1][1:3]) == column and joined[-1][3] == back:
            joined[-1] = (row, joined[-1][1], joined[-1][2] + cells, back)
        else:
            joined.append((row, column, cells, back))
    return [
        _rect(8 + column * CELL_W, 8 + row * CELL_H, cells * CELL_W, CELL_H, back)
        for row, column, cells, back in joined
    ]


def _rect(x: float, y: float, width: float, height: float, fill: str) -> str:
    return f'<rect x="{x:.2f}" y="{y:.2f}" width="{width:.2f}" height="{height:.2f}" fill="{fill}"/>'


def save(terminal: WatchedTerminal, name: str) -> None:
    svg = svg_of(terminal.screen)
    (HERE / f"{name}.svg").write_text(svg, "utf-8")
    cairosvg.svg2png(bytestring=svg.encode(), write_to=str(HERE / f"{name}.png"), scale=1.5)
    print(f"made {name}")


def main() -> None:
    with _home() as home:
        demo = record(alive_terminal(home, 116, 34))
        (HERE / "demo.cast").write_text(demo.cast(), "utf-8")
        (HERE / "demo.svg").write_text(demo.svg(), "utf-8")
        print("made demo")
    with _home() as home:
        overviews(home)
    with _home() as home:
        for columns, rows, suffix in ((120, 32, ""), (80, 24, "-80x24")):
            one_tour(demo_terminal(home, columns, rows), suffix)
        asyncio.run(in_browser(home))


@contextlib.contextmanager
def _home() -> Iterator[Path]:
    """A folder of its own, so a demo at its beginning."""
    home = Path(tempfile.mkdtemp(prefix="dc-shots-"))
    home.chmod(0o711)
    try:
        yield home
    finally:
        shutil.rmtree(home, ignore_errors=True)


def alive_terminal(home: Path, columns: int, rows: int) -> WatchedTerminal:
    """The demo as ./run opens it, once a silent site has been found and is back; without the tour."""
    env = demo_environment(home) | {"HOME": str(home)}
    alive = {
        name: value for name, value in env.items() if name not in {"CONSOLE_START", "CONSOLE_DEMO_TRAFFIC"}
    }
    terminal = WatchedTerminal(columns, rows, PROGRAM, alive)
    terminal.wait_for("New here?", 60)
    terminal.press("\x1b")
    end = time.monotonic() + 240
    while not ("h shows" in terminal.text and SITE.search(terminal.text) and time.monotonic() > end - 75):
        if time.monotonic() > end:
            raise AssertionError(f"nothing was found to be wrong:\n{terminal.text}")
        terminal.read(0.5, 1.0)
    return terminal


def overviews(home: Path) -> None:
    """The first screen of a demo that is alive, large and small, and the devices by site."""
    terminal = alive_terminal(home, 132, 40)
    save(terminal, "overview")
    terminal.press("1", "DEVICE")
    terminal.press("i", "Group the devices")
    terminal.press("\r", "by site")
    terminal.read(1.0, 3.0)
    save(terminal, "groups")
    terminal.close()
    terminal = WatchedTerminal(80, 24, PROGRAM, demo_environment(home) | {"CONSOLE_START": "overview"})
    terminal.wait_for("h shows", 60)  # as soon as its worker has counted again
    terminal.read(1.0, 3.0)
    save(terminal, "overview-80x24")
    terminal.close()


def one_tour(terminal: WatchedTerminal, suffix: str) -> None:
    """Each screen once, as an operator comes by."""
    terminal.wait_for("online")
    terminal.press("\x1b")  # the tour, if it is the first start
    terminal.read(1.0, 3.0)
    terminal.press("/")
    terminal.press("pump-00")
    terminal.wait_for("pump-0003")
    terminal.press("\r")
    terminal.press("j", "LAST")
    save(terminal, f"devices{suffix}")
    terminal.press("c", "New command")
    terminal.press("set_interval", "interval_s is required")
    terminal.press("\r")
    terminal.press("\r")
    terminal.press("30", "Ready")
    save(terminal, f"compose{suffix}")
    terminal.press("\x13", "Send set_interval")
    terminal.press("y", "History")
    terminal.wait_for("alice")
    terminal.read(1.5, 2.0)
    save(terminal, f"history{suffix}")
    terminal.press("\r", "Command › Detail")
    save(terminal, f"detail{suffix}")
    terminal.press("\x1b", "History")
    terminal.press("\x1b", "DEVICE")
    terminal.press("\x1b")
    terminal.press("/site:lyon -sta", "→")
    save(terminal, f"filter{suffix}")
    terminal.press("\t")
    terminal.press("offline\r", "site:lyon")
    terminal.press("ac", "New command")
    terminal.press("read_meter", "Ready")
    terminal.press("\x13", "unlock")
    count = re.search(r"Type the count, (\d+), to unlock", "\n".join(terminal.screen.display))
    terminal.press(count[1] if count else "")
    save(terminal, f"confirm{suffix}")
    terminal.press("y", "ended")
    terminal.read(2.0, 12.0)
    save(terminal, f"batch{suffix}")
    terminal.close()


async def in_browser(home: Path) -> None:
    """The page of --serve-web, as a browser shows it."""
    own = {
        "CONSOLE_HOME": str(home), "CONSOLE_OPERATOR": "alice", "CONSOLE_START": "devices",
        "PYTHONPATH": str(HERE.parent),
    }  # fmt: skip
    env = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("CONSOLE_", "DATABASE_", "MQTT_"))
    }
    async with (
        served(env | own, "--embedded", "--serve-web", "0") as server,
        browser(1100, 620, ("--force-device-scale-factor=1.5",)) as page,
    ):
        await page.open(server.link)
        await page.until("online")
        await page.type("/site:lyon pump")
        await page.press("Enter")
        await page.until("pump-0001")
        await page.type("j")
        await page.press("Enter")
        await page.until("attempts")
        (HERE / "browser.png").write_bytes(await page.screenshot())
    print("made browser")


def record(terminal: WatchedTerminal) -> "Recording":
    """The demo of the README: see what is wrong, look at one of it, send to the whole site, see who answered what."""
    film = Recording(terminal)
    site = SITE.search(terminal.text)[1]  # type: ignore[index]
    film.hold(3.5)
    film.type("h", word="History", hold=2.5)
    film.type("\r", word="Command › Detail", hold=3.0)
    film.type("\x1b", word="History", hold=0.4)
    film.type("\x1b", word="ended per minute", hold=1.0)
    film.type(":", word="Go to", hold=0.5)
    film.type(site[:3], 0.35)
    film.hold(1.0)
    film.type("\r", word=f"site:{site}", hold=1.5)
    film.type("a", hold=0.8)
    film.type("c", word="New command", hold=0.8)
    film.type("ping", 0.15, word="Ready")
    film.hold(2.0)
    film.type("\x13", word="Send ping", hold=1.8)
    count = re.search(r"Type the count, (\d+), to unlock", "\n".join(terminal.screen.display))
    film.type(count[1] if count else "", 0.3)
    film.type("y", word="ended")
    for _ in range(10):
        film.hold(0.4)
    film.hold(3.0)
    terminal.close()
    return film


class Recording:
    """Frames of a terminal with their times, as an asciinema cast and as an animated SVG."""

    def __init__(self, terminal: WatchedTerminal) -> None:
        self._terminal = terminal
        self._frames: list[tuple[float, list[list[pyte.screens.Char]]]] = []
        self._at = 0.0

    def type(self, keys: str, pause_s: float = 0.1, *, word: str = "", hold: float = 0.0) -> None:
        for key in keys:
            self._terminal.press(key)
            self.hold(pause_s)
        if word:
            self._terminal.wait_for(word)
        self.hold(hold)

    def hold(self, seconds: float) -> None:
        """The screen as it is now, for so long."""
        self._terminal.read(0.05, max(0.05, seconds))
        screen = self._terminal.screen
        rows = [
            [screen.buffer[row][column] for column in range(screen.columns)] for row in range(screen.lines)
        ]
        if self._frames and self._frames[-1][1] == rows:
            self._at += seconds
            return
        self._frames.append((self._at, rows))
        self._at += seconds

    def cast(self) -> str:
        """Version 2 of asciinema's format: each frame paints the whole screen."""
        screen = self._terminal.screen
        lines = [
            json.dumps(
                {"version": 2, "width": screen.columns, "height": screen.lines, "title": "device-console"}
            )
        ]
        for at, rows in self._frames:
            painted = "\x1b[H" + "\r\n".join(_ansi(row) for row in rows)
            lines.append(json.dumps([round(at, 2), "o", painted]))
        return "\n".join(lines) + "\n"

    def svg(self) -> str:
        """Rows that occur in several frames are drawn once and used again; each frame has its time to be seen."""
        screen = self._terminal.screen
        width, height = screen.columns * CELL_W + 16, screen.lines * CELL_H + 16
        rows: dict[str, str] = {}
        frames, styles = [], []
        total = self._at
        for number, (at, chars) in enumerate(self._frames):
            end = self._frames[number + 1][0] if number + 1 < len(self._frames) else total
            uses = []
            for place, row in enumerate(chars):
                drawn = _row_svg(row)
                if drawn:
                    name = rows.setdefault(drawn, f"r{len(rows)}")
                    uses.append(f'<use href="#{name}" y="{place * CELL_H:.0f}"/>')
            frames.append(f'<g class="f" id="f{number}">{"".join(uses)}</g>')
            first, last = at / total * 100, end / total * 100
            styles.append(
                f"@keyframes k{number}{{0%,{max(0, first - 0.001):.3f}%{{visibility:hidden}}"
                f"{first:.3f}%,{last - 0.001:.3f}%{{visibility:visible}}{min(100, last):.3f}%,100%{{visibility:hidden}}}}"
                f"#f{number}{{animation:k{number} {total:.1f}s step-end infinite}}"
            )
        drawn_once = "".join(f'<g id="{name}">{drawn}</g>' for drawn, name in rows.items())
        size = f'width="{width:.0f}" height="{height:.0f}" viewBox="0 0 {width:.0f} {height:.0f}"'
        still = f"#f{len(self._frames) - 1}{{visibility:visible}}"  # where nothing moves
        font = f'font-family="DejaVu Sans Mono, Menlo, Consolas, monospace" font-size="{FONT}"'
        return "\n".join([
            f'<svg xmlns="http://www.w3.org/2000/svg" {size}>',
            f"<style>.f{{visibility:hidden}}{still}{''.join(styles)}</style>",
            f'<rect width="100%" height="100%" rx="6" fill="{BACKGROUND}"/>',
            f"<defs>{drawn_once}</defs>", f'<g {font} xml:space="preserve">', *frames, "</g>", "</svg>", "",
        ])  # fmt: skip


def _runs(row: list[pyte.screens.Char]) -> list[tuple[int, str, tuple[str, str, bool, bool]]]:
    found: list[tuple[int, str, tuple[str, str, bool, bool]]] = []
    for column, cell in enumerate(row):
        if found and found[-1][2] == _style(cell):
            found[-1] = (found[-1][0], found[-1][1] + cell.data, found[-1][2])
        else:
            found.append((column, cell.data, _style(cell)))
    return found


def _row_svg(row: list[pyte.screens.Char]) -> str:
    backs: list[tuple[int, int, int, str]] = []
    texts: list[str] = []
    for column, text, style in _runs(row):
        _run(text, 0, column, len(text), style, backs, texts)
    return "".join(_grounds(backs) + texts)


def _ansi(row: list[pyte.screens.Char]) -> str:
    parts = []
    for _, text, (front, back, bold, reverse) in _runs(row):
        codes = ["0"] + (["1"] if bold else []) + (["7"] if reverse else [])
        codes += [_rgb("38", colour(front, FOREGROUND)), _rgb("48", colour(back, BACKGROUND))]
        parts.append(f"\x1b[{';'.join(codes)}m{text}")
    return "".join(parts) + "\x1b[0m"


def _rgb(kind: str, value: str) -> str:
    red, green, blue = (int(value[at : at + 2], 16) for at in (1, 3, 5))
    return f"{kind};2;{red};{green};{blue}"


if __name__ == "__main__":
    main()

"""Writing a whole filtered history into a file: the name decides the format."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import ClassVar, TextIO

from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import Input

from console.domain.filters.language import Filter, Match
from console.domain.text.counts import counted
from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.services.exporter import FORMATS, Format, exported
from console.tables.columns import Cell, Tone
from console.tui.presenters.copies import naming_filter
from console.tui.state.background import start
from console.tui.state.console_state import ConsoleState
from console.tui.widgets.text import Lines

_HINT = "enter writes the file, esc cancels"


def _new_file(path: Path) -> TextIO:
    return path.open("x", encoding="utf-8", newline="")


def _place(path: Path) -> str:
    return safe(path.absolute(), 200)


def _remove(path: Path) -> None:
    path.unlink(missing_ok=True)


class ExportDialog(ModalScreen[str | None]):
    """Returns a sentence when the file is complete. A file that was begun and abandoned is removed."""

    AUTO_FOCUS = "Input"
    BINDINGS: ClassVar[list[BindingType]] = [Binding("escape", "close", show=False)]

    def __init__(self, state: ConsoleState, device_ids: tuple[str, ...] | None, wanted: Filter) -> None:
        super().__init__()
        self._state = state
        self._device_ids = device_ids
        self._wanted = wanted
        self._busy = False
        self._status_line = Lines(id="dialog-state")

    def compose(self) -> ComposeResult:
        with Vertical(id="dialog"):
            yield Lines(id="dialog-title")
            yield Input(f"{self._stem}.csv", compact=True, max_length=400, select_on_focus=False)
            yield self._status_line

    @property
    def _stem(self) -> str:
        """Return a file name from what is exported and when, so that a second export has another name."""
        what = f"commands-{self._state.tenant}"
        batches = [
            term.values for term in self._wanted.terms if isinstance(term, Match) and term.key == "batch"
        ]
        if batches:
            what = f"batch-{batches[0][0][:8]}"
        elif self._device_ids is not None and len(self._device_ids) == 1:
            what = f"commands-{self._device_ids[0][:60]}"
        name = "".join(c if c.isascii() and (c.isalnum() or c in "-_") else "_" for c in what)
        return f"{name}-{datetime.now(UTC):%Y-%m-%d-%H%M%S}"

    def on_mount(self) -> None:
        what = (
            f"all that matches {safe(self._wanted.text, 60)}"
            if self._wanted.text
            else "the whole history shown"
        )
        title = self.query_one("#dialog-title", Lines)
        title.show(
            [(Cell("Export ", "strong"), Cell(what)), (Cell("as .csv, .json or .jsonl, into", "dim"),)]
        )
        self._say(_HINT, "dim")

    @on(Input.Changed)
    def _typed(self) -> None:
        if not self._busy:
            self._say(_HINT, "dim")

    def _say(self, text: str, tone: Tone = "") -> None:
        self._status_line.show([(Cell(text, tone),)])

    @on(Input.Submitted)
    def _submitted(self, event: Input.Submitted) -> None:
        event.stop()
        path = Path(event.value.strip()).expanduser()
        form = next((form for form in FORMATS if path.suffix.lower() == f".{form}"), None)
        if form is None:
            self._say("The name must end in .csv, .json or .jsonl.", "bad")
        elif not self._busy:
            self._busy = True
            start(self, partial(self._write, path, form), "export")

    async def _write(self, path: Path, form: Format) -> None:
        out: TextIO | None = None
        count = -1
        try:
            out = _new_file(path)
            with out:
                count = await self._pour(out.write, form)
            self._note_export(path, form, count)
            self.dismiss(f"{counted(count, 'command')} written to {_place(path)}.")
        except ConsoleError as error:
            self._say(safe(error, 300), "bad")
        except FileExistsError:
            self._say("That file exists: choose another name.", "bad")
        except (OSError, ValueError) as error:
            self._say(f"It cannot be written: {safe(getattr(error, 'strerror', None) or error, 200)}.", "bad")
        finally:
            self._busy = False
            if out is not None and count < 0:
                _remove(path)

    def _note_export(self, path: Path, form: Format, count: int) -> None:
        devices, text = self._device_ids or (), self._wanted.text
        words = ["--where", text] if text else []
        if len(devices) == 1:
            words.insert(0, devices[0])
        elif devices:
            words = ["--where", f"{naming_filter(devices)} {text}".strip()] if naming_filter(devices) else []
        named = not devices or bool(words)
        state, place = self._state, str(path.absolute())
        line = [*words, "--format", form, "--output", place] if named else []
        state.log.exported(state.clock.now(), state.tenant, line, path.name, count)

    async def _pour(self, write: Callable[[str], object], form: Format) -> int:
        count = 0
        pieces = exported(
            self._state.program.history,
            self._state.tenant,
            form,
            device_ids=self._device_ids,
            wanted=self._wanted,
        )
        async for piece, commands in pieces:
            write(piece)
            count += commands
            self._say(f"{counted(count, 'command')}…", "live")
        return count

    def action_close(self) -> None:
        self.dismiss(None)

"""Opening what ended badly: in a column of the chart, or in all that it shows."""

from collections.abc import Sequence
from datetime import UTC, datetime
from functools import partial

from console.domain.conditions import Condition, Kind, is_in
from console.domain.figures import GroupKind, GroupTotals, MinuteTotals, RecentEnd
from console.domain.overview import Overview, Span, ended
from console.domain.text.safe import safe
from console.errors import ConsoleError
from console.tui.screens.base import ConsoleScreen
from console.tui.screens.overview_reads import OverviewReads
from console.tui.state.background import start
from console.tui.state.messages import ShowHistory

_WITH = {
    GroupKind.SITE: "at", GroupKind.MODEL: "of", GroupKind.FW: "on firmware", GroupKind.TYPE: "of",
    GroupKind.SENDER: "by",
}  # fmt: skip
_GONE = "what ended badly then was answered after all, or is no longer kept"


_FOR_EVER = datetime(9999, 12, 31, tzinfo=UTC)


def _kept(kept: int, counted: int) -> str:
    """Say so where fewer rows are kept than were counted; what was answered after all is not kept."""
    return f" ({kept:,} of {counted:,} kept)" if kept < counted else ""


class BadEnds:
    """Opens exactly the rows behind a number of the overview, as far as they are kept."""

    def __init__(self, screen: ConsoleScreen, reads: OverviewReads) -> None:
        self._screen, self._reads = screen, reads

    def none_in(self, column: MinuteTotals | None, figures: Overview | None, at: str) -> str | None:
        """Return why a column has nothing to open, None if it has; `at` is when it begins."""
        if column is None or figures is None:
            return "choose a column with ← and → first"
        if not column.ended.bad:
            return f"nothing ended badly at {at}"
        return None if self._reads.span or figures.ends_in(column.minute) else f"{_GONE}: {at}"

    def open_column(self, column: MinuteTotals, figures: Overview, at: str) -> None:
        """Open what ended badly in a column."""
        span, bad = self._reads.span, column.ended.bad
        if span is None:
            self._show(figures.ends_in(column.minute), bad, f"at {at}")
        else:
            self._look_up(column.minute, column.minute + span.step, bad, f"from {at}")

    def none_at_all(self) -> str | None:
        """Return why there is nothing to open in all that the chart shows; None if there is."""
        figures, span = self._reads.figures, self._reads.span
        if span is not None:
            return None if ended(span.pieces).bad else f"nothing ended badly in the {self._reads.range.value}"
        return None if figures and figures.ends else "nothing ended badly lately"

    def open_all(self) -> None:
        """Open all that ended badly in two hours, in the day, or in the week."""
        figures, span = self._reads.figures, self._reads.span
        if span is not None:
            until, when = _end(span), f"in the last {self._reads.range.value}"
            self._look_up(span.begin, until, ended(span.pieces).bad, when)
        elif figures is not None:
            self._show(figures.ends, ended(figures.minutes).bad, "in the last two hours")

    def open_group(self, group: GroupTotals, since: datetime, at: str) -> None:
        """Open what ended badly of a name since the time from which it is counted; `at` writes that time."""
        only = (Condition(Kind(group.kind.value), group.name),)
        when = f"{_WITH[group.kind]} {safe(group.name, 40)} since {at}"
        self._look_up(since, _FOR_EVER, group.ended.bad, when, only)

    def _look_up(
        self, since: datetime, until: datetime, bad: int, when: str, only: Sequence[Condition] = ()
    ) -> None:
        start(self._screen, partial(self._read, since, until, bad, when, only), "open")

    async def _read(
        self, since: datetime, until: datetime, bad: int, when: str, only: Sequence[Condition]
    ) -> None:
        screen, state = self._screen, self._screen.state
        try:
            found = await state.program.figures.recent_ends(state.tenant, since, until=until)
        except ConsoleError as error:
            screen.say(safe(error, 300), "bad")
            return
        if not screen.still_here():
            return
        ends = [end for end in found.value if is_in(end, only)]
        if ends:
            self._show(ends, bad, when)
        else:
            screen.say(f"{_GONE[0].upper()}{_GONE[1:]}.", "warn")

    def _show(self, ends: Sequence[RecentEnd], bad: int, when: str) -> None:
        only = tuple(end.command_id for end in ends)
        of = f"Not ok {when}{_kept(len(ends), bad)}"
        self._screen.post_message(ShowHistory(None, of=of, only=only))


def _end(span: Span) -> datetime:
    """When the newest piece ends."""
    return span.begin + span.step * span.count

"""The sessions of all clients: how many there may be, which are kept when their line is cut, and their end.

Decided in docs/decisions/0067-one-process-for-all-sessions.md and
docs/decisions/0062-who-watches-is-not-idle.md
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import Counter
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

from console.domain.text.durations import elapsed
from console.exit_codes import ExitCode
from console.serve import audit
from console.serve.identity import Identity, NotAdmittedError
from console.tui import remote_session

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from console.runtime.program import Program
    from console.tui.application.remote import RemoteSession
    from console.tui.terminal.stream import Link

MOST_KEPT = 5
RESUMED = "The line was cut: this is where you were."
_log = logging.getLogger("console.serve")


@dataclass(frozen=True, slots=True)
class Limits:
    """A session ends `idle_s` after its last key, or `watch_s` on a screen that is there to be watched.

    One whose line was cut is kept for `keep_s`.
    """

    sessions: int = 20
    per_key: int = 3
    idle_s: float = 900.0
    watch_s: float = 28_800.0
    keep_s: float = 600.0


@dataclass(frozen=True, slots=True)
class Terminal:
    """What a client says about its terminal."""

    term: str
    environment: Mapping[str, str]
    columns: int
    rows: int


@dataclass(eq=False)
class Session:
    """A console and whom it belongs to. `peer` is the address of its client; empty when it is kept."""

    who: Identity
    remote: RemoteSession
    peer: str
    since: float = field(default_factory=time.monotonic)
    keyed_at: float = field(default_factory=time.monotonic)
    ending: asyncio.TimerHandle | None = None
    is_over: bool = False  # it is ending: it cannot be taken up any more

    @property
    def is_watching(self) -> bool:
        """Whether somebody with a name may be looking on without a key."""
        return self.remote.is_watched and not self.who.is_guest

    def end(self, words: str = "") -> None:
        """End its console; `words` say why at the other end."""
        self.is_over = True
        self.remote.end(words)

    def feed(self, data: bytes) -> None:
        """Take input from its terminal."""
        self.keyed_at = time.monotonic()
        self.remote.feed(data)


class Sessions:
    """All of them."""

    def __init__(self, limits: Limits, program: Callable[[Identity], Program]) -> None:
        self._limits = limits
        self._program = program
        self._tasks: dict[Session, asyncio.Task[int]] = {}
        self._closed = ""

    @property
    def attached(self) -> list[Session]:
        """Those that somebody looks at."""
        return [session for session in self._tasks if session.peer and not session.is_over]

    @property
    def kept(self) -> list[Session]:
        """Those whose line was cut, the oldest first."""
        return [session for session in self._tasks if not session.peer and not session.is_over]

    def open(self, who: Identity, terminal: Terminal, link: Link, peer: str) -> Session:
        """Begin a session, or take up the one of the same key whose line was cut.

        Raises:
            NotAdmittedError: there are too many.
        """
        if self._closed:
            raise NotAdmittedError(self._closed)
        for other in self.attached:
            if who.tab and other.who == who:
                self.cut(other)  # the same tab again: its line is dead, though nobody has noticed yet
        attached = self.attached
        if len(attached) >= self._limits.sessions:
            raise NotAdmittedError("too many sessions are open on this server: try again later")
        same = [session for session in attached if session.who == who]
        if not who.is_guest and len(same) >= self._limits.per_key:
            raise NotAdmittedError(f"this key already has {len(same)} sessions: leave one of them first")
        kept = None if who.is_guest else next((s for s in self.kept if s.who == who), None)
        if kept is not None:
            return self._resumed(kept, terminal, link, peer)
        remote = remote_session(
            self._program(who), terminal.term, terminal.environment, (terminal.columns, terminal.rows)
        )
        session = Session(who, remote, peer)
        remote.attach(link, terminal.columns, terminal.rows)
        self._tasks[session] = asyncio.create_task(self._live(session))
        self._expect_keys(session)
        self._record("opened", session)
        return session

    def _resumed(self, session: Session, terminal: Terminal, link: Link, peer: str) -> Session:
        session.peer, session.keyed_at = peer, time.monotonic()
        self._expect_keys(session)
        session.remote.attach(link, terminal.columns, terminal.rows, RESUMED)
        self._record("resumed", session)
        return session

    async def until_over(self, session: Session) -> int:
        """Wait for the end of a session; return its exit code."""
        task = self._tasks.get(session)
        return 0 if task is None else await asyncio.shield(task)

    def cut(self, session: Session) -> None:
        """Keep a session whose line was cut: the newest one of a key, and the newest few of all."""
        if session not in self._tasks or not session.peer:
            return
        self._record("cut", session)
        session.peer = ""
        session.remote.detach()
        self._tasks[session] = self._tasks.pop(session)  # the newest comes last
        if session.who.is_guest:
            session.end()
            return
        self._end_at(session, self._limits.keep_s, "")
        same = [other for other in self.kept if other.who == session.who and other is not session]
        for surplus in {*same, *self._surplus()}:
            surplus.end()

    def _surplus(self) -> list[Session]:
        """Return what is kept beyond the limit: the oldest of whoever keeps the most."""
        kept = self.kept
        owners = {session: replace(session.who, tab="") for session in kept}
        shares, surplus = Counter(owners.values()), []
        while len(kept) > MOST_KEPT:
            most = max(shares.values())
            oldest = next(session for session in kept if shares[owners[session]] == most)
            shares[owners[oldest]] -= 1
            kept.remove(oldest)
            surplus.append(oldest)
        return surplus

    async def end_all(self, words: str) -> None:
        """End all sessions, wait for it, and begin none any more."""
        self._closed = words
        tasks = tuple(self._tasks.values())
        for session in self._tasks:
            session.end(words)
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _live(self, session: Session) -> int:
        try:
            return await session.remote.run()
        except Exception:  # noqa: BLE001 - a defect of one session must not end the others
            _log.exception("a session failed")
            return ExitCode.FAILED
        finally:
            if session.ending is not None:
                session.ending.cancel()
            del self._tasks[session]
            self._record("closed", session)

    def _expect_keys(self, session: Session) -> None:
        """End a session without a key for too long."""
        idle_s = self._limits.idle_s
        most_s = self._limits.watch_s if session.is_watching else idle_s
        left_s = session.keyed_at + most_s - time.monotonic()
        if left_s <= 0:
            session.end(f"nothing was typed for {elapsed(most_s)}; the session has ended")
            return
        if session.ending is not None:
            session.ending.cancel()
        after_s = min(left_s, idle_s)  # another screen may be open by then
        session.ending = asyncio.get_running_loop().call_later(after_s, self._expect_keys, session)

    def _end_at(self, session: Session, after_s: float, words: str) -> None:
        if session.ending is not None:
            session.ending.cancel()
        session.ending = asyncio.get_running_loop().call_later(after_s, session.end, words)

    def _record(self, event: audit.Event, session: Session) -> None:
        audit.record(
            event,
            address=session.peer,
            key=session.who.fingerprint or session.who.tab,
            operator=session.who.operator,
            tenants=",".join(session.who.tenants),
            sessions=len(self.attached),
            seconds=None if event == "opened" else round(time.monotonic() - session.since, 1),
            bytes=None if event == "opened" else session.remote.sent,
        )

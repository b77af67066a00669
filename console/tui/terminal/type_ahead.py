"""Keys that arrive together have the same effect as keys typed one after the other.

Decided in docs/decisions/0018-one-key-at-a-time.md
"""

import asyncio
from collections import deque

from textual import events
from textual.app import App, ScreenStackError
from textual.dom import DOMNode
from textual.message import Message
from textual.message_pump import MessagePump

PATIENCE_S = 0.5
_FEW_ROUNDS, _MOST_ROUNDS = 2, 8


class TypeAhead:
    """Passes input to the application in order, each key only after the last one has taken effect.

    Textual gives a key to the widget that has the focus at that moment. Over a slow line several keys
    come in one piece, so the letters behind a `/` would still go to the table, and run actions there. The
    effect of a key travels as messages from the widget up to the application: a new focus or screen, perhaps.
    So before the next key, each of them, from the widget up, has to report that it has handled its messages;
    again if the focus has moved. The wait ends after half a second.
    """

    def __init__(self, app: App[object]) -> None:
        self._app = app
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Message] = deque()
        self._task: asyncio.Task[None] | None = None
        self._woken = False
        self._acting = False

    @property
    def waiting(self) -> int:
        """How much input, and how many other messages, the application has not taken yet."""
        return len(self._waiting) + self._app.message_queue_size

    def put(self, message: Message) -> None:
        """Take input, on the thread that reads the terminal.

        The loop is woken once for all that is waiting: the pipe that wakes it holds some 280 calls, and a
        signal that finds it full is lost. Without that a SIGTERM behind a long paste did not end the program.
        """
        self._waiting.append(message)
        if not self._woken:
            self._woken = True
            self._loop.call_soon_threadsafe(self._wake)

    def _wake(self) -> None:
        self._woken = False
        if self._task is None or self._task.done():
            self._task = self._loop.create_task(self._hand_over())

    async def _hand_over(self) -> None:
        while self._waiting:
            if self._acting:
                self._acting = False
                await self._done()
            message = self._waiting.popleft()
            self._acting = isinstance(message, (events.Key, events.Paste, events.MouseUp))
            self._app.post_message(message)

    async def _done(self) -> None:
        try:
            async with asyncio.timeout(PATIENCE_S):
                still, before = 0, self._place()
                for _ in range(_MOST_ROUNDS):
                    for pump in self._chain():
                        await _through(pump)
                        await _through(pump)  # messages that it has posted to itself meanwhile
                    after = self._place()
                    still, before = still + 1 if after == before else 0, after
                    if still == _FEW_ROUNDS:
                        return
        except TimeoutError:
            pass

    def _place(self) -> tuple[object, object]:
        """Return the widget that the next key would go to."""
        try:
            return self._app.screen, self._app.focused
        except ScreenStackError:
            return None, None

    def _chain(self) -> list[MessagePump]:
        """Return the application, which distributes keys, then the widgets from the focused one up to it."""
        screen, focused = self._place()
        lowest = focused or screen
        return [self._app, *(lowest.ancestors_with_self if isinstance(lowest, DOMNode) else ())]


async def _through(pump: MessagePump) -> None:
    """Wait until a widget has handled its present messages; do not wait if it takes no more messages."""
    passed = asyncio.Event()
    if pump.call_later(passed.set):
        await passed.wait()

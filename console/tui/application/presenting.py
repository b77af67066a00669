"""What a presenter and an operator on a slow line ask for after `:`: a scene of the demo, or quiet."""

from functools import partial

from textual.app import App

from console.errors import ConsoleError
from console.runtime.director import Director, Scene
from console.tui.screens.base import top_screen
from console.tui.state.background import start
from console.tui.state.messages import AskForScene, SwitchQuiet
from console.tui.terminal.frames import easel_of

_QUIET = "Quiet: next to nothing is written that no key asks for. Choose :quiet again to end it."
_LOUD = "No longer quiet: everything is shown as it comes."


class Presenting(App[int]):
    """Answers these two messages, and says what came of them."""

    director: Director | None = None

    def on_ask_for_scene(self, message: AskForScene) -> None:
        start(self, partial(self._play, message.scene), "scene")

    async def _play(self, scene: Scene) -> None:
        if self.director is None:
            return
        try:
            await self.director.ask_for(scene)
        except ConsoleError as error:
            self._tell(str(error))
        else:
            self._tell(f"Demo: {scene} has been asked for.")

    def on_switch_quiet(self, message: SwitchQuiet) -> None:
        del message
        easel = easel_of(self)
        if easel is not None:
            easel.be_quiet(quiet=not easel.is_quiet)
            self._tell(_QUIET if easel.is_quiet else _LOUD)

    def _tell(self, text: str) -> None:
        top = top_screen(self)
        if top is not None:
            top.say(text)

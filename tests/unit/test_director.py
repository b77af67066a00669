"""Whom the director of the demo asks."""

import pytest

from console.errors import ConflictError
from console.runtime.director import NOTES, Director, Scene
from console.simulator.traffic import Happening


class Plays:
    def __init__(self) -> None:
        self.asked: list[Happening] = []

    async def happen(self, what: Happening) -> None:
        self.asked.append(what)


@pytest.mark.parametrize("scene", list(Scene))
async def test_each_scene_is_played_by_those_who_can(scene: Scene) -> None:
    killed: list[bool] = []
    director, plays = Director(lambda: killed.append(True)), Plays()
    director.plays = plays
    await director.ask_for(scene)
    assert NOTES[scene]
    if scene is Scene.BROKER:
        assert (killed, plays.asked) == ([True], [])
    else:
        assert (killed, [what.value for what in plays.asked]) == ([], [scene.value])


async def test_where_another_process_simulates_it_says_so() -> None:
    with pytest.raises(ConflictError, match="Another process"):
        await Director(lambda: None).ask_for(Scene.QUIET)

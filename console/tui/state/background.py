"""Starting work beside the screen: the coroutine is made when it runs, so that none is lost unawaited."""

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode
from textual.worker import Worker


def start(
    node: DOMNode, work: Callable[[], Coroutine[Any, Any, None]], group: str, *, exclusive: bool = False
) -> None:
    """Run `work` as long as `node` lives; an exclusive one ends the earlier of its group."""
    worker: Worker[None] = node.run_worker(work, group=group, exclusive=exclusive)
    del worker

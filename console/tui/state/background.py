"""Starting background work of a screen: the coroutine is created when it runs, so it is always awaited."""

from collections.abc import Callable, Coroutine
from typing import Any

from textual.dom import DOMNode
from textual.worker import Worker


def start(
    node: DOMNode, work: Callable[[], Coroutine[Any, Any, None]], group: str, *, exclusive: bool = False
) -> None:
    """Run `work` while `node` exists; exclusive work cancels the earlier work of its group."""
    worker: Worker[None] = node.run_worker(work, group=group, exclusive=exclusive)
    del worker

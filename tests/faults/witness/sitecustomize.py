"""Writes down what this interpreter does to its host: programs started, files opened or changed, signals sent.

Python reads it at its start from a folder on PYTHONPATH. A hook cannot be taken out again. One event is one line of JSON in
the file that ``CONSOLE_TEST_WITNESS`` names: its name, and its arguments as text, a path as an absolute one.
"""

import json
import os
import sys

_SEEN = (
    "open", "os.exec", "os.fork", "os.forkpty", "os.posix_spawn", "os.spawn", "os.system", "os.kill", "os.killpg", "os.chmod",
    "os.chown", "os.link", "os.mkdir", "os.remove", "os.rename", "os.rmdir", "os.symlink", "os.truncate", "pty.spawn",
    "subprocess.Popen", "webbrowser.open",
)  # fmt: skip


def _watch(path: str) -> None:
    out = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        if event not in _SEEN:
            return
        first, *others = arguments
        if isinstance(first, int) and event == "open":  # a descriptor that is open already
            return
        if isinstance(first, str | bytes | os.PathLike):
            first = os.path.abspath(os.fsdecode(first))  # noqa: PTH100 - the name that was opened, not its target
        os.write(out, json.dumps([event, *map(str, (first, *others))]).encode() + b"\n")

    sys.addaudithook(hook)


if os.environ.get("CONSOLE_TEST_WITNESS"):
    _watch(os.environ["CONSOLE_TEST_WITNESS"])

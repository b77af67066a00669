"""Completion for bash, zsh and fish, made from the parser by shtab.

Decided in docs/decisions/0075-a-release.md
"""

import argparse
from collections.abc import Mapping

from console.cli.parser import build_parser
from console.shell.registry import SUMMARIES

SHELLS: Mapping[str, str] = {
    "bash": "bash-completion/completions/device-console",
    "zsh": "zsh/site-functions/_device-console",
    "fish": "fish/vendor_completions.d/device-console.fish",
}


def completion(shell: str) -> str:
    """Return the completion for a shell."""
    import shtab

    parser = build_parser()
    for name in SUMMARIES:
        parser.verbs[name].load()
        _complete_paths(parser.verbs[name], shtab.FILE, shtab.DIRECTORY)
    _complete_paths(parser, shtab.FILE, shtab.DIRECTORY)
    text: str = shtab.complete(parser, shell)
    return "\n".join(line.rstrip() for line in text.rstrip().splitlines()) + "\n"


def _complete_paths(parser: argparse.ArgumentParser, file: object, folder: object) -> None:
    """Mark what is a path on this host, by its name in help."""
    for action in parser._actions:  # noqa: SLF001 - argparse has no public list
        wanted = {"FILE": file, "DIR": folder}.get(str(action.metavar))
        if wanted is not None:
            vars(action)["complete"] = wanted

"""The manual page and the completions that are committed are those of the parser."""

import re

import pytest

from console.cli.parser import build_parser
from console.shell.registry import SUMMARIES
from release.completion import SHELLS
from release.man_page import man_page, roff
from release.share import MAN_PAGE, SHARE

AGAIN = "run: scripts/build --tools && PYTHONPATH=. .venv-build/bin/python -m release.share"


def test_the_manual_page_is_that_of_the_parser() -> None:
    assert MAN_PAGE.read_text("utf-8") == man_page(), AGAIN


@pytest.mark.parametrize("shell", SHELLS)
def test_each_command_and_option_can_be_completed(shell: str) -> None:
    """Without shtab only this is seen; tests/release compares every byte."""
    text, parser = (SHARE / SHELLS[shell]).read_text("utf-8"), build_parser()
    for name in SUMMARIES:
        parser.verbs[name].load()
    options = {word for each in (parser, *parser.verbs.values()) for word in each.options} - {"-h"}
    written = {f"--{word}" for word in re.findall(r"-l ([\w-]+)", text)} | set(re.findall(r"--[\w-]+", text))
    assert options - written == set(), AGAIN
    assert [name for name in SUMMARIES if name not in text] == [], AGAIN


def test_text_is_no_request_of_roff() -> None:
    assert roff(".so /etc/passwd\n'x\\n") == "\\&.so /etc/passwd\n\\(aqx\\en"
    assert roff("--a^b~") == "\\-\\-a\\(hab\\(ti"

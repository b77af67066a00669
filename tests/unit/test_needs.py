"""What is not on this machine skips a test with the reason, and the reasons are counted in one line."""

import re
from pathlib import Path

import pytest

from tests import brokers, needs
from tests.brokers import start_broker
from tests.faults.debian import debian_postgres
from tests.faults.other_brokers import other_broker
from tests.faults.pooler import pgbouncer

ROOT = Path(__file__).parents[2]


def test_a_test_that_starts_what_is_not_here_is_skipped_with_the_reason(
    monkeypatch: pytest.MonkeyPatch, tmp_path
) -> None:
    """Without it, a machine that has only Python sees `FileNotFoundError: 'None'` forty times."""
    for module in (brokers, needs):
        monkeypatch.setattr(module, "find_program", lambda _name: None)
    monkeypatch.setattr("tests.faults.pooler.find_program", lambda _name: None)
    monkeypatch.setattr("tests.faults.debian.debian_binaries", lambda: None)
    for name in ("rabbitmq", "debian_nats"):
        monkeypatch.setattr(f"tests.faults.other_brokers.{name}", lambda: None)
    for server, what in (
        (start_broker("mosquitto"), "mosquitto"),
        (pgbouncer(tmp_path, 1), "pgbouncer"),
        (debian_postgres(), "the distribution's PostgreSQL"),
        (other_broker("rabbitmq"), "RabbitMQ"),
        (other_broker("nats-server"), "the distribution's nats-server"),
    ):
        with pytest.raises(pytest.skip.Exception, match=f"needs {what}"), server:
            pass


def test_the_last_line_says_how_many_need_what() -> None:
    message = ["Skipped: needs mosquitto"] * 3 + ["Skipped: needs tmux", "a reason of its own"]
    assert needs.summary(message) == (
        "needs mosquitto: 3 skipped; needs tmux: 1 skipped; needs something unnamed: 1 skipped"
    )
    assert needs.summary([]) == ""


def test_nothing_advises_to_install_what_nobody_published() -> None:
    """No package index has a device-console: whoever follows such advice gets nothing, or a stranger's package."""
    texts = [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "console").rglob("*.py"),
        ROOT / "scripts/environment.sh",
    ]
    advice = re.compile(
        r"(pip|pipx|uv|install)\s[^`\n]*device-console(\[|\s*$)|device-console\[", re.MULTILINE
    )
    assert [path.name for path in texts if advice.search(path.read_text("utf-8"))] == []

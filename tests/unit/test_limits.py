"""Each limit stands once: what is shown of it and what depends on it follows when it is changed."""

import re
import shutil
import subprocess
import sys
from datetime import timedelta
from pathlib import Path

import pytest

from console import limits
from console.domain.text.durations import in_words
from console.domain.ttl import TTL_EXAMPLES, TTL_RANGE, TTL_RANGE_TYPED, parse_ttl
from console.settings import Settings

ROOT = Path(__file__).parents[2]
_WRITTEN_OUT = re.compile(
    r"604_?800|7 \* (24|86_?400)|days=7\b|\b(7|seven) days|5s to 7d|expiration 7d|65_?536|interval '7"
)
# Reviewed: the same number, another thing.
_OTHER_THINGS = {
    "domain/forms.py": "an example of a number",
    "domain/urls.py": "ports",
    "store/dsn.py": "ports",
    "domain/text/safe.py": "characters that are shown",
    "domain/text/durations.py": "an example of a span",
    "embedded/servers.py": "bytes read at once",
    "embedded/children.py": "bytes read at once",
}
_SHOW = """
from datetime import timedelta
import argparse
from console.cli.parser import build_parser
from console.domain.ttl import parse_ttl
from console.embedded import broker
from console.mqtt.ack_stream import SESSION_S
from console.tui.screens.compose import screen
print(parse_ttl("14d") == timedelta(days=14))
print(SESSION_S >= 14 * 86_400, broker._SESSION_DAYS >= 14)
print(screen.TTL_RANGE, "|", screen.TTL_EXAMPLES)
actions = [action for action in build_parser()._actions if isinstance(action, argparse._SubParsersAction)]
print(" ".join(actions[0].choices["send"].format_help().split()))
"""


def test_no_other_place_writes_a_limit_out() -> None:
    found = {
        str(path.relative_to(ROOT / "console"))
        for kind in ("*.py", "*.sql")
        for path in (ROOT / "console").rglob(kind)
        if _WRITTEN_OUT.search(path.read_text("utf-8"))
    }
    assert found == {*_OTHER_THINGS, "limits.py"}


def test_whoever_raises_the_longest_ttl_need_not_touch_anything_else(tmp_path: Path) -> None:
    """Without the limit in one place, the broker forgets our session before the last answer may come."""
    shutil.copytree(ROOT / "console", tmp_path / "console")
    path = tmp_path / "console" / "limits.py"
    text = path.read_text("utf-8")
    assert text.count("MAX_TTL = timedelta(days=7)") == 1
    path.write_text(text.replace("MAX_TTL = timedelta(days=7)", "MAX_TTL = timedelta(days=14)"), "utf-8")
    done = subprocess.run([sys.executable, "-c", _SHOW], cwd=tmp_path, capture_output=True, text=True, check=False)  # fmt: skip
    assert done.returncode == 0, done.stderr
    parsed, kept, form, help_text = done.stdout.splitlines()
    assert (parsed, kept) == ("True", "True True")
    assert form == "5 seconds to 14 days | 30s, 10m, 1h30m or 14d"
    assert "5s to 14d (default 1h)" in help_text


def test_the_broker_keeps_our_session_as_long_as_answers_may_come() -> None:
    assert limits.ACK_SESSION >= limits.MAX_TTL
    assert limits.MIN_TTL <= limits.DEFAULT_TTL <= limits.MAX_TTL


def test_the_texts_are_made_of_the_limits() -> None:
    assert (TTL_RANGE, TTL_RANGE_TYPED) == ("5 seconds to 7 days", "5s to 7d")
    for example in re.split(", | or ", TTL_EXAMPLES):
        assert limits.MIN_TTL <= parse_ttl(example) <= limits.MAX_TTL


def test_the_settings_are_bounded_by_them() -> None:
    default = Settings()
    assert (default.max_payload_bytes, default.max_ack_bytes) == (
        limits.MAX_PAYLOAD_BYTES,
        limits.MAX_ACK_BYTES,
    )
    assert limits.LEAST_MAX_BYTES < limits.MAX_PAYLOAD_BYTES < limits.MOST_MAX_BYTES


def test_the_schema_has_the_same_ones() -> None:
    """The table is the platform's and its default is law; the console's own checks must not be narrower."""
    table = (ROOT / "migrations" / "079_device_commands.sql").read_text("utf-8")
    assert f"INTERVAL '{in_words(limits.DEFAULT_TTL)}'" in table
    ours = (ROOT / "migrations" / "900_console.sql").read_text("utf-8")
    bounds = re.findall(r"ingest_slots(?:_ever)? BETWEEN 1 AND (\d+)", ours)
    assert bounds == [str(limits.MAX_INGEST_SLOTS)] * 2
    commands = (ROOT / "migrations" / "901_commands.sql").read_text("utf-8")
    ids = [int(size) for size in re.findall(r"octet_length\(\w+_id\) <= (\d+)", commands)]
    assert ids
    assert min(ids) >= 4 * limits.MAX_ID_LENGTH  # bytes of the longest characters
    kept = (ROOT / "migrations" / "908_retention.sql").read_text("utf-8")
    keep = [limits.MIN_KEEP, limits.MAX_KEEP]
    assert [timedelta(seconds=int(s)) for s in re.findall(r"BETWEEN (\d+) AND (\d+)", kept)[0]] == keep
    batches = (ROOT / "migrations" / "903_batches.sql").read_text("utf-8")
    assert int(re.findall(r"ttl_s BETWEEN 0 AND (\d+)", batches)[0]) >= limits.MAX_TTL.total_seconds()


@pytest.mark.parametrize(
    ("span", "words"),
    [
        (timedelta(seconds=5), "5 seconds"), (timedelta(seconds=1), "1 second"), (timedelta(minutes=90), "90 minutes"),
        (timedelta(hours=1), "1 hour"), (timedelta(days=14), "14 days"), (timedelta(0), "0 seconds"),
    ],
)  # fmt: skip
def test_a_span_is_written_out_in_its_largest_whole_unit(span: timedelta, words: str) -> None:
    assert in_words(span) == words

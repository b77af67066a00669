"""A value that cannot be wrong is taken without pydantic, and becomes what pydantic would have made of it."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from console.errors import UsageError
from console.secret import Secret
from console.settings import NAMES, SECRETS, SETTINGS, Settings, load
from console.settings_judge import judged

REPOSITORY = Path(__file__).parents[2]
_LOADED = "import sys; from console.settings import load; load({}); print('pydantic' in sys.modules)"
WORDS = [
    "auto",
    "3.1.1",
    "mosquitto",
    "accept",
    "record-only",
    "on",
    "off",
    "",
    "0",
    "2.5",
    "dark",
    "No Theme",
    "é",
    "\udc80",
    "~/x",
]


@settings(deadline=None)  # the first value loads pydantic
@given(
    st.sampled_from(NAMES),
    st.sampled_from(WORDS) | st.text(max_size=20) | st.booleans() | st.integers(-1, 10**7),
)
def test_both_ways_end_in_the_same_value(name: str, value: object) -> None:
    """Without it, a setting means one thing alone and another beside one that is judged."""
    try:
        expected = Settings(**judged(SETTINGS, {name: value}, {name: "flag"}, as_text=SECRETS))
    except UsageError as error:
        with pytest.raises(UsageError, match="is wrong") as refused:
            load({name: value}, {"CONSOLE_CONFIG": "/nowhere"})
        assert str(refused.value) == str(error)
    else:
        found = load({name: value}, {"CONSOLE_CONFIG": "/nowhere"}).settings
        assert found == expected
        assert type(getattr(found, name)) is type(getattr(expected, name))


@pytest.mark.parametrize(
    ("more", "loads"),
    [
        (
            {
                "DATABASE_URL": "postgresql://u:p@h/x",
                "CONSOLE_TENANT": "acme",
                "CONSOLE_MQTT_VERSION": "auto",
            },
            False,
        ),
        ({"CONSOLE_READ_ONLY": "on"}, True),
        ({"CONSOLE_OPERATOR": "Zoë"}, True),
    ],
)
def test_only_a_value_that_may_be_wrong_is_judged(more: dict[str, str], loads: bool) -> None:
    """Without it, each short command waits for pydantic."""
    asked = subprocess.run(
        [sys.executable, "-c", _LOADED], cwd=REPOSITORY, capture_output=True, text=True, check=True,
        env={"PATH": "/usr/bin:/bin", "CONSOLE_CONFIG": "/nowhere", **more, "PYTHONUTF8": "1"},
    )  # fmt: skip
    assert asked.stdout.strip() == str(loads)


def test_a_secret_is_nowhere_in_what_is_printed() -> None:
    """Without it, a traceback or a log line shows the password."""
    settings = Settings(mqtt_url=Secret("mqtt://u:canary@h"), database_url="postgresql://u:canary@h/x")  # type: ignore[arg-type]
    assert (
        "canary"
        not in f"{settings!r} {settings.mqtt_url} {settings.database_url!r} {settings.database_url!s}"
    )
    assert settings.newest_secret("database_url") == "postgresql://u:canary@h/x"
    assert not Secret("")

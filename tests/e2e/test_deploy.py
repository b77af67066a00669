"""What is in deploy/, judged by the programs that will read it."""

import asyncio
import json
import re
import subprocess
import sys
from asyncio.subprocess import DEVNULL
from pathlib import Path

import pytest

from console.store.access import Access
from tests.brokers import BrokerProcess, free_port
from tests.conftest import Fleet
from tests.faults.processes import REPOSITORY, environment
from tests.listened import page
from tests.needs import find_program, need
from tests.waiting import until

DEPLOY = REPOSITORY / "deploy"
UNIT = DEPLOY / "systemd" / "device-console-sweeper.service"
RULES = DEPLOY / "prometheus" / "rules.yml"
RULES_TEST = DEPLOY / "prometheus" / "rules_test.yml"
MOST_EXPOSURE = 1.5


def run(program: str, *arguments: str | Path) -> str:
    """What it prints; it must end with 0."""
    found = subprocess.run(
        [str(find_program(program)), *map(str, arguments)], capture_output=True, text=True, check=False
    )
    assert found.returncode == 0, found.stdout + found.stderr
    return found.stdout + found.stderr


@pytest.fixture
def unit(tmp_path: Path) -> Path:
    """The unit with a program that exists."""
    text = UNIT.read_text("utf-8")
    assert "/opt/device-console/bin/device-console --sweeper --listen" in text
    path = tmp_path / UNIT.name
    path.write_text(text.replace("/opt/device-console/bin/device-console", sys.executable))
    return path


@pytest.mark.systemd
def test_systemd_understands_the_unit(unit: Path) -> None:
    """Without it, a misspelt line of the sandbox is ignored with a warning that nobody reads."""
    assert run("systemd-analyze", "verify", "--man=no", unit) == ""


@pytest.mark.systemd
def test_the_unit_keeps_the_workers_in_a_sandbox(unit: Path) -> None:
    """Without it, a line that is dropped to make something work stays dropped."""
    text = run("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", text)
    assert found is not None, text
    assert float(found[1]) <= MOST_EXPOSURE


@pytest.mark.promtool
def test_prometheus_understands_the_rules_and_each_fires_when_it_should() -> None:
    run("promtool", "check", "rules", RULES)
    assert "SUCCESS" in run("promtool", "test", "rules", RULES_TEST)


def test_every_rule_is_tried_in_both_directions() -> None:
    """Without it, a new rule may never fire, or always."""
    rules = re.findall(r"- alert: (\w+)", RULES.read_text("utf-8"))
    tried = RULES_TEST.read_text("utf-8")
    assert len(rules) == len(set(rules)) > 5
    for rule in rules:
        assert re.search(rf"alertname: {rule}, exp_alerts: \[\]", tried), rule
        assert re.search(rf"alertname: {rule}\s+exp_alerts:\s+- exp_labels", tried), rule


def expressions() -> list[str]:
    board = json.loads((DEPLOY / "grafana" / "dashboard.json").read_text("utf-8"))
    panels = board["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    return [target["expr"] for panel in panels for target in panel["targets"]]


def test_the_dashboard_shows_only_rates_of_what_grows() -> None:
    """Without the rate, a panel shows how long a worker has run."""
    for expression in expressions():
        assert ("_total" in expression or "_bucket" in expression) == ("rate(" in expression), expression


@pytest.mark.promtool
def test_prometheus_understands_the_dashboard(tmp_path: Path) -> None:
    rules = [
        {"record": f"panel:{number}", "expr": expression.replace("$__rate_interval", "5m")}
        for number, expression in enumerate(expressions())
    ]
    path = tmp_path / "rules.json"  # which is YAML, too
    path.write_text(json.dumps({"groups": [{"name": "dashboard", "rules": rules}]}))
    run("promtool", "check", "rules", path)


_WITHOUT_RIGHTS = """
import ctypes, sys
if ctypes.CDLL(None, use_errno=True).prctl(65, 1, 0, 0, 0):  # PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN
    sys.exit(99)
from console.__main__ import main
sys.exit(main())
"""


@pytest.mark.proc
@pytest.mark.mosquitto
async def test_the_workers_need_no_memory_that_is_written_and_run(
    access: Access, mosquitto: BrokerProcess, fleet: Fleet, tmp_path: Path
) -> None:
    """Without it, `MemoryDenyWriteExecute=yes` of the unit may end them at the first import of a compiled library."""
    port = free_port()
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", _WITHOUT_RIGHTS, "--sweeper", "--listen", str(port), cwd=REPOSITORY,
        env=environment(tmp_path, access.url, mosquitto.address), stderr=DEVNULL,
    )  # fmt: skip
    try:

        async def ready() -> bool:
            need("a kernel that denies memory to be written and run", process.returncode != 99)
            assert process.returncode is None
            return await page(port, "/readyz") == (200, "ok\n")

        await until(ready)
    finally:
        if process.returncode is None:
            process.terminate()
        code = await process.wait()
    assert code == 0

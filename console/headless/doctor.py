"""``doctor``: checks the set-up step by step and says what it guarantees."""

from dataclasses import dataclass

from console.domain.safe_text import safe
from console.errors import ConsoleError
from console.headless import output
from console.mqtt.publisher import publisher
from console.runtime.place import Place, open_place
from console.settings import Settings
from console.store.changes import LockKey, lock_is_held, ping
from console.store.checks import check_start
from console.store.pool import Database


@dataclass(frozen=True, slots=True)
class Finding:
    """One line of the report. `level`: ok, warning or fault."""

    level: str
    subject: str
    text: str
    exit_code: int = 0


async def examine(settings: Settings, *, as_json: bool) -> int:
    """Print the findings; return 0, or the exit code of the worst fault."""
    findings: list[Finding] = []
    try:
        async with open_place(settings, needs_broker=False) as place:
            findings.append(_where(place))
            findings += await _database(place)
            findings += await _broker(place)
    except ConsoleError as error:
        findings.append(Finding("fault", "set-up", str(error), error.exit_code))
    for finding in findings:
        if as_json:
            output.print_json({"level": finding.level, "subject": finding.subject, "text": finding.text})
        else:
            print(safe(f"{finding.level:8} {finding.subject:14} {finding.text}", 1_000))
    return max((finding.exit_code for finding in findings), default=0)


def _where(place: Place) -> Finding:
    if place.embedded:
        return Finding("ok", "servers", f"embedded demo servers; the broker is {place.broker_kind}")
    return Finding("ok", "servers", "configured servers")


async def _database(place: Place) -> list[Finding]:
    database = Database(place.access, max_size=2)
    try:
        await database.open()
        latency_s = await ping(database)
        report = await check_start(database)
        found = [
            Finding("ok", "database", f"answers in {latency_s * 1000:.1f} ms; every migration is applied")
        ]
        found += [Finding("warning", "database", text) for text in report.warnings]
        for key, job in ((LockKey.DISPATCH, "dispatch"), (LockKey.INGEST, "acknowledgements")):
            if await lock_is_held(database, key):
                found.append(Finding("ok", "workers", f"a live process runs {job}"))
            else:
                found.append(
                    Finding("warning", "workers", f"no live process runs {job}: start one with --sweeper")
                )
    except ConsoleError as error:
        return [Finding("fault", "database", str(error), error.exit_code)]
    else:
        return found
    finally:
        await database.close()


async def _broker(place: Place) -> list[Finding]:
    if place.broker is None:
        return [Finding("warning", "broker", "MQTT_URL is not set: commands cannot be published from here")]
    try:
        async with publisher(place.broker) as link:
            found = [Finding("ok", "broker", f"{place.broker.label} answers with MQTT {link.detail[1:]}")]
            found += [Finding("warning", "broker", text) for text in place.broker.warnings]
            if not link.enforces_expiry:
                found.append(
                    Finding(
                        "warning",
                        "broker",
                        "with MQTT 3.1.1 the broker drops no stale command, tells no refusals and "
                        "does not bound what it sends: use a broker with MQTT 5, such as mosquitto 2",
                    )
                )
    except ConsoleError as error:
        return [Finding("fault", "broker", str(error), error.exit_code)]
    if place.broker_kind == "amqtt":
        found.append(
            Finding(
                "warning",
                "broker",
                "amqtt does not deliver again what was not acknowledged: an answer may be lost in a crash; "
                "install mosquitto",
            )
        )
    return found

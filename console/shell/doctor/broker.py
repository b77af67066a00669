"""What ``doctor`` reports about the broker: what it permits, and what it keeps when it is killed.

Decided in docs/decisions/0047-a-look-that-nobody-hears.md
Decided in docs/decisions/0078-brokers-of-others.md
"""

import re
from collections.abc import Sequence

from console.domain.text.durations import in_words
from console.errors import ConsoleError
from console.exit_codes import ExitCode
from console.limits import ACK_SESSION
from console.mqtt.ack_stream import SESSION_S
from console.mqtt.survey import OWN_TOPIC, BrokerFacts, Trial, survey
from console.runtime.servers import Servers
from console.shell.doctor.findings import Finding, Loss

_OLD_PROTOCOL = (
    "with MQTT 3.1.1 the broker does not drop stale commands, does not report refusals and does not limit "
    "what it sends: use a broker with MQTT 5, such as mosquitto 2"
)
_NATS = (
    "nats-server keeps sessions and messages on disk and delivers again what was not acknowledged; it "
    "disconnects a client that publishes to a topic with a space, and has no shared subscriptions. For "
    "MQTT 5 install the package mosquitto; without root, on Debian and its kin: `apt-get download "
    "mosquitto libcjson1 libdlt2 libwrap0`, `dpkg -x` each (ldd tells whether more is missing), and put a "
    "script `mosquitto` on the PATH that sets LD_LIBRARY_PATH and runs it"
)
_SHORT_SESSION = (
    "it keeps our session for {seconds} s only: answers are lost when no worker is connected for longer; "
    "let it keep sessions for {needed}"
)
_NOT_PROBED = (
    "whether commands of {tenant} can be published and its answers received was not tried: `doctor --probe` "
    "publishes one message on each of the two topics of a device that does not exist, and whoever listens "
    "there sees them"
)
_MOSQUITTO = re.compile(r"mosquitto version (\d+)\.(\d+)")
_SAVES_ON_CHANGES = (
    "this mosquitto looks at autosave_interval only when something happens: with sys_interval 0 it may "
    "write nothing while nobody is connected, and a kill then loses all that it has received since. Set "
    "persistence true, autosave_on_changes true, autosave_interval 1 and max_queued_messages 0; whether "
    "they are set cannot be seen from here"
)
_EMQX = (
    "EMQX keeps sessions and their messages in memory unless durable_sessions.enable is true, and silently "
    "drops messages beyond mqtt.max_mqueue_len (1,000): set both; whether they are set cannot be seen from "
    "here"
)
_BY_DEFAULT = (
    "whether this mosquitto keeps answers over a crash cannot be seen from here. Set persistence true, "
    "autosave_interval 1 and max_queued_messages 0: by default it loses all of them when it is killed, and "
    "silently drops messages beyond 1,000"
)
_NO_DOTS = (
    "it refuses or changes topics that have a dot: devices with a dot in their id, or in that of their "
    "tenant, cannot be reached through it"
)
_NAMELESS = (
    "the broker does not say what it is, so whether it keeps answers over a crash cannot be seen from here: "
    "it must keep sessions for {needed}, on disk, with any number of messages. docs/brokers.md has the "
    "settings of mosquitto, EMQX, HiveMQ, RabbitMQ, nats-server and AWS IoT"
)


async def broker_findings(
    servers: Servers, tenant_id: str | None = None, *, probe: bool = False
) -> list[Finding]:
    """Report the broker's kind, permissions and persistence. Only a `probe` publishes on tenants' topics."""
    if servers.broker is None:
        return [Finding("warning", "broker", "MQTT_URL is not set: commands cannot be published from here")]
    try:
        facts = await survey(servers.broker, tenant_id, probe=probe)
    except ConsoleError as error:
        return [Finding("fault", "broker", str(error), error.exit_code)]
    protocol = "5" if facts.is_v5 else "3.1.1"
    version = f" ({facts.version})" if facts.version else ""
    inside = " over WebSockets" if servers.broker.websockets else ""
    text = f"{servers.broker.label} answers with MQTT {protocol}{inside}{version}"
    found = [Finding("ok", "broker", text)]
    found += [Finding("warning", "broker", text) for text in servers.broker.warnings]
    found += [Finding("note", "broker", text) for text in servers.broker.notes]
    if not facts.is_v5:
        found.append(Finding("warning", "broker", _OLD_PROTOCOL, risk=Loss.ANSWERS))
    if facts.session_s < SESSION_S:
        text = _SHORT_SESSION.format(seconds=facts.session_s, needed=in_words(ACK_SESSION))
        found.append(Finding("warning", "broker", text, risk=Loss.ANSWERS))
    if not facts.may_share:
        found.append(Finding("note", "broker", "it has no shared subscriptions: leave ingest-slots at 1"))
    if not facts.keeps_dots:
        found.append(Finding("warning", "broker", _NO_DOTS))
    found += _trials(facts, tenant_id or "")
    found.append(_promise(servers, facts.version))
    return found


def _trials(facts: BrokerFacts, tenant_id: str) -> list[Finding]:
    """Report the result of a message to ourselves on our own topic, and on the tenant's topics if tried."""
    found = [_own_topic(facts.own)]
    if facts.refused:
        text = (
            f"it refuses the subscription to the answers of {tenant_id} ({facts.refused}): allow this user "
            "to read tenant/+/device/+/commands/ack"
        )
        return [*found, Finding("fault", "broker", text, ExitCode.FAILED)]
    if tenant_id and facts.commands is None:
        return [*found, Finding("note", "broker", _NOT_PROBED.format(tenant=tenant_id))]
    return [*found, *_on_tenants_topics(facts, tenant_id)]


def _own_topic(own: Trial) -> Finding:
    if own.heard:
        return Finding("ok", "broker", f"a message on our own topic ({OWN_TOPIC}/…) came back")
    why = own.refused or "it was not delivered"
    text = (
        f"a message on our own topic ({OWN_TOPIC}/…) did not come back ({why}): its access rules may not "
        "include that topic, which does no harm; allow it to this user to let `doctor` check"
    )
    return Finding("note", "broker", text)


def _on_tenants_topics(facts: BrokerFacts, tenant_id: str) -> list[Finding]:
    found: list[Finding] = []
    if facts.commands is not None:
        if facts.commands.refused:
            refused = facts.commands.refused
            text = f"commands of {tenant_id} cannot be published ({refused}): allow this user to publish them"
            found.append(Finding("fault", "broker", text, ExitCode.FAILED))
        else:
            found.append(Finding("ok", "broker", f"commands of {tenant_id} may be published"))
    answers = facts.answers
    if answers is None:
        return found
    if answers.refused:
        text = (
            f"whether answers of {tenant_id} are received was not tried: this user may not publish one "
            f"({answers.refused})"
        )
        found.append(Finding("note", "broker", text))
    elif answers.heard:
        found.append(Finding("ok", "broker", f"answers of {tenant_id} are received"))
    else:
        text = (
            f"an answer of {tenant_id} was published and not received, though the broker granted the "
            "subscription: allow this user to read tenant/+/device/+/commands/ack"
        )
        found.append(Finding("fault", "broker", text, ExitCode.FAILED))
    return found


def level(servers: Servers, findings: Sequence[Finding]) -> Finding:
    """Sum up in one line what the servers guarantee together: the weakest part decides."""
    risks = {finding.risk for finding in findings}
    if any(finding.level == "fault" for finding in findings):
        return Finding("warning", "level", "none: fix the faults above first")
    if Loss.COMMANDS in risks:
        return Finding("warning", "level", "low: the database may lose commands that were reported as queued")
    if Loss.ANSWERS in risks:
        return Finding(
            "warning",
            "level",
            "medium: no command is lost, but answers may be, and an overdue command may be delivered",
        )
    if Loss.ANSWERS_WHILE_IDLE in risks:
        return Finding(
            "warning",
            "level",
            "medium: no command is lost, but answers may be; high if the broker has autosave_on_changes true",
        )
    if not servers.embedded:
        return Finding(
            "ok", "level", "high if the broker keeps its messages on disk: no command and no answer is lost"
        )
    return Finding(
        "ok",
        "level",
        "high: no command is lost, and no answer except those of the last second before the broker is killed",
    )


def _promise(servers: Servers, version: str) -> Finding:
    """Report whether answers that were not read yet survive a kill of the broker, by its kind and version."""
    if servers.broker_kind == "nats-server":
        return Finding("warning", "guarantee", _NATS)
    if servers.embedded:
        return Finding(
            "ok",
            "guarantee",
            "answers survive a crash of the console; the broker saves them every second, so killing it may "
            "lose those of the last second",
        )
    if (found := _MOSQUITTO.match(version)) and (int(found[1]), int(found[2])) >= (2, 1):
        return Finding("warning", "guarantee", _SAVES_ON_CHANGES, risk=Loss.ANSWERS_WHILE_IDLE)
    if version.startswith("EMQX"):
        return Finding("note", "guarantee", _EMQX)
    if found:
        return Finding("note", "guarantee", _BY_DEFAULT)
    return Finding("note", "guarantee", _NAMELESS.format(needed=in_words(ACK_SESSION)))

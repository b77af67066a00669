"""Problems that answers cause: oddities of a message and what became of it, limited to a rate.

Decided in docs/decisions/0031-a-reason-where-no-command-is-known.md
"""

import json
from collections import OrderedDict

from console.clock import Clock
from console.domain.acks import Acknowledgement, Outcome, RawAck
from console.domain.events import Problem, ProblemKind
from console.wire.ack_payloads import AckPayload
from console.wire.topics import Route

_DEVICES_REMEMBERED = 10_000
_PROBLEMS: dict[Outcome, tuple[ProblemKind, str]] = {
    Outcome.LATE: (ProblemKind.LATE_ACK, "the device answered after the deadline or the cancellation"),
    Outcome.LATE_RECORDED: (ProblemKind.LATE_ACK, "the device answered too late; this is only recorded"),
    Outcome.CONFLICT: (ProblemKind.CONFLICTING_ACK, "a second answer differs from the one that counts"),
    Outcome.LATE_PROGRESS: (
        ProblemKind.LATE_PROGRESS,
        "the device reported progress after the deadline or the cancellation",
    ),
    Outcome.FORGED: (ProblemKind.FORGED_ACK, "the command belongs to another device of this tenant"),
    Outcome.UNKNOWN: (ProblemKind.UNKNOWN_ACK, "no command of this tenant has this id"),
}


def oddities(message: RawAck, payload: AckPayload, route: Route) -> list[str]:
    """List harmless oddities that show that a device or bridge does not keep to the contract."""
    found = []
    if message.retained:
        found.append("it was retained: the broker sends it again to every new session")
    if payload.padded:
        found.append("a byte order mark or white space surrounded its JSON and was dropped")
    if message.qos == 0:
        found.append("it came with QoS 0: the broker may lose such an answer")
    for name, claim, ours in zip(
        ("tenant", "device"), payload.claims, (route.tenant_id, route.device_id), strict=True
    ):
        if claim is not None and claim != json.dumps(ours) and claim != json.dumps(ours, ensure_ascii=False):
            found.append(f"its payload names another {name} than its topic; only the topic counts")
    return found


def follow_up(ack: Acknowledgement, outcome: Outcome) -> tuple[Problem, ...]:
    """Return the problems that an operator should see of what became of an answer."""
    if outcome is Outcome.DUPLICATE:  # one row for a tenant: a broker may repeat any answer
        text = f"a repeated answer changed nothing; last from {ack.device_id}"
        return (Problem(ack.tenant_id, ProblemKind.DUPLICATE_ACK, "", "", text),)
    if (
        outcome is Outcome.PROGRESS_AFTER_END
    ):  # messages overtake each other: the final answer counts, no problem
        text = (
            f"a progress word arrived after the final answer and changed nothing; last from {ack.device_id}"
        )
        return (Problem(ack.tenant_id, ProblemKind.LATE_PROGRESS, "", "", text),)
    if outcome not in _PROBLEMS:
        return ()
    kind, sentence = _PROBLEMS[outcome]
    detail = f"{sentence}: {ack.ack_json}"
    return (Problem(ack.tenant_id, kind, ack.device_id, ack.command_id, detail[:1_000]),)


class ProblemLimiter:
    """Bounds what one device, and one tenant, can write: beyond its rate, one row per kind counts the rest.

    Device ids come from the topic, so one attacker may use many of them: hence the bound per tenant.
    """

    def __init__(self, clock: Clock, *, per_minute: int = 30, per_tenant_minute: int = 600) -> None:
        self._clock = clock
        self._per_minute = per_minute
        self._per_tenant_minute = per_tenant_minute
        self._buckets: OrderedDict[tuple[str, ...], tuple[float, float]] = OrderedDict()

    def limited(self, problem: Problem) -> Problem:
        """Return the problem unchanged, or with less detail once its device or tenant is over its rate."""
        many = f"many: {problem.detail}"
        if not self._allowed((problem.tenant_id, problem.device_id), self._per_minute):
            problem = Problem(problem.tenant_id, problem.kind, problem.device_id, "", many)
        if not self._allowed((problem.tenant_id,), self._per_tenant_minute):
            problem = Problem(problem.tenant_id, problem.kind, "", "", many)
        return problem

    def _allowed(self, key: tuple[str, ...], per_minute: int) -> bool:
        now = self._clock.monotonic()
        tokens, at = self._buckets.pop(key, (float(per_minute), now))
        tokens = min(float(per_minute), tokens + (now - at) * per_minute / 60)
        allowed = tokens >= 1
        self._buckets[key] = (tokens - 1 if allowed else tokens, now)
        if len(self._buckets) > _DEVICES_REMEMBERED:
            self._buckets.popitem(last=False)
        return allowed

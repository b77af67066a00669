"""What will happen when a command is sent: sentences made of the plan that is then carried out.

Decided in docs/decisions/0092-what-will-happen.md
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import IntEnum

from console.domain.batches import Preview
from console.domain.commands import Phase
from console.domain.devices import Link
from console.domain.histograms import Histogram, bucket_of
from console.domain.identifiers import name_shown
from console.domain.phases import LINK_SYMBOLS
from console.domain.targets import Target
from console.domain.text.counts import counted
from console.domain.text.durations import coarse_age, latency
from console.domain.text.safe import safe, safe_id
from console.domain.ttl import ttl_text

RECENTLY = timedelta(hours=1)  # what ended badly before is no news
_ENOUGH = 20  # answers: a quantile of fewer says nothing
_MANY = 10  # one in so many devices is a reason to look first
_NAMED = 2  # devices of a kind that are named
_DID = {Phase.MISSED: "missed", Phase.FAILED: "failed", Phase.EXPIRED: "did not get"}


class Weight(IntEnum):
    """How much a sentence matters: the heaviest one is repeated where there is room for two only."""

    PLAIN = 0
    NOTABLE = 1
    BAD = 2  # some devices may not get it, or not answer
    GRAVE = 3  # most of them, or all


@dataclass(frozen=True, slots=True)
class Sentence:
    """One sentence of a forecast. `devices` is how many it is about."""

    text: str
    weight: Weight = Weight.PLAIN
    devices: int = 0


@dataclass(frozen=True, slots=True)
class Plan:
    """A send as it would be carried out now.

    `targets` are the devices one by one, None where they are too many. `ttl` is None while what is typed is
    not valid. `answered` are the learned answer times of the type, on the models of these devices.
    """

    device_ids: Sequence[str]
    command_type: str
    ttl: timedelta | None
    preview: Preview
    targets: Sequence[Target] | None = None
    answered: Histogram = field(default_factory=Histogram)
    broker_up: bool = True
    has_dispatcher: bool = True

    @property
    def only(self) -> Target | None:
        """The target, where there is just one."""
        return self.targets[0] if self.targets and len(self.targets) == 1 else None


def forecast(plan: Plan, now: datetime) -> tuple[Sentence, ...]:
    """Return what will happen, in the order of events; the first sentence is who gets it and when."""
    preview, of_type = plan.preview, bool(plan.command_type)
    parts = (
        _who_gets_it(plan),
        _refused(preview),
        _reachable(plan, now),
        _out_of_service(plan),
        _ended_badly(plan, now) if of_type else None,
        _answer_times(plan) if of_type else None,
        _last_answer(preview, now),
        _in_flight(preview, now),
    )
    return tuple(part for part in parts if part is not None)


def worst(sentences: Sequence[Sentence]) -> Sentence | None:
    """Return the heaviest sentence behind the first, of equal ones that about most devices; None without."""
    heavy = [one for one in sentences[1:] if one.weight >= Weight.BAD]
    return max(heavy, key=lambda one: (one.weight, one.devices), default=None)


def by_worth(sentences: Sequence[Sentence]) -> Iterator[Sentence]:
    """Yield the first sentence, the worst, then the others, those that matter most first."""
    if not sentences:
        return
    heaviest = worst(sentences)
    yield sentences[0]
    if heaviest is not None:
        yield heaviest
    yield from sorted(
        (one for one in sentences[1:] if one is not heaviest), key=lambda one: -one.weight
    )  # of equal weight, in the order of events


def _who_gets_it(plan: Plan) -> Sentence:
    preview = plan.preview
    count = preview.total - preview.forbidden
    only = len(plan.device_ids) == 1
    whom = safe_id(plan.device_ids[0], 40) if only else counted(count, "device")
    gets, sent = ("gets", "is sent") if only or count == 1 else ("get", "are sent")
    if not count:
        return Sentence(
            "Nobody gets it: nothing can be sent to these devices."
            if not only
            else f"{whom} does not get it.",
            Weight.GRAVE,
        )
    within = f", if that is within {ttl_text(plan.ttl)}" if plan.ttl else ""
    if not plan.broker_up:
        return Sentence(
            f"The broker is down: {whom} {gets} it once the broker is back{within}.", Weight.GRAVE, count
        )
    if not plan.has_dispatcher:
        return Sentence(
            f"{whom} {gets} it once a dispatcher runs{within}: none runs here.", Weight.BAD, count
        )
    return Sentence(f"{whom} {sent} it as soon as you confirm.", devices=count)


def _refused(preview: Preview) -> Sentence | None:
    if not preview.forbidden or preview.forbidden == preview.total:
        return None
    get = "gets" if preview.forbidden == 1 else "get"
    why = "not registered, decommissioned, or an id that no topic can carry"
    return Sentence(f"{preview.forbidden:,} {get} nothing: {why}.", Weight.BAD, preview.forbidden)


def _reachable(plan: Plan, now: datetime) -> Sentence | None:
    """Count who is online, stale and offline, and say what the offline ones miss."""
    counts = {link: plan.preview.links.get(link.value, 0) for link in Link}
    total = sum(counts.values())
    if not total:
        return None
    offline, stale = counts[Link.OFFLINE], counts[Link.STALE]
    if len(plan.device_ids) == 1:
        link = next(link for link, count in counts.items() if count)
        seen_at = plan.only.last_seen_at if plan.only else None
        seen = f", seen {coarse_age(now - seen_at)} ago" if seen_at is not None else ""
        text = f"It is {LINK_SYMBOLS[link]} {link.value}{seen}"
        missed = "it misses it unless it is back"
    else:
        text = ", ".join(
            f"{LINK_SYMBOLS[link]} {count:,} {link.value}{_names(plan, link)}"
            for link, count in counts.items()
            if count
        )
        missed = f"the {offline:,} offline miss it unless they are back"
        if offline == 1:
            missed = "the one offline misses it unless it is back"
    if offline and plan.ttl:
        text += f": {missed} within {ttl_text(plan.ttl)}"
    weight = Weight.GRAVE if 2 * offline > total else Weight.BAD if offline or stale else Weight.PLAIN
    return Sentence(f"{text}.", weight, offline or stale or total)


def _names(plan: Plan, link: Link) -> str:
    """Name the devices that may not be reached, where they are few."""
    if link not in {Link.STALE, Link.OFFLINE}:
        return ""
    named = [safe_id(target.device_id, 30) for target in plan.targets or () if target.link == link.value]
    return f" ({', '.join(named)})" if 0 < len(named) <= _NAMED else ""


def _out_of_service(plan: Plan) -> Sentence | None:
    held = [target for target in plan.targets or () if target.held]
    if not held:
        return None
    if len(held) <= _NAMED:
        text = ", ".join(f"{safe_id(one.device_id, 30)} is {one.registry_status}" for one in held)
        return Sentence(f"{text} in the registry.", Weight.BAD, len(held))
    return Sentence(f"{len(held):,} are inactive or suspended in the registry.", Weight.BAD, len(held))


def _ended_badly(plan: Plan, now: datetime) -> Sentence | None:
    """Say how many of the targets have recently missed or failed this type."""
    bad, since, total = plan.preview.bad, plan.preview.bad_since, plan.preview.total
    devices = max(bad.values(), default=0)
    if not devices or since is None:
        return None
    kind, ago = safe(plan.command_type, 40), coarse_age(now - since)
    if total == 1:
        did = " and ".join(_DID[phase] for phase in bad)
        text = f"It {did} {kind} in the last hour, {ago} ago"
    else:
        did = " and ".join(
            f"{count:,} {_DID[phase]} {'it' if place else kind}"
            for place, (phase, count) in enumerate(bad.items())
        )
        text = f"Of these {total:,}, {did} in the last hour, the first {ago} ago"
    ends = ": look at that first." if _MANY * devices >= total else "."
    return Sentence(f"{text}{ends}", Weight.GRAVE if 2 * devices > total else Weight.BAD, devices)


def _answer_times(plan: Plan) -> Sentence | None:
    """Compare how long answers usually take with the TTL."""
    answered, p95, p99 = plan.answered, plan.answered.p95_ms, plan.answered.p99_ms
    if plan.ttl is None or p95 is None or p99 is None:
        return None
    kind, ttl, ttl_ms = safe(plan.command_type, 40), ttl_text(plan.ttl), plan.ttl.total_seconds() * 1_000
    if answered.answers < _ENOUGH:
        times, slowest = _times(answered.answers), _ms(answered.quantile_ms(1.0) or p99)
        return Sentence(f"{kind} has been answered {times} so far, within {slowest}; the TTL is {ttl}.")
    if bucket_of(p99) <= bucket_of(ttl_ms):
        within = f"95 % of the answers to {kind} come within {_ms(p95)}, 99 % within {_ms(p99)}"
        return Sentence(f"{within}; the TTL is {ttl}.")
    share = answered.share_within(ttl_ms)
    late = round((1 - share) * plan.preview.total)
    within = f"Only {100 * share:.0f} % of the answers to {kind} come within the TTL of {ttl}"
    weight = Weight.GRAVE if p95 > ttl_ms else Weight.BAD
    return Sentence(f"{within}; 99 % take up to {_ms(p99)}.", weight, late)


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count:,} times"


def _ms(value: float) -> str:
    return latency(timedelta(milliseconds=value))


def _last_answer(preview: Preview, now: datetime) -> Sentence | None:
    if preview.last_latency is None or preview.last_acked_at is None:
        return None
    took, ago = latency(preview.last_latency), coarse_age(now - preview.last_acked_at)
    return Sentence(f"Its last answer, to whatever type, took {took}, {ago} ago.")


def _in_flight(preview: Preview, now: datetime) -> Sentence | None:
    """Say what is in flight already: of the same type, or else how much."""
    newest, same = preview.newest, preview.same_in_flight
    if newest is None:
        return None
    by = safe(name_shown(newest.by), 40) or "somebody"
    who = f"{safe(newest.command_type, 40)} by {by}, {coarse_age(now - newest.created_at)} ago"
    if preview.total == 1:
        again = ": it gets it a second time" if same else ""
        return Sentence(f"In flight already: {who}{again}.", Weight.BAD if same else Weight.NOTABLE, 1)
    if same:
        get = "that one gets" if same == 1 else "those get"
        return Sentence(
            f"In flight already to {counted(same, 'device')}: {who}; {get} it a second time.",
            Weight.BAD,
            same,
        )
    others = counted(preview.in_flight, "other command")
    is_or_are = "is" if preview.in_flight == 1 else "are"
    return Sentence(f"{others} {is_or_are} in flight, the newest {who}.", Weight.NOTABLE, preview.in_flight)

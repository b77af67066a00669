"""The numbers of this process in Prometheus' format, read when they are asked for.

No tenant and no device is a label: their number has no bound.
"""

import time
from collections.abc import Callable, Iterable, Iterator

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import (
    CounterMetricFamily,
    GaugeMetricFamily,
    HistogramMetricFamily,
    InfoMetricFamily,
    Metric,
)
from prometheus_client.registry import Collector

from console import __version__
from console.services.counts import Answer, Publication
from console.services.health import Health

KIND = "text/plain; version=0.0.4; charset=utf-8"
_ROLES = ("dispatch", "ingest", "sweep")
_STATES = ("on", "standby", "elsewhere", "off")
_PREFIX = "device_console_"
_LATENCIES = range(12, 92, 4)  # powers of two from 8 ms to 70 minutes


class Numbers(Collector):
    """Reads health and counters. `waiting` is the last look at the outbox; None where there was none."""

    def __init__(
        self, health: Health, waiting: Callable[[], tuple[int, float] | None], monotonic: Callable[[], float]
    ) -> None:
        self._health = health
        self._waiting = waiting
        self._monotonic = monotonic

    def collect(self) -> Iterator[Metric]:
        """Return all metrics with their values of this moment."""
        yield InfoMetricFamily(f"{_PREFIX}build", "Version of this process.", value={"version": __version__})
        yield from self._state()
        yield from self._outbox()
        yield from self._counters()

    def _state(self) -> Iterator[Metric]:
        view = self._health.view()
        up = GaugeMetricFamily(f"{_PREFIX}link_up", "1 when the link answers, else 0.", labels=["link"])
        up.add_metric(["database"], float(view.database.up))
        up.add_metric(["broker"], float(view.broker.up))
        yield up
        works = GaugeMetricFamily(
            f"{_PREFIX}role_state",
            "1 for the state that a role of this process is in.",
            labels=["role", "state"],
        )
        for role in _ROLES:
            for state in _STATES:
                works.add_metric([role, state], float(getattr(view, role) == state))
        yield works
        if self._health.swept_at is not None:
            ago_s = self._monotonic() - self._health.swept_at
            yield GaugeMetricFamily(
                f"{_PREFIX}sweep_last_success_timestamp_seconds",
                "When a pass of the sweep last ended well.",
                value=time.time() - ago_s,
            )

    def _outbox(self) -> Iterator[Metric]:
        waiting = self._waiting()
        if waiting is None:
            return
        yield GaugeMetricFamily(
            f"{_PREFIX}outbox_commands",
            "Commands of all tenants that wait for publication, counted up to 100,000.",
            value=waiting[0],
        )
        yield GaugeMetricFamily(
            f"{_PREFIX}outbox_oldest_age_seconds", "How long the oldest of them has waited.", value=waiting[1]
        )

    def _counters(self) -> Iterator[Metric]:
        counts = self._health.counts
        settled = CounterMetricFamily(
            f"{_PREFIX}commands_settled",
            "Commands that ended as missed or expired by the sweep of this process.",
            labels=["status"],
        )
        settled.add_metric(["missed"], counts.missed)
        settled.add_metric(["expired"], counts.expired)
        yield settled
        yield CounterMetricFamily(
            f"{_PREFIX}pruned_commands",
            "Commands that the retention deleted, in this process.",
            value=counts.pruned,
        )
        published = CounterMetricFamily(
            f"{_PREFIX}publications", "Attempts to publish, by what the broker answered.", labels=["result"]
        )
        for result in Publication:
            published.add_metric([result], counts.publications[result])
        yield published
        answers = CounterMetricFamily(
            f"{_PREFIX}acknowledgements", "Answers of devices, by what came of them.", labels=["outcome"]
        )
        for outcome in Answer:
            answers.add_metric([outcome], counts.answers[outcome])
        yield answers
        yield from self._times()

    def _times(self) -> Iterator[Metric]:
        latency, lateness = self._health.counts.latency, self._health.lateness
        yield HistogramMetricFamily(
            f"{_PREFIX}acknowledgement_latency_seconds",
            "From publication to answer, as the fold of this process counted it. The sum is at most 9 % off.",
            buckets=_bounds((ms / 1000, answers) for ms, answers in latency.cumulative(_LATENCIES)),
            sum_value=latency.sum_ms / 1000,
        )
        yield HistogramMetricFamily(
            f"{_PREFIX}sweep_lateness_seconds",
            "From a deadline to the commit that ended the command, at most.",
            buckets=_bounds(lateness.cumulative),
            sum_value=lateness.sum_s,
        )


def _bounds(cumulative: Iterable[tuple[float, int]]) -> list[tuple[str, float]]:
    return [("+Inf" if bound == float("inf") else str(bound), count) for bound, count in cumulative]


def text_of(numbers: Numbers) -> str:
    """Return the page that Prometheus reads."""
    registry = CollectorRegistry(auto_describe=False)
    registry.register(numbers)
    return generate_latest(registry).decode()

"""Which jobs nobody does, here or in another process, by the leases."""

from collections.abc import Sequence

from console.store.leases import DISPATCH, SWEEP, Holder, ingest_role, is_alive

_JOBS = {"dispatch": DISPATCH, "answers": ingest_role(0), "sweep": SWEEP}


def silent_jobs(holders: Sequence[Holder]) -> tuple[tuple[str, ...], float | None]:
    """Return the jobs that no live process runs, and the seconds since a sign of life of one that did."""
    silent = tuple(job for job, role in _JOBS.items() if not is_alive(holders, role))
    ages = [holder.beat_age_s for holder in holders if holder.role in map(_JOBS.get, silent)]
    return silent, min(ages, default=None)

"""Whether the workers of this process do what they are for, and if not, why."""

from console.services.health import Health, HealthView

SWEEP_STALE_S = 60.0


def faults(health: Health, now: float) -> list[str]:
    """Return what is wrong now, a sentence each; nothing if all runs, here or in another process."""
    view = health.view()
    found = [*_of_links(view), *_of_roles(view)]
    swept_ago_s = now - (health.began_at if health.swept_at is None else health.swept_at)
    if view.sweep == "on" and swept_ago_s > SWEEP_STALE_S:
        found.append(f"no sweep has ended well for {swept_ago_s:.0f} s")
    return found


def _of_links(view: HealthView) -> list[str]:
    links = {"database": view.database, "broker": view.broker}
    return [
        f"the {name} is down: {link.error or 'no link yet'}" for name, link in links.items() if not link.up
    ]


def _of_roles(view: HealthView) -> list[str]:
    if view.stopped:
        return [view.stopped]
    found = []
    if view.dispatch != "on":
        found.append("dispatch does not run")
    if view.ingest not in {"on", "standby"}:
        found.append("nobody here receives answers or stands by")
    if view.sweep != "on":
        found.append("the sweep does not run")
    return found

"""A line in the log for what somebody far away did: opened, cut, resumed, ran, refused, closed."""

import logging
from typing import Literal

Event = Literal["opened", "cut", "resumed", "ran", "refused", "closed"]
_log = logging.getLogger("console.serve.audit")


def record(event: Event, **fields: object) -> None:
    """Log an event; off a terminal it is one JSON object with these fields."""
    _log.info("%s", event, extra={"event": event, "fields": fields})

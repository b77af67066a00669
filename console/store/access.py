"""How to reach the database: addresses, TLS, roles, and what is read again for each connection."""

import ssl
from collections.abc import Callable
from dataclasses import dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Access:
    """How to reach the database and which roles to assume there. The URLs hold secrets: never print them.

    Without a TLS context of its own a link is as safe as its URL's sslmode. `warnings` are shown at the
    start, `notes` only by doctor.
    `renew` reads again what came from files: it is called for each connection, since secrets are rotated.
    """

    url: str = field(repr=False)
    direct_url: str | None = field(default=None, repr=False)
    operator_role: str = "pulse_app"
    worker_role: str = "device_console_worker"
    tls: ssl.SSLContext | None = None
    direct_tls: ssl.SSLContext | None = None
    warnings: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    renew: "Callable[[], Access] | None" = field(default=None, repr=False, compare=False)

    @property
    def newest(self) -> "Access":
        """Return the same access with the secrets that are in their files now."""
        return self.renew() if self.renew else self

    @property
    def past_pooler(self) -> "Access":
        """Return the same access for a pool of direct connections, without a pooler."""
        if self.direct_url is None:
            return self
        return replace(
            self,
            url=self.direct_url,
            direct_url=None,
            tls=self.direct_tls,
            renew=(lambda: self.newest.past_pooler) if self.renew else None,
        )

    @property
    def direct(self) -> str:
        """The URL for LISTEN, advisory locks and migrations, which need a connection without a pooler."""
        return self.direct_url or self.url

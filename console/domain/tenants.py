"""A tenant: one customer of the platform."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tenant:
    """What an operator may know of the tenant that a session belongs to."""

    tenant_id: str
    name: str
    status: str

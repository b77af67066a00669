"""A tenant: one customer of the platform."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Tenant:
    """The data of a session's tenant that an operator may see."""

    tenant_id: str
    name: str
    status: str

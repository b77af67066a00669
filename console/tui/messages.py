"""What the parts of the screen tell each other: rows changed, or the operator wants to be elsewhere."""

from textual.message import Message


class DataChanged(Message):
    """Rows of these tenants may have changed; None means that anything may have."""

    def __init__(self, tenants: frozenset[str] | None) -> None:
        super().__init__()
        self.tenants = tenants

    def concerns(self, tenant: str) -> bool:
        return self.tenants is None or tenant in self.tenants


class ShowHistory(Message):
    """Open the history of these devices; None means the whole tenant."""

    def __init__(self, device_ids: tuple[str, ...] | None) -> None:
        super().__init__()
        self.device_ids = device_ids


class ShowDetail(Message):
    """Open one command."""

    def __init__(self, command_id: str) -> None:
        super().__init__()
        self.command_id = command_id


class ShowCompose(Message):
    """Write a command to these devices."""

    def __init__(self, device_ids: tuple[str, ...]) -> None:
        super().__init__()
        self.device_ids = device_ids


class ShowProblems(Message):
    """Open the problems of the tenant."""


class ShowTenants(Message):
    """Choose another tenant."""


class ShowHelp(Message):
    """List every key."""


class ShowGo(Message):
    """Ask for an id to go to."""


class SwitchTheme(Message):
    """Change between dark and light."""

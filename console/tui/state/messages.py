"""Messages between the parts of the screen: rows changed, or the operator opens another screen."""

from textual.message import Message

from console.domain.filters.language import EVERY_COMMAND, Filter
from console.runtime.director import Scene
from console.services.favourites import Saved
from console.tables.columns import Tone


class DataChanged(Message):
    """Rows of these tenants may have changed; None means that anything may have."""

    def __init__(self, tenants: frozenset[str] | None) -> None:
        super().__init__()
        self.tenants = tenants

    def concerns(self, tenant: str) -> bool:
        return self.tenants is None or tenant in self.tenants


class ShowHistory(Message):
    """Open the history of these devices, filtered by `text`; None means the whole tenant.

    `of` names what is shown, if the devices do not. With `only` these commands are shown and no others.
    """

    def __init__(
        self,
        device_ids: tuple[str, ...] | None,
        text: str = "",
        of: str = "",
        only: tuple[str, ...] = (),
    ) -> None:
        super().__init__()
        self.of = of
        self.only = only
        self.device_ids = device_ids
        self.text = text


class ShowDevice(Message):
    """Open one device."""

    def __init__(self, device_id: str) -> None:
        super().__init__()
        self.device_id = device_id


class ShowDetail(Message):
    """Open one command."""

    def __init__(self, command_id: str) -> None:
        super().__init__()
        self.command_id = command_id


class ShowDiff(Message):
    """Compare two commands; `other` says in words which one the second is."""

    def __init__(self, command_id: str, other_id: str, other: str) -> None:
        super().__init__()
        self.command_id = command_id
        self.other_id = other_id
        self.other = other


class ShowCompose(Message):
    """Write a command to these devices.

    `target` describes them in words. `content` is the command `origin`, which is edited apart from the
    draft; `where` is the filter that finds just these devices, if one does.
    """

    def __init__(
        self,
        device_ids: tuple[str, ...],
        target: str = "",
        content: Saved | None = None,
        origin: str = "",
        where: str = "",
    ) -> None:
        super().__init__()
        self.device_ids = device_ids
        self.target = target
        self.content = content
        self.origin = origin
        self.where = where


class ShowNotice(Message):
    """Show a sentence over the last row of the screen."""

    def __init__(self, text: str, tone: Tone = "") -> None:
        super().__init__()
        self.text = text
        self.tone = tone


class CommandsSent(Message):
    """Commands to these devices are committed."""

    def __init__(self, device_ids: tuple[str, ...]) -> None:
        super().__init__()
        self.device_ids = device_ids


class ShowOverview(Message):
    """Open the overview."""


class ShowFleet(Message):
    """Open the fleet as cells."""


class ShowDevices(Message):
    """Go back to the list of devices, filtered by `text` if there is one, or in the saved `view`."""

    def __init__(self, text: str = "", view: str = "") -> None:
        super().__init__()
        self.text = text
        self.view = view


class ShowBase(Message):
    """Go back to the screen over which lists are opened: the devices, or an overview that is the first."""


class ShowBatches(Message):
    """Open the bulk sends of the tenant."""


class ShowBatch(Message):
    """Open one bulk send."""

    def __init__(self, batch_id: str) -> None:
        super().__init__()
        self.batch_id = batch_id


class ShowExport(Message):
    """Export the history of these devices, filtered, into a file."""

    def __init__(self, device_ids: tuple[str, ...] | None, wanted: Filter = EVERY_COMMAND) -> None:
        super().__init__()
        self.device_ids = device_ids
        self.wanted = wanted


class ShowProblems(Message):
    """Open the problems of the tenant, filtered by `text` if there is one."""

    def __init__(self, text: str = "") -> None:
        super().__init__()
        self.text = text


class ShowTenants(Message):
    """Choose another tenant."""


class ShowHelp(Message):
    """List every key."""


class ShowLog(Message):
    """Open the log of what this console did."""


class ShowReceipt(Message):
    """Open the command that was sent last from this console."""


class ShowGo(Message):
    """Ask for an id to go to."""


class SwitchQuiet(Message):
    """Write next to nothing that no key asks for, or everything again."""


class AskForScene(Message):
    """Let something happen in the demo."""

    def __init__(self, scene: Scene) -> None:
        super().__init__()
        self.scene = scene


class SwitchTheme(Message):
    """Choose a theme."""

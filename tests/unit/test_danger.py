"""Which types ask first: by whole words, by a setting, by a flag of the catalogue; and what is to be typed."""

import pytest

from console.domain.catalogue import Catalogue, CatalogueEntry
from console.domain.danger import Danger, Typed, changed_danger, id_tail, split_words, to_type
from console.tables.columns import Cell
from console.tui.presenters.compose import about_lines


@pytest.mark.parametrize(
    "command_type",
    [
        "factory_reset", "FACTORY-RESET", "factoryReset", "factoryreset", "reboot", "ReBoot", "rebootDevice", "reset2",
        "device/restart", "open_valve", "close_valve", "stop_pump", "start pump", "unlock_door", "OTAUpdate", "fw_update",
        "fwupdate", "shut_down", "power.off", "set_valve_open", "setRelayOff", "set_relay_off_2", "set_firmware_url",
        "restore_defaults", "read_and_reset", "get_then_wipe", "update_firmware", "disarm", "format_sd",
        "updatefirmware", "resetdevice", "rebootdevice", "eraseflash", "wipedata", "formatdisk", "formatsd", "deletefiles",
        "factorydefaults", "REBOOTNOW", "rebooting", "shutdownnow", "restartservice", "devicereset", "set_shut_down",
        "configure_reboot_now", "set_reset_now", "set_rebootnow_2", "fetch_firmware", "fetch_firmware_image",
    ],
)  # fmt: skip
def test_what_a_device_may_not_come_back_from_asks(command_type):
    """Without whole words, one of them opens a valve at once."""
    assert Danger().asks(command_type)


@pytest.mark.parametrize(
    "command_type",
    [
        "get_information", "rotate_logs", "read_total", "set_quota", "ping", "set_interval", "set_stop_bits",
        "get_firmware_version", "get_reset_reason", "readOtaStatus", "reformatted", "set_2", "update_config", "sync_clock",
        "preset", "userpreset", "offset", "information", "formats", "formatting", "formatter", "formation", "swipe", "wiper",
        "satisfactory", "increase", "set_reset_counter", "set_restart_reason", "getfirmware", "fetch_logs",
        "fetch_firmware_version", "fetch_reset_reason", "recall_preset", "read_resetlog",
        "self_test", "flush_buffer", "Öffnungszeiten", "", "___", "and", "set", "read", "opening_hours", "total", "proton",
    ],
)  # fmt: skip
def test_a_word_within_a_word_does_not_ask(command_type):
    """Without it information holds a format, quota an ota, and the guard is typed away unread."""
    assert not Danger().asks(command_type)


def test_words_are_divided_by_separators_capitals_and_digits():
    assert split_words("setRelay2-OFF.now") == ("set", "relay", "2", "off", "now")
    assert split_words("OTAUpdate öffneTür") == ("ota", "update", "ö", "ffne", "t", "ü", "r")


def test_a_setting_adds_and_drops_words_and_whole_types():
    danger = changed_danger(" +calibrate, -open,+set_apn,-close_valve,, -reboot,+Reboot")
    assert danger.asks("calibrate_sensor")
    assert danger.asks("set_apn")
    assert not danger.asks("open_valve")
    assert not danger.asks("close_valve")
    assert danger.asks("close_door")
    assert danger.asks("reboot")
    assert not changed_danger("-reset").asks("resetdevice")
    assert changed_danger("") == Danger()
    assert not changed_danger("-factory_reset").asks("factory_reset", flag=True)
    for wrong in ("calibrate", "+", "+-", "- ,open"):
        with pytest.raises(ValueError, match="write it as"):
            changed_danger(wrong)


def test_the_catalogue_may_say_so_either_way():
    assert Danger().asks("calibrate", flag=True)
    assert not Danger().asks("reboot", flag=False)
    assert changed_danger("+reboot").asks("reboot", flag=False)  # the type itself is named


def _entry(template: str, danger: bool | None, description: str = "") -> CatalogueEntry:
    return CatalogueEntry(template, "ping", "Ping", "{}", None, description, danger)


@pytest.mark.parametrize(
    ("entries", "devices", "flag"),
    [
        ((_entry("1", None),), 3, None),
        ((_entry("1", False),), 3, False),
        ((_entry("1", False),), 4, None),  # one of them has no model
        ((_entry("1", False), _entry("2", True)), 5, True),
        ((_entry("1", False), _entry("2", None)), 5, None),
        ((_entry("1", True),), 9, True),
        ((), 3, None),
    ],
)
def test_a_flag_that_spares_counts_only_where_every_model_has_it(entries, devices, flag):
    counts = tuple({entry.template_id: number for number, entry in enumerate(entries, 2)}.items())
    counts = (("1", 3), ("2", 2))[: len(counts)]
    assert Catalogue(entries, counts).listing("ping").danger_for(devices) is flag


def test_a_listing_says_in_words_what_its_models_say():
    entries = (
        _entry("1", None, "Asks."),
        _entry("2", None, ""),
        _entry("3", None, "Asks."),
        _entry("4", None, "Calls."),
    )
    assert Catalogue(entries, tuple((n, 1) for n in "1234")).listing("ping").description == "Asks. / Calls."


@pytest.mark.parametrize(
    ("devices", "dangerous", "typed"),
    [
        (["pump-0017"], False, None),
        (["pump-0017"], True, Typed("the end of its id", "0017")),
        (["p1"], True, Typed("the end of its id", "p1")),
        (["AB:CD:EF:12:34:56"], True, Typed("the end of its id", "4:56")),
        (["насос"], True, Typed("the count", "1")),
        (["a b é c"], True, Typed("the end of its id", "abc")),
        (["p1", "p2"], True, Typed("the count", "2")),
        ([f"p{n}" for n in range(10)], False, None),
        ([f"p{n}" for n in range(11)], False, Typed("the count", "11")),
    ],
)
def test_what_is_to_be_typed(devices, dangerous, typed):
    """Without the id's end, 1 is typed for whichever device the cursor stood on."""
    assert to_type(devices, dangerous=dangerous) == typed
    assert len(id_tail(devices[0])) <= 4


def test_a_description_is_two_lines_at_most():
    lines = about_lines("Erases everything that the gateway knows. " * 5, 44, dangerous=True)
    assert [len(line) for line in lines] == [1, 1]
    assert lines[1][0].text.endswith("…")
    assert {line[0].tone for line in lines} == {"warn"}
    assert about_lines("", 44, dangerous=True) == []
    assert about_lines("Asks.", 44, dangerous=False)[0][0] == Cell("Asks.", "dim")

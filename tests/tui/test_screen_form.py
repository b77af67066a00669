"""Params as a form where the catalogue describes them: what is typed there is what is sent."""

import json

import pytest

PARAMS = {
    "type": "object",
    "properties": {
        "interval_s": {"type": "integer", "minimum": 10, "maximum": 3600},
        "until_reboot": {"type": "boolean"},
        "note": {"type": "string"},
    },
    "required": ["interval_s"],
}


async def listed(rig, *device_ids: str) -> None:
    await rig.devices(*device_ids)
    await rig.sql.execute(
        "INSERT INTO template_commands VALUES (1, 'set_interval', 'Set the interval', $1, NULL),"
        " (1, 'ping', 'Ping', NULL, NULL)",
        json.dumps(PARAMS),
    )
    await rig.sql.execute("UPDATE device_registry SET template_id = 1 WHERE device_id = 'pump-1'")


async def opened(seen, kind: str) -> None:
    await seen.shows("pump-1")
    await seen.press("c")
    await seen.shows("New command", "models take")
    await seen.type(kind)


async def sent(rig) -> dict[str, object]:
    text = await rig.sql.fetchval("SELECT command_params::text FROM device_commands")
    params: dict[str, object] = json.loads(text)
    return params


@pytest.mark.slow
async def test_a_form_is_filled_in_and_sent(rig):
    await listed(rig, "pump-1")
    async with rig.console(80, 24) as seen:
        await opened(seen, "set_interval")
        await seen.shows("interval_s", "required, integer, 10 to 3600", "Not ready: interval_s is required.")
        await seen.press("enter", "enter")
        await seen.type("5")
        await seen.shows("5 is less than the minimum")
        await seen.press("f5")
        await seen.shows("Cannot review and send")
        await seen.type("x")
        await seen.shows("interval_s: '5x' is not an integer")
        await seen.press("backspace", "0", "enter")
        await seen.type("später")
        await seen.press("enter", "down")
        await seen.shows("Ready.", "fits its catalogue")
        await seen.press("f5")
        await seen.shows("Send set_interval to pump-1 of acme?")
        await seen.press("y")
        await seen.shows("pump-1 › History")
    assert await sent(rig) == {"interval_s": 50, "until_reboot": True, "note": "später"}


@pytest.mark.slow
async def test_tab_behind_a_whole_type_leaves_it(rig):
    """Without it a type becomes another that begins alike, and a device gets the wrong command."""
    await rig.devices("pump-1")
    for name in ("long-1", "long-2"):  # what is used most is offered first
        await rig.command(name, "pump-1", "reboot_hard", "missed", ago_s=6_000, published=True)
    await rig.command("short", "pump-1", "reboot", "missed", ago_s=60, published=True)
    async with rig.console(100, 30) as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.shows("reboot_hard", "recent")
        await seen.type("reboot")
        await seen.press("tab")
        await seen.until(lambda: seen.app.screen.focused.id == "ttl", "went on")
        await seen.shows('"type":"reboot",')


@pytest.mark.slow
async def test_what_the_json_lacks_of_a_form_is_reported(rig):
    """Without it f2 drops the field that cannot be read, says Ready, and what is sent lacks it."""
    await listed(rig, "pump-1")
    async with rig.console(100, 30) as seen:
        await opened(seen, "set_interval")
        await seen.press("enter", "enter")
        await seen.type("5x")
        await seen.shows("'5x' is not an integer", '"params":…')
        await seen.press("f2")
        await seen.shows("An entry of the form is not in this JSON: interval_s: '5x' is not an integer")
        await seen.press("f2")
        await seen.type("50")
        await seen.press("f2")
        await seen.shows('{"interval_s": 50}')
        await seen.hides("The form says something else")
        await seen.press("f2", "ctrl+u")
        await seen.shows("Not ready: interval_s is required.", '"params":…')
        await seen.press("f2")
        await seen.shows("An entry of the form is not in this JSON: interval_s is required.")


@pytest.mark.slow
async def test_tab_takes_what_is_offered_and_the_last_field_keeps_the_type(rig):
    """Without it tab leaves half a word, and enter behind the last field lets the next key replace the type."""
    await listed(rig, "pump-1")
    async with rig.console(100, 30) as seen:
        await opened(seen, "set_i")
        await seen.press("tab")
        await seen.until(lambda: seen.app.screen.focused.value == "set_interval", "completed")
        await seen.press("tab", "tab")
        await seen.type("60")
        await seen.press("tab", "tab")
        await seen.type("t")
        await seen.press("tab")
        await seen.shows('"until_reboot": true')
        await seen.press("enter", "enter", "enter")
        await seen.type("x")
        await seen.shows("set_interval", "'truex' is not one of the choices")


@pytest.mark.slow
async def test_the_json_says_the_same_and_keeps_what_no_field_knows(rig):
    await listed(rig, "pump-1")
    async with rig.console() as seen:
        await opened(seen, "set_interval")
        await seen.shows("interval_s is required")
        await seen.press("f2")
        await seen.shows("'interval_s' is a required", "Ready.")
        await seen.press("end", "left")
        await seen.type('"interval_s":60,"extra":1')
        await seen.shows("Set the interval: fits its catalogue")
        await seen.press("f2")
        await seen.shows("until_reboot")
        await seen.type("45")
        await seen.press("f5")
        await seen.shows("Send set_interval")
        await seen.press("y")
        await seen.shows("pump-1 › History")
    assert await sent(rig) == {"interval_s": 45, "extra": 1}


@pytest.mark.slow
async def test_params_that_a_form_would_change_stay_json(rig):
    await listed(rig, "pump-1")
    async with rig.console() as seen:
        await opened(seen, "set_interval")
        await seen.press("f2")
        await seen.press("end", "left")
        await seen.type('"interval_s":"60"')
        await seen.shows("'60' is not of type")
        await seen.press("f2")
        await seen.shows("Cannot form/JSON: the params hold something that the form cannot show.")
        await seen.press("f5")
        await seen.shows("Send set_interval", "! Catalogue mismatch")


@pytest.mark.slow
async def test_text_that_breaks_lines_stays_one_json(rig):
    """Without its escape, the editor would break the line there and the params would be no JSON."""
    await listed(rig, "pump-1")
    async with rig.console() as seen:
        await opened(seen, "set_interval")
        await seen.shows("interval_s is required")
        await seen.press("enter", "enter")
        await seen.type("60")
        await seen.press("enter")
        seen.app.focused.value = "a\u2028b"
        await seen.shows("Ready.", "fits its catalogue", "u2028")


@pytest.mark.slow
async def test_what_a_field_cannot_read_stays_there_while_the_json_is_looked_at(rig):
    await listed(rig, "pump-1")
    async with rig.console() as seen:
        await opened(seen, "set_interval")
        await seen.press("enter", "enter")
        await seen.type("12h")
        await seen.shows("'12h' is not an integer")
        await seen.press("f2")
        await seen.shows("An entry of the form is not in this JSON: interval_s: '12h' is not an integer")
        await seen.press("f2")
        await seen.hides("The form says something else")
        await seen.shows("12h", "'12h' is not an integer")


async def test_a_type_that_the_models_lack_is_reported_and_may_be_sent(rig):
    await listed(rig, "pump-1", "pump-2")
    async with rig.console() as seen:
        await opened(seen, "reboot")
        await seen.shows("The catalogue of its model does not list “reboot”.", "Unknown type: ")
        await seen.press("f2")
        await seen.shows("Cannot form/JSON: no catalogue describes the params of this command.")


@pytest.mark.slow
async def test_devices_without_a_catalogue_have_the_json(rig):
    await rig.devices("pump-1")
    async with rig.console() as seen:
        await seen.shows("pump-1")
        await seen.press("c")
        await seen.type("set_interval")
        await seen.shows("a JSON object, 2 bytes", "Ready.")


async def test_an_answer_that_breaks_the_catalogue_is_marked(rig):
    await rig.devices("pump-1")
    await rig.sql.execute(
        "INSERT INTO template_commands VALUES (1, 'ping', 'Ping', NULL, '{\"required\": [\"n\"]}')"
    )
    await rig.sql.execute("UPDATE device_registry SET template_id = 1")
    for name, details in (("fits", '{"n": 1}'), ("odd", "{}")):
        ack = f'{{"status": "ok", "details": {details}}}'
        await rig.command(name, "pump-1", status="delivered", published=True, ack=ack)
    async with rig.console() as seen:
        await seen.shows("pump-1")
        for name, words in (("odd", "! The answer does not match the catalogue: 'n' is"),
                            ("fits", "as the catalogue describes it")):  # fmt: skip
            await seen.press("colon")
            await seen.type(name)
            await seen.press("enter")
            await seen.shows("Command › Detail", words)
            await seen.press("escape")


async def _described(rig) -> None:
    await rig.devices("gw-0017", "gw-0018")
    await rig.sql.execute(
        "INSERT INTO template_commands (template_id, command_key, display_name, description, parameters_schema, sort_order)"
        " VALUES (1, 'factory_reset', 'Factory reset', 'Erases everything that the gateway knows. This cannot be undone.',"
        ' \'{"type": "object", "required": ["confirm"], "properties": {"confirm": {"const": true}}}\', 3),'
        " (1, 'reboot', 'Reboot', NULL, '{\"x-dangerous\": false}', 2), (1, 'ping', 'Ping', NULL,"
        " '{\"x-dangerous\": true}', 1)"
    )
    await rig.sql.execute("UPDATE device_registry SET template_id = 1")


@pytest.mark.slow
async def test_the_catalogue_is_offered_in_its_order_and_warns_beside_the_type(rig):
    """Without sort_order the first offer is the factory reset, and nobody is told what it does."""
    await _described(rig)
    async with rig.console(80, 24) as seen:
        await seen.shows("gw-0017")
        await seen.press("c")
        await seen.shows("models take  ping  reboot  factory_reset")
        await seen.press("down")
        await seen.until(lambda: seen.app.screen.fields.type.value == "ping", "offered ping first")
        await seen.press("down", "down")
        await seen.shows("Erases everything that the gateway knows.", "This cannot be undone.", "only true")
        await seen.press("enter", "enter", "tab")
        await seen.shows("Ready.", '"params":{"confirm": true}')
        await seen.press("f5")
        await seen.shows("! Dangerous: Erases everything that the gateway knows. This cannot")
        await seen.shows("Type the end of its id, 0017, to unlock")
        await seen.press(*"0018", "y")
        await seen.shows("First type 0017.")
        await seen.press(*["backspace"] * 4, *"0017", "y")
        await seen.shows("gw-0017 › History")
    assert await sent(rig) == {"confirm": True}


async def test_the_flag_of_the_catalogue_counts_more_than_the_name(rig):
    """Without it a harmless reboot asks, and what only its maker knows to be dangerous does not; a retry neither."""
    await _described(rig)
    await rig.command("old", "gw-0018", "ping", "missed", published=True)
    async with rig.console() as seen:
        await seen.shows("gw-0017")
        await seen.press("c")
        await seen.type("reboot")
        await seen.shows("Ready.")
        await seen.press("f5")
        await seen.shows("Send reboot to gw-0017")
        assert "to unlock" not in seen.text
        await seen.press("escape", "escape", "down", "enter")
        await seen.shows("gw-0018 › History", "missed")
        await seen.press("r")
        await seen.shows("Type the end of its id, 0018, to unlock")


@pytest.mark.slow
async def test_the_letters_of_an_id_are_typed_though_they_are_keys(rig):
    """Without it q leaves the question, and y answers it."""
    await rig.devices("xqyn")
    async with rig.console() as seen:
        await seen.shows("xqyn")
        await seen.press("c")
        await seen.type("reboot")
        await seen.shows("Ready.")
        await seen.press("f5")
        await seen.shows("Type the end of its id, xqyn, to unlock")
        await seen.press(*"xqyn")
        await seen.shows("to unlock: xqyn")
        assert await rig.count() == 0
        await seen.press("y")
        await seen.shows("xqyn › History")
    assert await rig.count() == 1

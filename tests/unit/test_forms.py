"""Forms from schemas: whatever a schema says, nothing of the params is lost, and nothing is made up."""

import json
import sys

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from console.domain.catalogue import Catalogue, CatalogueEntry
from console.domain.forms import MOST_FIELDS, FieldKind, Form, filled, form_of, texts_of
from console.services.catalogue import MOST_WORK, Catalogues, misfit, params_verdict
from console.shell import output
from console.shell.types import _document

RULES = {
    "name": {"type": "string", "description": "what it is called"},
    "count": {"type": "integer", "minimum": 1, "maximum": 9, "default": 3},
    "factor": {"type": ["number", "null"], "minimum": 0.5},
    "most": {"type": "number", "maximum": 7},
    "on": {"type": "boolean"},
    "mode": {"enum": ["slow", "fast", 3, None]},
    "window": {"type": "object"},
    "odd": True,
}
SCHEMA = json.dumps({"type": "object", "properties": RULES, "required": ["name"]})
FORM = form_of(SCHEMA) or Form(())
scalars = st.one_of(st.none(), st.booleans(), st.integers(-99, 99), st.floats(-9, 9), st.text(max_size=6))
values = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner)
)

without_hurry = settings(
    deadline=None, max_examples=60, derandomize=True, database=None, suppress_health_check=list(HealthCheck)
)


def test_a_schema_becomes_fields_with_what_they_take():
    assert [(f.name, f.kind) for f in FORM.fields] == [
        ("name", FieldKind.TEXT), ("count", FieldKind.INTEGER), ("factor", FieldKind.NUMBER),
        ("most", FieldKind.NUMBER), ("on", FieldKind.CHOICE), ("mode", FieldKind.CHOICE),
        ("window", FieldKind.JSON), ("odd", FieldKind.JSON),
    ]  # fmt: skip
    assert [f.hint for f in FORM.fields] == [
        "required, text · what it is called", "integer, 1 to 9, default 3", "number, at least 0.5",
        "number, at most 7", "true | false", "slow | fast | 3 | null", "JSON", "JSON",
    ]  # fmt: skip
    assert [f.name for f in FORM.fields if f.required] == ["name"]


@pytest.mark.parametrize(
    "schema",
    [
        None, "", "{", "[]", "true", "7", '{"properties": []}', '{"properties": {}}', "[" * 5_000,
        json.dumps({"properties": {str(n): {} for n in range(MOST_FIELDS + 1)}}),
    ],
)  # fmt: skip
def test_what_describes_no_object_makes_no_form(schema):
    assert form_of(schema) is None


def test_what_is_required_stands_first():
    """jsonb keeps no order of keys, but that of lists."""
    form = form_of('{"properties": {"a": {}, "b": {}, "c": {}}, "required": ["c", "b", "ghost"]}')
    assert form is not None
    assert [f.name for f in form.fields] == ["c", "b", "a"]


def test_what_is_typed_becomes_params_and_keys_that_are_no_field_stay():
    typed = {
        "name": " a ", "count": " 7 ", "factor": "1.50", "on": "true", "mode": "3",
        "window": '{"from": 1}', "odd": "[null]",
    }  # fmt: skip
    found = filled(FORM, typed, '{"count": 1, "extra": {"kept": true}, "on": false}')
    assert found.faults == ()
    assert found.params == {
        "extra": {"kept": True}, "name": " a ", "count": 7, "factor": 1.5, "on": True, "mode": 3,
        "window": {"from": 1}, "odd": [None],
    }  # fmt: skip


@pytest.mark.parametrize(
    ("name", "text", "fault"),
    [
        ("name", "", "name is required"),
        ("count", "1.5", "count: '1.5' is not an integer"),
        ("count", "٣", "count: '٣' is not an integer"),
        ("count", "9" * 50, f"count: '{'9' * 40}' is not an integer"),
        ("factor", "NaN", "factor: 'NaN' is not a number"),
        ("factor", "1e999", "factor: '1e999' is not a number"),
        ("on", "yes", "on: 'yes' is not one of the choices"),
        ("window", "{", "window: '{' is not valid JSON"),
        ("window", "NaN", "window: 'NaN' is not valid JSON"),
        ("window", "[" * 5_000, f"window: '{'[' * 40}' is not valid JSON"),
    ],
)
def test_what_cannot_be_read_is_named(name, text, fault):
    typed = {"name": "a"} | {name: text}
    assert filled(FORM, typed, "{}").faults == (fault,)


@pytest.mark.parametrize("params", ["", "[1]", "{", '{"a": 1.00000000000000000001}', '{"mode": "quick"}', "[" * 5_000,
                                    '{"count": "7"}', '{"name": ""}', '{"name": 7}', '{"on": 1}'])  # fmt: skip
def test_a_form_shows_nothing_that_it_would_change(params):
    assert texts_of(FORM, params) is None


def test_unreadable_params_are_no_base_to_build_on():
    assert filled(FORM, {"name": "a"}, "[" * 5_000).params == {"name": "a"}
    assert filled(FORM, {"name": "a"}, "[1]").params == {"name": "a"}


@without_hurry
@given(st.dictionaries(st.sampled_from([*RULES, "other", ""]), values))
def test_what_a_form_shows_is_what_it_writes(params):
    """Without the check that it writes the same again, a form loses empty texts and turns 1 into true."""
    text = json.dumps(params)
    shown = texts_of(FORM, text)
    if shown is None:
        return
    again = filled(FORM, {"name": "x"} | shown, text)
    expected = params if "name" in params else params | {"name": "x"}
    assert json.dumps(again.params, sort_keys=True) == json.dumps(expected, sort_keys=True)


@without_hurry
@given(values, values)
def test_any_json_may_stand_where_a_schema_is_expected(schema, params):
    form = form_of(json.dumps({"properties": schema, "required": schema}))
    texts = {field.name: "1" for field in form.fields} if form else {}
    assert isinstance(filled(form or Form(()), texts, json.dumps(params)).params, dict)
    misfit(json.dumps(schema), json.dumps(params))


def test_a_value_is_judged_by_its_schema():
    assert misfit(SCHEMA, '{"name": "a"}') == ""
    assert misfit(SCHEMA, '{"name": "a", "count": 10}') == "count: 10 is greater than the maximum of 9"
    assert misfit(SCHEMA, "{}") == "'name' is a required property"
    assert misfit('{"type": 3}', "{}") is None
    assert misfit("{", "{}") is None
    assert misfit('{"$schema": 5, "id": {"": 1}}', "{}") is None
    assert misfit(SCHEMA, "{") is None


def test_schemas_that_would_take_long_are_not_looked_into():
    """Without these limits, one row of the catalogue stops the screen for minutes."""
    endless = {f"{n}": {"anyOf": [{"$ref": f"#/$defs/{n + 1}"}] * 2} for n in range(40)} | {"40": False}
    assert misfit(json.dumps({"$ref": "#/$defs/0", "$defs": endless}), "1") is None
    assert misfit('{"\\u0024ref": "#"}', "1") is None
    assert misfit('{"pattern": "^(a+)+$"}', json.dumps("a" * 64 + "!")) == ""
    assert misfit('{"patternProperties": {"^(a+)+$": {}}}', json.dumps({"a" * 64 + "!": 1})) == ""
    mixed = json.dumps([[n] if n % 2 else {"n": n} for n in range(5_000)])
    assert misfit('{"uniqueItems": true}', mixed) == ""
    unevaluated: object = {"unevaluatedItems": False}
    for _ in range(18):
        unevaluated = {"anyOf": [unevaluated, {"type": "array"}], "unevaluatedItems": False}
    assert misfit(json.dumps(unevaluated), "[1]") == ""
    assert misfit('{"type": "array"}', "[" + "1," * MOST_WORK + "1]") is None


def entry(template_id: str, command_type: str = "ping", params: str | None = "{}", answer: str | None = None):
    return CatalogueEntry(template_id, command_type, command_type.title(), params, answer)


def test_a_listing_counts_the_devices_whose_models_lack_a_type():
    catalogue = Catalogue((entry("1"), entry("1", "reboot"), entry("2")), (("1", 3), ("2", 4)))
    assert catalogue.types == ("ping", "reboot")
    ping, reboot, nothing = (catalogue.listing(name) for name in ("ping", "reboot", "dance"))
    assert (ping.devices, ping.lacking, ping.agreed is not None) == (7, 0, True)
    assert (reboot.devices, reboot.lacking) == (7, 4)
    assert (nothing.lacking, nothing.agreed) == (7, None)
    assert params_verdict(reboot, "{}") == "The catalogue does not list it for the models of 4 of 7 devices."
    assert params_verdict(nothing, "{}") == "The catalogue of their models does not list “dance”."
    assert params_verdict(Catalogue().listing("ping"), "{}") is None
    assert not Catalogue()


def test_models_that_disagree_on_the_params_make_no_form():
    catalogue = Catalogue((entry("1"), entry("2", params=SCHEMA)), (("1", 1), ("2", 1)))
    assert catalogue.listing("ping").agreed is None
    assert params_verdict(catalogue.listing("ping"), "{}") is None
    alone = Catalogue((entry("2", params=SCHEMA),), (("2", 1),))
    assert params_verdict(alone.listing("ping"), "{}") == "Catalogue mismatch: 'name' is a required property."
    assert params_verdict(alone.listing("dance"), "{}") == "The catalogue of its model does not list “dance”."
    assert params_verdict(alone.listing("ping"), '{"name": "a"}') is None
    assert params_verdict(Catalogue((entry("1", params=None),), (("1", 1),)).listing("ping"), "{}") is None


@pytest.mark.parametrize(
    ("ack", "verdict"),
    [
        (None, None), ("{", None), ("[]", None), ("7", None), ('{"status": "ok"}', "None is not of type 'object'"),
        ('{"status": "ok", "details": {"n": 1}}', ""), ('{"details": {"n": "x"}}', "n: 'x' is not of type 'integer'"),
    ],
)  # fmt: skip
async def test_the_details_of_an_answer_are_judged(ack, verdict):
    schema = json.dumps({"type": "object", "properties": {"n": {"type": "integer"}}})

    class Reads:
        async def of_devices(self, *_):
            return Catalogue((entry("1", answer=schema), entry("1", "dance")), (("1", 1),))

    catalogues = Catalogues(Reads())
    assert await catalogues.answer_verdict("acme", "pump-1", "ping", ack) == verdict
    assert await catalogues.answer_verdict("acme", "pump-1", "dance", ack) is None


@pytest.mark.parametrize(
    ("rule", "kind", "hint"),
    [
        ({"const": True}, FieldKind.CHOICE, "only true"),
        ({"type": "boolean", "const": True, "description": "really"}, FieldKind.CHOICE, "only true · really"),
        ({"const": "v2"}, FieldKind.CHOICE, "only v2"),
        ({"oneOf": [{"const": 1, "title": "slow"}, {"const": 2}]}, FieldKind.CHOICE, "1 | 2"),
        ({"anyOf": [{"const": 1}, {"type": "string"}]}, FieldKind.JSON, "JSON"),
        ({"type": "string", "minLength": 4, "maxLength": 4}, FieldKind.TEXT, "text, exactly 4 characters"),
        ({"type": "string", "maxLength": 9}, FieldKind.TEXT, "text, at most 9 characters"),
        ({"type": "integer", "minimum": 0, "maximum": 604_800}, FieldKind.INTEGER, "integer, 0 to 604800"),
        ({"type": "number", "exclusiveMinimum": 0, "exclusiveMaximum": 1.5, "multipleOf": 0.5}, FieldKind.NUMBER,
         "number, more than 0, less than 1.5, a multiple of 0.5"),
        ({"type": "number", "maximum": 1e300, "minimum": True}, FieldKind.NUMBER, "number, at most 1e+300"),
    ],
)  # fmt: skip
def test_a_hint_says_what_the_rule_takes(rule, kind, hint):
    """Without it a const that takes only true is offered as true or false."""
    form = form_of(json.dumps({"properties": {"field": rule}}))
    assert form is not None
    (field,) = form.fields
    assert (field.kind, field.hint) == (kind, hint)
    if "const" in rule:
        assert filled(form, {"field": "false"}, "{}").faults == ("field: 'false' is not one of the choices",)


def test_what_is_too_deep_or_too_long_has_no_form():
    """Without it one schema of the catalogue ends the list of all types."""
    texts = ["9" * (sys.get_int_max_str_digits() + 1)]
    texts += ["[" * depth + "]" * depth for depth in range(100, sys.getrecursionlimit(), 5)]
    for text in texts:
        form_of(f'{{"properties": {{"a": {{"default": {text}}}}}}}')
        entry = CatalogueEntry("1", "ping", "Ping", f'{{"default": {text}}}', None)
        output.print_json(_document(entry))
    assert _document(CatalogueEntry("1", "ping", "Ping", '{"a": 1}', None))["params_schema"] == {"a": 1}
    assert form_of(f'{{"properties": {{"a": {{"default": {texts[0]}}}}}}}') is None

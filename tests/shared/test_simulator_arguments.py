"""Tool arguments from JSON schemas: what fits, and that nothing raises."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mimo_quirks.simulator.arguments import arguments_for

WORDS = [
    "type",
    "const",
    "default",
    "enum",
    "$ref",
    "$defs",
    "anyOf",
    "oneOf",
    "allOf",
    "properties",
    "required",
    "items",
    "prefixItems",
    "minItems",
    "maxItems",
    "minLength",
    "maxLength",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "format",
    "object",
    "array",
    "string",
    "integer",
    "number",
    "null",
    "boolean",
    "#/$defs/a",
    "#",
    "a",
]
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(WORDS),
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS) | st.text(max_size=3), inner, max_size=6)
    ),
    max_leaves=30,
)


def value_for(schema, **root):
    parameters = {"type": "object", "properties": {"x": schema}, "required": ["x"], **root}
    return json.loads(arguments_for(parameters))["x"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        ({"type": "string"}, "Zürich 東京"),
        ({"type": "string", "maxLength": 2}, "Zü"),
        ({"type": "string", "format": "date"}, "2026-11-01"),
        ({"type": "string", "enum": ["c", "f"]}, "c"),
        ({"const": 7}, 7),
        ({"type": "string", "default": None}, None),
        ({"type": "integer"}, 1),
        ({"type": "integer", "minimum": 5}, 5),
        ({"type": "integer", "exclusiveMinimum": 5}, 6),
        ({"type": "integer", "minimum": 5.5}, 6),
        ({"type": "integer", "maximum": -3}, -3),
        ({"type": "integer", "exclusiveMaximum": -3}, -4),
        ({"type": "number"}, 1.5),
        ({"type": "number", "minimum": 2, "maximum": 3}, 2.5),
        ({"type": "number", "exclusiveMaximum": -1}, -1.5),
        ({"type": "number", "minimum": 9}, 9.5),
        ({"type": "boolean"}, True),
        ({"type": "null"}, None),
        ({"type": ["null", "integer"]}, 1),
        ({"type": "array", "items": {"type": "integer"}}, [1]),
        ({"type": "array", "items": {"type": "integer"}, "minItems": 3}, [1, 1, 1]),
        ({"type": "array", "items": {"type": "integer"}, "maxItems": 0}, []),
        ({"type": "array", "prefixItems": [{"const": 1}, {"const": 2}]}, [1, 2]),
        ({"anyOf": [{"type": "integer"}, {"type": "null"}]}, 1),
        ({"oneOf": [{"const": "a"}, {"const": "b"}]}, "a"),
        ({"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}}, {"a": 1, "b": 2}),
        (
            {"type": "object", "properties": {"a": {"const": 1}, "b": {"const": 2}}, "required": ["b"]},
            {"b": 2},
        ),
        ({"properties": {"a": {"const": 1}}}, {"a": 1}),
        ({}, "Zürich 東京"),
    ],
)
def test_value_fits_its_schema(schema, expected):
    """A value is the simplest that its schema allows, and always the same."""
    assert expected == value_for(schema)


def test_length_is_reached():
    """A text is as long as it has to be."""
    assert 20 == len(value_for({"type": "string", "minLength": 20}))


def test_references_are_followed():
    """A reference is looked up in the tool's own parameters, and a circle of them ends."""
    node = {
        "type": "object",
        "properties": {
            "name": {"type": "string"},
            "next": {"anyOf": [{"$ref": "#/$defs/Node"}, {"type": "null"}]},
            "children": {"type": "array", "items": {"$ref": "#/$defs/Node"}},
        },
        "required": ["name", "next", "children"],
    }

    assert {"name": "Zürich 東京", "next": None, "children": []} == value_for(
        {"$ref": "#/$defs/Node"}, **{"$defs": {"Node": node}}
    )


def test_text_is_raw_json():
    """Arguments are JSON text with its characters as they are."""
    parameters = {"type": "object", "properties": {"city": {"type": "string"}}}

    assert '{"city": "Zürich 東京"}' == arguments_for(parameters)


@pytest.mark.parametrize("parameters", [None, [], "object", {}, {"type": "string"}, {"$ref": "#/nowhere"}])
def test_arguments_are_an_object(parameters):
    """A tool without usable parameters is called with an empty object."""
    assert "{}" == arguments_for(parameters)


@given(JSON)
def test_any_json_is_a_schema(schema):
    """Whatever stands where a schema is expected, the tool is called with an object."""
    assert isinstance(json.loads(arguments_for(schema)), dict)
    assert isinstance(json.loads(arguments_for({"type": "object", "properties": {"x": schema}})), dict)

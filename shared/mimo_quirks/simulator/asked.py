"""What the pretend model takes from the request's own words: values for its arguments, and the form of its answer.

A real model fills in what the user wrote. So a number or a quoted text of the last user message goes into the first
plain property that takes it, and an answer has the `response_format` that was asked for (EVIDENCE §9: `json_object` is
documented, `json_schema` was honoured by v2.6).
"""

import json
import operator
import re
from collections.abc import Mapping, Sequence
from typing import Any

from mimo_quirks.simulator.arguments import arguments_for
from mimo_quirks.simulator.history import Message
from mimo_quirks.simulator.spellings import Json

_NUMBER = re.compile(r"(?<![\w.])-?\d{1,15}(?![\w.])")
_QUOTED = re.compile(r"(?<!\w)(['\"])(?=\S)([^'\"\n]{1,64})\1")
_BOUNDS = {
    "minimum": operator.ge,
    "exclusiveMinimum": operator.gt,
    "maximum": operator.le,
    "exclusiveMaximum": operator.lt,
}
_ADORNED = ("const", "default", "enum", "format", "minLength", "maxLength")
"""What makes a property more than a plain one."""


def call_arguments(parameters: object, history: Sequence[Message]) -> str:
    """Fill a tool's parameters, with the user's own values where they fit; JSON text of one object."""
    text = _last_words(history)
    values = json.loads(arguments_for(parameters))
    schemas = parameters.get("properties") if isinstance(parameters, Mapping) else None
    known: Mapping[str, Any] = schemas if isinstance(schemas, Mapping) else {}
    numbers, words = [int(number) for number in _NUMBER.findall(text)], _quoted(text)
    for name in values:
        schema = known.get(name)
        if not isinstance(schema, Mapping) or any(key in schema for key in _ADORNED):
            continue
        if schema.get("type") == "integer" and numbers and _is_within(numbers[0], schema):
            values[name] = numbers.pop(0)
        elif schema.get("type") == "string" and words:
            values[name] = words.pop(0)
    return json.dumps(values, ensure_ascii=False)


def formatted(body: Json, history: Sequence[Message], answer: str) -> str:
    """An answer in the `response_format` of the request: the text itself where none was asked for."""
    wanted = body.get("response_format")
    kind = wanted.get("type") if isinstance(wanted, Mapping) else None
    if kind == "json_object":
        keys = _quoted(_last_words(history)) or ["answer"]
        return json.dumps(dict.fromkeys(keys, answer), ensure_ascii=False)
    if kind == "json_schema" and isinstance(wanted, Mapping):
        named = wanted.get("json_schema")
        return call_arguments(named.get("schema") if isinstance(named, Mapping) else None, history)
    return answer


def _last_words(history: Sequence[Message]) -> str:
    return next((message.text for message in reversed(history) if message.role == "user"), "")


def _quoted(text: str) -> list[str]:
    return [words for _, words in _QUOTED.findall(text)]


def _is_within(value: int, schema: Mapping[str, Any]) -> bool:
    edges = ((holds, schema.get(key)) for key, holds in _BOUNDS.items())
    return all(
        holds(value, edge) for holds, edge in edges if isinstance(edge, (int, float)) and not isinstance(edge, bool)
    )

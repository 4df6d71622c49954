"""Tool arguments made from a tool's JSON schema: plausible enough to run the tool, the same every time.

Any JSON may stand where a schema is expected, so every function here is total: what is not understood
becomes a string or null. `pattern`, `multipleOf` and `uniqueItems` are not looked at. A schema that refers
to itself ends in null.
"""

import json
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

_WORD = "Zürich 東京"
_FORMATS = {
    "date": "2026-11-01",
    "date-time": "2026-11-01T08:00:00Z",
    "time": "08:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "uuid": "00000000-0000-4000-8000-000000000000",
}
_DEEPEST, _MOST_ITEMS, _LONGEST = 24, 32, 4096
"""How deep, how many and how long one value may get, whatever the schema asks for."""
_LARGEST = 2**53
"""Bounds beyond what a double can count are ignored."""


def arguments_for(parameters: object) -> str:
    """Fill a tool's parameters; JSON text of one object, non-ASCII unescaped, as on the wire."""
    values = _Filler(parameters).fill(parameters, ())
    return json.dumps(values if isinstance(values, dict) else {}, ensure_ascii=False)


@dataclass(frozen=True, slots=True)
class _Filler:
    """Fills schemas that may point into one document; `trail` holds the references being followed."""

    root: object

    def fill(self, schema: object, trail: tuple[str, ...]) -> Any:
        if not isinstance(schema, Mapping) or len(trail) > _DEEPEST:
            return None
        for fixed in ("const", "default"):
            if fixed in schema:
                return schema[fixed]
        if options := _items(schema, "enum"):
            return options[0]
        if isinstance(reference := schema.get("$ref"), str):
            return None if reference in trail else self.fill(self._target(reference), (*trail, reference))
        if choices := _items(schema, "anyOf") or _items(schema, "oneOf") or _items(schema, "allOf"):
            return self.fill(choices[0], (*trail, ""))
        return self._of_type(schema, (*trail, ""))

    def _target(self, reference: str) -> object:
        target = self.root
        for step in reference.split("/")[1:]:
            name = step.replace("~1", "/").replace("~0", "~")
            target = target.get(name) if isinstance(target, Mapping) else None
        return target

    def _of_type(self, schema: Schema, trail: tuple[str, ...]) -> Any:
        kind = _kind(schema)
        if kind == "object":
            return self._object(schema, trail)
        if kind == "array":
            return self._array(schema, trail)
        return _SCALARS.get(kind, _string)(schema)

    def _object(self, schema: Schema, trail: tuple[str, ...]) -> dict[str, Any]:
        # The required ones; all of them where nothing is required, so that a schema of options is not empty.
        properties = schema.get("properties")
        known: Schema = properties if isinstance(properties, Mapping) else {}
        required = [name for name in _items(schema, "required") if isinstance(name, str)]
        return {name: self.fill(known.get(name, {}), trail) for name in required or known}

    def _array(self, schema: Schema, trail: tuple[str, ...]) -> list[Any]:
        fixed = [self.fill(item, trail) for item in _items(schema, "prefixItems")[:_MOST_ITEMS]]
        item = schema.get("items", {})
        closes = isinstance(item, Mapping) and item.get("$ref") in trail
        wanted = _clamp(0 if closes else 1, _number(schema, "minItems"), _number(schema, "maxItems"))
        missing = max(0, min(int(wanted), _MOST_ITEMS) - len(fixed))
        return fixed + [self.fill(item, trail) for _ in range(missing)]


def _kind(schema: Schema) -> str:
    kind = schema.get("type")
    kinds = [kind] if isinstance(kind, str) else [name for name in _items(schema, "type") if isinstance(name, str)]
    guess = "object" if "properties" in schema else "array" if "items" in schema else "string"
    return next((name for name in kinds if name != "null"), "null" if kinds else guess)


def _string(schema: Schema) -> str:
    kind = schema.get("format")
    if isinstance(kind, str) and kind in _FORMATS:
        return _FORMATS[kind]
    length = _clamp(len(_WORD), _number(schema, "minLength"), _number(schema, "maxLength"))
    return (_WORD * (_LONGEST // len(_WORD)))[: max(0, int(length))]


def _integer(schema: Schema) -> int:
    lows = [within(edge) for key, within in _FLOORS.items() if (edge := _number(schema, key)) is not None]
    highs = [within(edge) for key, within in _CEILINGS.items() if (edge := _number(schema, key)) is not None]
    return int(_clamp(1, max(lows, default=None), min(highs, default=None)))


def _real(schema: Schema) -> float:
    # In the middle of its bounds a number keeps inclusive and exclusive ones alike.
    lows = [edge for key in _FLOORS if (edge := _number(schema, key)) is not None]
    highs = [edge for key in _CEILINGS if (edge := _number(schema, key)) is not None]
    low = max(lows) if lows else min(highs, default=2) - 1
    high = min(highs) if highs else low + 1
    return (low + high) / 2


def _clamp(value: float, low: float | None, high: float | None) -> float:
    raised = value if low is None else max(value, low)
    return raised if high is None else min(raised, high)


def _number(schema: Schema, key: str) -> float | None:
    value = schema.get(key)
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return None
    return value if abs(value) <= _LARGEST else None


def _items(schema: Schema, key: str) -> Sequence[Any]:
    value = schema.get(key)
    return value if isinstance(value, list) else []


_FLOORS: Mapping[str, Callable[[float], int]] = {
    "minimum": math.ceil,
    "exclusiveMinimum": lambda edge: math.floor(edge) + 1,
}
_CEILINGS: Mapping[str, Callable[[float], int]] = {
    "maximum": math.floor,
    "exclusiveMaximum": lambda edge: math.ceil(edge) - 1,
}
"""Each bound of a number, and the whole number nearest inside it."""

_SCALARS: Mapping[str, Callable[[Schema], Any]] = {
    "string": _string,
    "integer": _integer,
    "number": _real,
    "boolean": lambda _: True,
    "null": lambda _: None,
}

"""A host row of the operator's own: what it changes, what is rejected, and that it is written as it is read."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from typing import Any

import pytest

from mimo_quirks.facts.hosts import ALIBABA, HOSTS, RELAY, Dialect, Host, Switch
from mimo_quirks.facts.quirks import Quirks
from mimo_quirks.facts.written_hosts import host_from, written_as
from mimo_quirks.settings import Settings, SettingsError

URL = "https://gw.example/v1"


def _quirks(row: object, model: str = "mimo-v2.6-pro") -> Quirks | None:
    return Settings.from_env({"MIMO_QUIRKS_HOSTS": json.dumps({"gw.example": row})}).quirks_for(model, URL)


def test_what_is_left_out_is_the_named_row() -> None:
    """Without anything else a row is the named one, and `relay` where none is named."""
    assert _quirks("vllm") == _quirks({"row": "vllm"})
    assert _quirks("relay") == _quirks({})


@pytest.mark.parametrize(
    ("name", "value", "attribute", "expected"),
    [
        ("placeholder", " ", "placeholder", " "),
        ("takes_placeholder", False, "placeholder", None),
        ("pads_every_turn", True, "pads_every_turn", True),
        ("forbids", True, "forbids", True),
        ("forbids_when_off", True, "forbids_when_off", True),
        ("forces_tools", False, "forces_tools", False),
        ("takes_n", False, "takes_n", False),
        ("fields", ["reasoning"], "dialect.fields", ("reasoning",)),
        ("alternatives", ["reasoning_details"], "dialect.alternatives", ("reasoning_details",)),
        (
            "switches",
            [{"path": "a.b", "on": "high", "off": "none"}],
            "dialect.switches",
            (Switch(("a", "b"), "high", "none"),),
        ),
    ],
)
def test_each_name_changes_its_fact(name: str, value: object, attribute: str, expected: object) -> None:
    """It changes that one, and nothing else."""
    plain, changed = _quirks({}), _quirks({name: value})
    assert plain is not None
    assert changed is not None
    inner = attribute.partition("dialect.")[2]
    wanted = replace(plain.dialect, **{inner: expected}) if inner else plain.dialect  # type: ignore[arg-type]
    told: dict[str, Any] = {"dialect": wanted} if inner else {attribute: expected}

    assert replace(plain, **told) == changed
    assert plain != changed


def test_serves() -> None:
    """A row says what any id on its host is."""
    assert _quirks({}, "acme-brain") is None
    served = _quirks({"serves": "mimo"}, "acme-brain")
    assert "mimo" == (served and served.family)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ({"row": "xiaomy"}, "row: 'xiaomy' must be one of 'token-plan', "),
        ({"row": ["relay"]}, "row: ['relay'] must be one of"),
        ({"take_n": False}, "unknown key 'take_n'; known: row, fields, "),
        ({"takes_n": "no"}, "takes_n: 'no' must be true or false"),
        ({"placeholder": "."}, "placeholder: '.' must be one of '', ' '"),
        ({"row": "vllm", "placeholder": " "}, 'placeholder: vllm takes none; add "takes_placeholder": true'),
        ({"serves": "gpt"}, "serves: 'gpt' must be one of 'mimo', 'deepseek', 'kimi'"),
        ({"fields": []}, "fields: [] must be a list of: reasoning_content, reasoning"),
        ({"fields": "reasoning"}, "fields: 'reasoning' must be a list"),
        ({"fields": ["reasoning_details"]}, "fields: ['reasoning_details'] must be a list of:"),
        ({"alternatives": [{}]}, "alternatives: [{}] must be a list of:"),
        ({"switches": []}, "switches: [] must be a non-empty list of switches"),
        ({"switches": {"path": "a"}}, "switches: {'path': 'a'} must be a non-empty list"),
        ({"switches": ["thinking"]}, "switches: 'thinking' is not a switch, such as {"),
        ({"switches": [{"path": "a..b", "on": 1, "off": 0}]}, "is not a switch, such as {"),
        ({"switches": [{"path": "a", "on": True}]}, "is not a switch, such as {"),
        ({"switches": [{"path": "a", "on": {}, "off": False}]}, "switches: on and off of a must differ"),
        ({"switches": [{"path": "a", "on": "x", "off": "x"}]}, "switches: on and off of a must differ"),
    ],
)
def test_what_a_row_cannot_say(row: object, complaint: str) -> None:
    """The error names the variable, the host, the name and what would do, without the password of a URL."""
    with pytest.raises(SettingsError) as caught:
        Settings.from_env({"MIMO_QUIRKS_HOSTS": json.dumps({"https://u:hunter2@gw.example/v1": row})})

    assert str(caught.value).startswith("MIMO_QUIRKS_HOSTS: gw.example: ")
    assert complaint in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_host_without_a_name() -> None:
    """It is said of the row first."""
    with pytest.raises(SettingsError, match="a host: takes_n"):
        Settings.from_env({"MIMO_QUIRKS_HOSTS": '{"http://": {"takes_n": 1}}'})


def test_two_rows_for_one_host() -> None:
    """Equal ones are one."""
    same = {"https://gw.example/a": {"takes_n": False}, "gw.example": {"takes_n": False}}
    Settings.from_env({"MIMO_QUIRKS_HOSTS": json.dumps(same)})
    with pytest.raises(SettingsError, match="conflicting entries"):
        Settings.from_env({"MIMO_QUIRKS_HOSTS": json.dumps({**same, "gw.example": {}})})


@pytest.mark.parametrize("row", HOSTS, ids=lambda row: row.name)
def test_written_as_it_is_read(row: Host) -> None:
    """A row is written as its name, a changed one with its changes, and JSON gives the same row back."""
    changed = replace(
        row,
        dialect=replace(
            row.dialect, fields=("reasoning",), switches=ALIBABA.switches, alternatives=("reasoning_details",)
        ),
        placeholder=" ",
        takes_placeholder=True,
        takes_n=not row.takes_n,
    )

    assert {"row": row.name} == written_as(row)
    assert changed == host_from(json.loads(json.dumps(written_as(changed))))


def test_a_row_says_whatever_a_row_has() -> None:
    """But for where it is from, and for the names of hosts, which are the keys of the setting."""
    told = {"name", "domains", "dialect", "source", "date"}
    names = {field.name for cls in (Host, Dialect) for field in fields(cls)} - told

    assert names == {name for name in names if name in str(_complaint())}


def _complaint() -> ValueError:
    with pytest.raises(ValueError, match="unknown key") as caught:
        host_from({"x": RELAY})
    return caught.value

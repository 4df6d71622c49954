"""What follows from findings: where reasoning is lost, and the row of the host as it ought to be."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from mimo_quirks.facts.hosts import (
    ALIBABA,
    HOSTS,
    OPENROUTER,
    PLAIN,
    TEMPLATE,
    Dialect,
    Host,
    Switch,
)
from mimo_quirks.facts.quirks import Quirks

from .asking import Finding, Value
from .known import Known
from .reasoning_questions import EMISSIONS

_DIALECTS: Final[Mapping[str, Dialect]] = {
    "PLAIN": PLAIN,
    "OPENROUTER": OPENROUTER,
    "ALIBABA": ALIBABA,
    "TEMPLATE": TEMPLATE,
}
_STAND_INS: Final = ("", " ")
_OFF_WITH: Final = "tool turn with its reasoning"
_OFF_WITHOUT: Final = "tool turn without its reasoning"
_THIS_ROUND: Final = "a tool turn of this round"


def losses(findings: Sequence[Finding], relay: str) -> list[str]:
    """Where reasoning is lost, as far as that can be told, a sentence each."""
    wires = tuple(dict.fromkeys(finding.wire for finding in findings))
    lost = {wire: [*_way_back(wire, findings), *_way_out(wire, findings)] for wire in wires}
    sound = [wire for wire in wires if not lost[wire]]
    told = []
    for wire, sentences in lost.items():
        for sentence in sentences:
            beside = f"; on the {sound[0]} wire of the same endpoint it is not lost" if sound else ""
            place = f"; the endpoint is {relay}, so look there first" if relay else ""
            told.append(f"{wire}: {sentence}{beside}{place}")
    return told


def _way_back(wire: str, findings: Sequence[Finding]) -> Iterator[str]:
    came = [one for one in findings if (one.wire, one.question) == (wire, "emitted") and one.sent in EMISSIONS]
    silent = [one for one in came if one.value == "none"]
    if not silent:
        return
    if len(silent) == len([one for one in came if one.value is not None]):
        is_counted = any("counted" in one.came for one in silent)
        yield "no answer has reasoning: " + (
            "it is lost on the way back, for tokens of it were counted"
            if is_counted
            else "the model did not think, or something on the way took it off"
        )
    else:
        places = " and ".join(one.sent for one in silent)
        yield f"reasoning is lost on the way back: {places} has none, other answers have it"


def _way_out(wire: str, findings: Sequence[Finding]) -> Iterator[str]:
    rows = {(one.question, one.sent): one for one in findings if one.wire == wire}
    carried = [one for one in (rows.get(("tool-turns", "as it came")), rows.get(("used", _THIS_ROUND))) if one]
    if any(one.recognised == "missing" for one in carried):
        yield (
            "reasoning is lost on the way to the model: it was sent, and the host says that it is missing; "
            "something between you and that host takes it off, or writes it under another name"
        )
        return
    counted = rows.get(("used", "a much longer thought"))
    if counted and counted.value == "not counted":
        yield (
            "reasoning is dropped without an error on the way to the model: a much longer thought makes no longer "
            "prompt; something on the way, or the host's own template, leaves it out"
        )


def row_of(known: Known, findings: Sequence[Finding]) -> Host:
    """The row of this host: our own, changed where findings contradict it."""
    facts = _Facts(findings)
    row = replace(known.row, dialect=_dialect(known.row.dialect, facts))
    forbids = facts.all_false("tool-turns", "as it came") and facts.any_true("tool-turns", "missing")
    row = _with_stand_in(row, facts, known.quirks)
    if facts.is_told("tool-turns", "as it came"):
        row = replace(row, forbids=forbids)
    if facts.is_told("thinking-off", _OFF_WITH):
        only_off = facts.all_false("thinking-off", _OFF_WITH) and facts.any_true("thinking-off", _OFF_WITHOUT)
        row = replace(row, forbids_when_off=only_off and not forbids)
    if facts.is_told("plain-turns", "missing"):
        helps = any(facts.any_true("plain-turns", f'"{text}"') for text in _STAND_INS)
        row = replace(row, pads_every_turn=helps and facts.all_false("plain-turns", "missing"))
    if (n := facts.value("chat", "n", "n = 2")) is not None:
        row = replace(row, takes_n=n == "2 choices")
    obeyed = facts.values("forced-tools", "the other tool forced")
    return replace(row, forces_tools="obeyed" in obeyed) if obeyed else row


class _Facts:
    """Findings by what was asked."""

    def __init__(self, findings: Sequence[Finding]) -> None:
        self._rows = {(one.wire, one.question, one.sent): one.value for one in findings if one.value is not None}

    def value(self, wire: str, question: str, sent: str) -> Value:
        return self._rows.get((wire, question, sent))

    def values(self, question: str, sent: str) -> list[Value]:
        return [value for (_, name, what), value in self._rows.items() if (name, what) == (question, sent)]

    def is_told(self, question: str, sent: str) -> bool:
        return bool(self.values(question, sent))

    def all_false(self, question: str, sent: str) -> bool:
        return self.is_told(question, sent) and not any(self.values(question, sent))

    def any_true(self, question: str, sent: str) -> bool:
        return True in self.values(question, sent)

    def fields(self) -> tuple[str, ...]:
        """The names that are read, of those that hold a plain text."""
        names = ("reasoning_content", "reasoning")
        return tuple(name for name in names if self.value("chat", "fields", name) == "used")

    def switched_off(self) -> list[str]:
        """The spellings that work."""
        rows = (asked for asked, value in self._rows.items() if value == "off")
        return [what.partition(" = ")[0] for wire, question, what in rows if (wire, question) == ("chat", "switches")]


def _dialect(dialect: Dialect, facts: _Facts) -> Dialect:
    read, working = facts.fields(), facts.switched_off()
    if read and not set(dialect.fields) & set(read):
        dialect = replace(dialect, fields=read[:1])
    if working and not any(".".join(switch.path) in working for switch in dialect.switches):
        known = (switch for host in HOSTS for switch in host.dialect.switches)
        found = tuple(dict.fromkeys(switch for switch in known if ".".join(switch.path) in working))
        dialect = replace(dialect, switches=found or (Switch(("reasoning_effort",), on="high", off="none"),))
    return dialect


def _with_stand_in(row: Host, facts: _Facts, quirks: Quirks | None) -> Host:
    """What stands in for lost reasoning: what our row says, unless that is rejected; then what passes."""
    ours = None if quirks is None else quirks.placeholder
    if facts.value("chat", "tool-turns", "as it came") is False:  # then no stand-in could pass either
        return row
    if ours is not None and facts.value("chat", "tool-turns", f'"{ours}"') is not False:
        return row
    if ours is None and facts.value("chat", "tool-turns", "missing") is not False:
        return row
    passing = [text for text in _STAND_INS if facts.value("chat", "tool-turns", f'"{text}"') is True]
    if not passing:
        return row if ours is None else replace(row, takes_placeholder=False)
    return replace(row, takes_placeholder=True, placeholder=passing[0])


def pasted(row: Host, name: str, model: str, date: str) -> str:
    """The row of a host name as it would stand in `facts/hosts.py`."""
    plain = Host(name="", domains=None, dialect=row.dialect, source="", date="")
    lines = [
        f'name="{re.sub(r"[^a-z0-9]+", "-", name)}",',
        f'domains=words(r"{re.escape(name)}"),',
        f"dialect={_spelled(row.dialect, model, date)},",
        f'source="mimo-quirks probe, {model}",',
        f'date="{date}",',
    ]
    for field in ("serves", "takes_placeholder", "placeholder", "pads_every_turn", "forbids", "forbids_when_off"):
        lines += _changed(row, plain, field)
    lines += [*_changed(row, plain, "forces_tools"), *_changed(row, plain, "takes_n")]
    return "\n".join(["Host(", *(f"    {line}" for line in lines), ")"])


def _changed(row: Host, plain: Host, field: str) -> list[str]:
    value = getattr(row, field)
    return [f"{field}={value!r},"] if value != getattr(plain, field) else []


def _spelled(dialect: Dialect, model: str, date: str) -> str:
    for name, known in _DIALECTS.items():
        if dialect == known:
            return name
    switches = ", ".join(f"Switch({one.path!r}, on={one.on!r}, off={one.off!r})" for one in dialect.switches)
    fields = f"fields={dialect.fields!r}, alternatives={dialect.alternatives!r}, switches=({switches},)"
    return f'Dialect({fields}, source="mimo-quirks probe, {model}", date="{date}")'

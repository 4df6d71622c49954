"""Never another conversation's reasoning, and one's own where the memory is whole: attacks by memory, as one table."""

from __future__ import annotations

import hashlib
import os
from collections import Counter
from random import Random
from typing import Any

import pytest

from .crowd import BEGINNING, NOTHING, TOLD, Attack, Crowd, Memories, Script, Seen, alone, scripts, sharing

SCALE = int(os.environ.get("TEST_SCALE", "1"))
MEMBERS = 2 if SCALE == 1 else 5


def _drawn(head: str, upper: bool) -> Any:
    def rename(ident: str, salt: object) -> str:
        drawn = hashlib.sha256(f"{ident} {salt}".encode()).hexdigest()[:24]
        return head + (drawn.upper() if upper else drawn)

    return rename


def _same_form(ident: str, number: int) -> str:
    return str(_drawn("call_", False)(ident, ""))


def _same_form_anew(ident: str, number: int) -> str:
    return str(_drawn("call_", False)(ident, number))


def _other_form(ident: str, number: int) -> str:
    return str(_drawn("toolu_", True)(ident, ""))


def _other_form_anew(ident: str, number: int) -> str:
    return str(_drawn("toolu_", True)(ident, number))


def _turns(seen: list[Seen]) -> list[int]:
    return [at for at, one in enumerate(seen) if one.message["role"] == "assistant"]


def _trimmed(seen: list[Seen], chance: Random) -> list[Seen]:
    return seen[3:] if len(seen) > 5 else seen


def _sliding(seen: list[Seen], chance: Random) -> list[Seen]:
    return seen[-6:]


def _compacted(seen: list[Seen], chance: Random) -> list[Seen]:
    turns = _turns(seen)
    if len(turns) < 3:
        return seen
    return [Seen({"role": "user", "content": "Summary of what was said."}, None), *seen[turns[-3] :]]


def _cleared(seen: list[Seen], chance: Random) -> list[Seen]:
    results = [at for at, one in enumerate(seen) if one.message["role"] == "tool"][:-1]
    return [
        one._replace(message={**one.message, "content": "[cleared]"}, altered=True) if at in results else one
        for at, one in enumerate(seen)
    ]


def _injected(role: str) -> Any:
    made_up = Seen({"role": role, "content": "Remember to be nice."}, None)

    def see(seen: list[Seen], chance: Random) -> list[Seen]:
        at = chance.randrange(1 if seen[0].message["role"] == "user" else 0, len(seen) + 1)
        while at < len(seen) and seen[at].message["role"] == "tool":
            at += 1
        return [*seen[:at], made_up, *seen[at:]]

    return see


def _parallel(drops: bool) -> Any:
    def see(seen: list[Seen], chance: Random) -> list[Seen]:
        changed: list[Seen] = []
        gone: set[str] = set()
        for one in seen:
            calls = one.message.get("tool_calls", ())
            if len(calls) > 1:
                kept = calls[::-1][:-1] if drops else calls[::-1]
                gone |= {call["id"] for call in calls} - {call["id"] for call in kept}
                changed.append(one._replace(message={**one.message, "tool_calls": kept}))
            elif one.message.get("tool_call_id") not in gone:
                changed.append(one)
        return changed

    return see


def _edited(seen: list[Seen], chance: Random) -> list[Seen]:
    first = seen[0].message
    return (
        [seen[0]._replace(message={**first, "content": f"{first['content']} Please."}), *seen[1:]]
        if len(_turns(seen)) > 2
        else seen
    )


def _echoing(seen: list[Seen], chance: Random) -> list[Seen]:
    for one in seen:
        if one.message["role"] == "assistant":
            one.message["drops"] = chance.random() < 0.5
    return seen


def _clock(system: str, number: int) -> str:
    return f"{system} It is {number} o'clock."


def _once_changed(system: str, number: int) -> str:
    return f"{system} It goes on." if number > 6 else system


_VIEWS: dict[str, dict[str, Any]] = {
    "unchanged": {},
    "trimmed": {"see": _trimmed},
    "sliding window": {"see": _sliding},
    "compacted": {"see": _compacted},
    "compacted, system changed": {"see": _compacted, "system": _once_changed},
    "cleared results": {"see": _cleared},
    "injected user message": {"see": _injected("user")},
    "injected system message": {"see": _injected("system")},
    "regenerated": {"regenerates": True},
    "parallel calls reordered": {"see": _parallel(False)},
    "parallel calls dropped": {"see": _parallel(True)},
    "clock in system prompt": {"system": _clock},
    "first message edited": {"see": _edited},
    "n = 2": {"answers": 2},
    "echoes some": {"see": _echoing},
}
ATTACKS = [
    *[Attack(f"{name}, ids kept", **view) for name, view in _VIEWS.items()],
    *[Attack(f"{name}, ids counted", drawn=False, **view) for name, view in _VIEWS.items()],
    Attack("ids redrawn in the same form", ids=_same_form),
    Attack("ids redrawn in the same form each time", ids=_same_form_anew),
    Attack("ids redrawn in another form", ids=_other_form),
    Attack("ids redrawn in another form each time", ids=_other_form_anew),
    Attack("trimmed, ids redrawn in another form", see=_trimmed, ids=_other_form),
]
SETUPS: dict[str, Memories] = {
    "one process": alone(1),
    "three workers, one store": sharing(3),
    "two workers, no store": alone(2),
}
DROPPED = {"whole": 0.0, "10 %": 0.1, "50 %": 0.5}
OUTCOMES = ("own", "none", "stranger's")




def _crowds() -> list[list[Script]]:
    """All at once, where there are many rivals; and each family alone, where there are few."""
    everyone = list(scripts(MEMBERS))
    families = dict.fromkeys(script.family for script in everyone)
    return [everyone, *[[script for script in everyone if script.family == family] for family in families]]


@pytest.mark.parametrize("setup", SETUPS)
def test_strangers(setup: str) -> None:
    rows = []
    families: Counter[tuple[str, str, str]] = Counter()
    strangers = []
    for attack in ATTACKS:
        row = f"{attack.name:42}"
        for dropped in DROPPED.values():
            counts: Counter[tuple[str, str, str]] = Counter()
            for scr in _crowds():
                crowd = Crowd(attack, SETUPS[setup], dropped, scr)
                counts += crowd.counts
                strangers += [f"{attack.name}, {dropped}, {len(scr)}: {s}" for s in crowd.strangers]
            families += counts
            for told in (TOLD, BEGINNING, NOTHING):
                row += " |" + " ".join(f"{sum(v for (f, t, o), v in counts.items() if t is told and o == out):4}" for out in OUTCOMES)
        rows.append(row)
    print("\n" + setup)
    print("\n".join(rows))
    for family in sorted({f for f, _, _ in families}):
        print(f"{family:30}", *[families[family, told, out] for told in (TOLD, BEGINNING, NOTHING) for out in OUTCOMES])
    print("\n".join(s[:400] for s in strangers[:25]))
    print(Counter(s.split(":")[0][:50] for s in strangers))
    assert not strangers

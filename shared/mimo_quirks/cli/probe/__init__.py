"""`mimo-quirks probe`: an endpoint is asked what it accepts, and whether reasoning survives the way to the model.

asking, speech          what a request, an answer and a finding are; what a wire is
chat, messages, responses   the wires
known, questions        the questions, as pure generators
estimate                what they will cost
endpoint, running       the only I/O, and the order of things
conclusions, screen     what follows, and how it is shown
"""

from __future__ import annotations

import asyncio
import datetime as dt
import difflib
import json
import secrets
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import typer

from mimo_quirks import Settings, SettingsError
from mimo_quirks.facts.hosts import PORTS, authority, host_name
from mimo_quirks.facts.written_hosts import written_as

from .. import live  # noqa: TID252 - the command's other room
from ..screens import echo, fail, say  # noqa: TID252 - as above
from .conclusions import losses, pasted, row_of
from .endpoint import SPEECHES, Endpoint
from .estimate import dollars, estimate, price_of
from .known import Known, known_at
from .questions import NAMES, QUESTIONS, Question
from .running import Asker, Report
from .screen import print_report, progress

WIRES: Final = (*SPEECHES, "all")
_INCOMPLETE: Final = 2


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options of the command."""

    base_url: str
    model: str
    wire: str
    only: Sequence[str]
    limit: int
    seconds: float
    yes: bool
    as_json: bool


def probe(wanted: Wanted) -> int:
    """Asks, prints, and returns the exit status.

    0 where all was asked and nothing differs from our row, 1 where something differs or is lost, 2 where it had to
    stop.

    Raises:
        typer.Exit: The options cannot be used, or the question was answered with no.
    """
    questions, everybody = _questions(wanted.only), _everybody(wanted)
    endpoint = Endpoint(wanted.base_url, _key(), wanted.seconds)
    cost = estimate(everybody, questions)
    _confirm(f"{endpoint.name}, {wanted.model}: {cost.line(wanted.limit)}", yes=wanted.yes)
    report = Report()
    with progress(min(cost.requests, wanted.limit)) as tick:
        try:
            asyncio.run(Asker(endpoint, wanted.limit, report, tick).run(everybody, questions))
        except KeyboardInterrupt:
            report.stopped = "interrupted"
    facts = _facts(wanted, everybody[0], report)
    if wanted.as_json:
        echo(json.dumps(_document(wanted, report, facts), indent=2, ensure_ascii=False))
    elif report.findings or report.unserved:
        print_report(report, facts)
    if report.stopped and (wanted.as_json or not (report.findings or report.unserved)):
        typer.echo(f"mimo-quirks: {report.stopped}", err=True)
    if report.stopped or not report.findings:
        return _INCOMPLETE
    return 1 if facts["lost"] or any(finding.differs for finding in report.findings) else 0


def _questions(only: Sequence[str]) -> list[Question]:
    for name in only:
        if name not in NAMES:
            nearest = difflib.get_close_matches(name, NAMES, n=1, cutoff=0)[0]
            fail(f"--only: unknown question {name}; did you mean {nearest}? (all: {', '.join(NAMES)})")
    return [question for question in QUESTIONS if not only or question.name in only]


def _everybody(wanted: Wanted) -> list[Known]:
    if wanted.wire not in WIRES:
        fail(f"{wanted.wire!r} is not a wire; known: {', '.join(WIRES)}")
    if wanted.limit < 1:
        fail("--limit must be at least 1")
    if wanted.seconds <= 0:
        fail("--timeout must be above 0")
    scheme, _, rest = wanted.base_url.partition("://")
    if scheme.lower() not in PORTS or authority(wanted.base_url) is None:
        fail(f"--base-url {wanted.base_url!r} is not a URL such as {live.URL}")
    if "@" in rest.partition("/")[0]:
        fail(f"--base-url has credentials in it; the key goes into {live.KEY}")
    try:
        settings = Settings.from_env()
    except (SettingsError, ImportError) as error:
        fail(str(error))
    words = f"otter-{secrets.token_hex(4)}", f"heron-{secrets.token_hex(4)}"
    names = SPEECHES if wanted.wire == "all" else (wanted.wire,)
    return [known_at(settings, SPEECHES[name], wanted.model, wanted.base_url, words) for name in names]


def _key() -> str:
    key = live.api_key()
    if not key:
        fail(f"{live.KEY} is not set: set it to this endpoint's key (for a proxy, the proxy's)")
    if not key.isascii() or not key.isprintable() or " " in key:
        fail(f"{live.KEY} contains characters that are not allowed in an HTTP header (a newline?)")
    return key


def _confirm(question: str, *, yes: bool) -> None:
    say(question, hang=2, err=True)
    if yes:
        return
    if not sys.stdin.isatty():
        fail("no terminal to confirm at: add --yes")
    if not typer.confirm("Send these requests?", err=True):
        raise typer.Exit(_INCOMPLETE)


def _facts(wanted: Wanted, known: Known, report: Report) -> dict[str, Any]:
    row = row_of(known, report.findings)
    written = written_as(row)
    address = authority(wanted.base_url) or ""
    today = dt.datetime.now(dt.timezone.utc).date().isoformat()
    price = price_of(wanted.model)
    paid = f", about ${dollars(price, report.prompt, report.output):.4f}" if price else ""
    spent = f"{report.requests} requests, {report.prompt:,} tokens in, {report.output:,} out{paid}"
    return {
        "lost": losses(report.findings, report.relay),
        "row": row.name,
        "setting": {address: written} if len(written) > 1 else {},
        "paste": pasted(row, host_name(wanted.base_url) or "", wanted.model, today),
        "spent": spent,
        "date": today,
    }


def _document(wanted: Wanted, report: Report, facts: dict[str, Any]) -> dict[str, Any]:
    findings = [{**asdict(finding), "differs": finding.differs} for finding in report.findings]
    return {
        "host": authority(wanted.base_url),
        "model": wanted.model,
        "date": facts["date"],
        "relay": report.relay,
        "row": facts["row"],
        "findings": findings,
        "lost": facts["lost"],
        "setting": facts["setting"],
        "paste": facts["paste"],
        "unserved": report.unserved,
        "requests": report.requests,
        "tokens": {"in": report.prompt, "out": report.output},
        "stopped": report.stopped,
    }

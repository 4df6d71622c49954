"""What people see of a probe: a table in which a difference stands out, and what follows from it."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any, Final

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ..screens import echo, say, show  # noqa: TID252 - the command's other room
from .asking import Finding
from .running import Report

_DIFFERENT: Final = "bold red"


@contextmanager
def progress(total: int) -> Iterator[Callable[[str], None]]:
    """A bar beside the output, where somebody looks; it is told of each request."""
    console = Console(stderr=True)
    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    )
    with bar:
        task = bar.add_task("asking", total=total)
        yield lambda name: bar.update(task, description=name, advance=1)


def print_report(report: Report, facts: Mapping[str, Any]) -> None:
    """Prints findings wire by wire, and below them what is lost, what differs, and what to set."""
    for wire in dict.fromkeys(finding.wire for finding in report.findings):
        echo(f"{wire} wire")
        found = [finding for finding in report.findings if finding.wire == wire]
        differing = ["≠", *(_came(finding) for finding in found if finding.differs)]
        show(list(map(_row, found)), dict.fromkeys(differing, _DIFFERENT))
        echo()
    for wire, why in report.unserved.items():
        say(f"{wire} wire: not asked, {why}", hang=2)
    for line in _words(report.findings):
        say(line, hang=8)
    for line in facts["lost"]:
        say(f"LOST    {line}", hang=8)
    if report.findings:
        count = sum(finding.differs for finding in report.findings)
        told = f"{count} of {len(report.findings)} findings differ from" if count else "nothing differs from"
        say(f"{told} our row {facts['row']}", hang=2)
    if facts["setting"] and report.findings:
        echo("\nto use it at once:\n")
        echo(f"export MIMO_QUIRKS_HOSTS='{json.dumps(facts['setting'])}'")
        echo("\nas a row of facts/hosts.py:\n")
        echo(facts["paste"])
        echo()
    say(facts["spent"], hang=2)
    if report.stopped:
        sys.stdout.flush()
        say(f"stopped: {report.stopped}", hang=2)


def _row(finding: Finding) -> tuple[str, str, str, str]:
    return "≠" if finding.differs else " ", finding.question, finding.sent, _came(finding)


def _came(finding: Finding) -> str:
    return f"{finding.came}; our row: {_shown(finding.expected)}" if finding.differs else finding.came


def _shown(expected: object) -> str:
    if isinstance(expected, bool):
        return "answered" if expected else "rejected"
    return str(expected)


def _words(findings: Sequence[Finding]) -> Iterator[str]:
    """The words of each error once: what we take them for, and to which questions they were the answer."""
    told: dict[tuple[str, str], list[str]] = {}
    for finding in findings:
        if finding.says:
            known = "not about reasoning" if finding.recognised is None else f"recognised: {finding.recognised}"
            told.setdefault((finding.says, known), []).append(finding.question)
    for (says, known), names in told.items():
        yield f"error   {', '.join(dict.fromkeys(names))} ({known}): {says}"

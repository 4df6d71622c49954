"""Questions put to a host from within a test, and what was found."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from mimo_quirks.cli.live import MODEL
from mimo_quirks.cli.probe.asking import Finding
from mimo_quirks.cli.probe.endpoint import SPEECHES, Endpoint
from mimo_quirks.cli.probe.known import Known, known_at
from mimo_quirks.cli.probe.questions import QUESTIONS
from mimo_quirks.cli.probe.running import Asker, Report
from mimo_quirks.settings import Settings

WORDS = ("otter-7f3a91", "heron-5c2e80")
Found = Mapping[tuple[str, str], Finding]


def known(url: str, wire: str, model: str = MODEL) -> Known:
    """A deployment, with words that a test knows."""
    return known_at(Settings(), SPEECHES[wire], model, url, WORDS)


def report_of(url: str, wire: str, *names: str, key: str = "sk-0123456789", model: str = MODEL) -> Report:
    """What questions found out, all of them where none is named."""
    questions = [question for question in QUESTIONS if not names or question.name in names]
    report = Report()
    endpoint = Endpoint(url, key, 30)
    asyncio.run(Asker(endpoint, 999, report, lambda _: None).run([known(url, wire, model)], questions))
    return report


def by_question(report: Report) -> Found:
    """The findings by question and by what was sent."""
    return {(finding.question, finding.sent): finding for finding in report.findings}

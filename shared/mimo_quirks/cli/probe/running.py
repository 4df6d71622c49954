"""Questions are put to an endpoint one after the other; equal requests are sent once, and nothing beyond the limit."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from .asking import Answer, Ask, Finding, T, Talk, words_of
from .endpoint import Endpoint, NotServedError, StopProbeError
from .known import Known, plain_turn
from .questions import Question


@dataclass(slots=True)
class Report:
    """What is known so far.

    Attributes:
        findings: The rows.
        requests: How many requests were sent.
        prompt: The tokens of what was sent, as far as the host counts them.
        output: The tokens of its answers.
        relay: What answers there, where it says so.
        unserved: Wires that could not be asked, and why.
        stopped: Why it ended before the end.
    """

    findings: list[Finding] = field(default_factory=list)
    requests: int = 0
    prompt: int = 0
    output: int = 0
    relay: str = ""
    unserved: dict[str, str] = field(default_factory=dict)
    stopped: str | None = None


class Asker:
    """Sends what questions yield, and keeps count.

    Args:
        endpoint: Whom to ask.
        limit: How many requests may be sent.
        report: What to fill.
        tick: Told of each request, with the name of its question.
    """

    def __init__(self, endpoint: Endpoint, limit: int, report: Report, tick: Callable[[str], None]) -> None:
        self._endpoint, self._limit, self._report, self._tick = endpoint, limit, report, tick
        self._answers: dict[str, Answer] = {}

    async def run(self, everybody: Sequence[Known], questions: Sequence[Question]) -> None:
        """Asks questions on each wire; what is in the report stays when the host stops answering."""
        try:
            for known in everybody:
                await self._ask(known, questions)
        except StopProbeError as stop:
            self._report.stopped = " ".join(str(stop).split())
        except Exception as error:  # noqa: BLE001 - whatever a host answers, what is known was paid for
            self._report.stopped = f"an answer of {self._endpoint.name} could not be read: {type(error).__name__}"
        finally:
            await self._endpoint.close()

    async def _ask(self, known: Known, questions: Sequence[Question]) -> None:
        wire = known.speech.name
        try:
            first = await self._drive("the first question", plain_turn(known))
        except NotServedError as error:
            self._report.unserved[wire] = str(error)
            return
        if first.said is None:
            said = words_of(first, known.ask().body)
            self._report.unserved[wire] = f"the first question was answered {first.status}: {said}"
            return
        for question in questions:
            if wire in question.wires:
                self._report.findings += await self._drive(question.name, question.talk(known))

    async def _drive(self, name: str, talk: Talk[T]) -> T:
        try:
            ask = next(talk)
            while True:
                ask = talk.send(await self._answer(name, ask))
        except StopIteration as end:
            found: T = end.value
            return found

    async def _answer(self, name: str, ask: Ask) -> Answer:
        if ask.key not in self._answers:
            if self._report.requests >= self._limit:
                raise StopProbeError(f"the limit of {self._limit} requests is reached; --limit sets another")
            self._report.requests += 1
            self._tick(f"{ask.wire}: {name}")
            answer = await self._endpoint.send(ask)
            self._report.relay = answer.relay or self._report.relay
            if answer.said is not None:
                self._report.prompt += answer.said.usage.prompt
                self._report.output += answer.said.usage.output
            self._answers[ask.key] = answer
        return self._answers[ask.key]

"""What follows a refusal: another body where LiteLLM makes the call again, and an error where it must not go on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from litellm.exceptions import BadRequestError

from mimo_quirks.contract import Contract, Step
from mimo_quirks.journal import note_faults, note_refusal
from mimo_quirks.recall import Recall
from mimo_quirks.refusals import classify_refusal
from mimo_quirks.repair import Draft, NothingLeft, Refused, next_draft
from mimo_quirks.settings import Settings
from mimo_quirks.wires import MESSAGES

from .attempts import Attempt, Sent
from .progress import PROGRESS, trace_of
from .routes import Call, called_as
from .scope import is_proxy


class ReasoningRefused(BadRequestError):  # noqa: N818 - as the framework names its own
    """The API refuses the history for its reasoning, and a changed request would not help or did not.

    The message says which turns it is about and what to do, and holds no text of any message.

    Attributes:
        kind: `missing`, `other family`, `forbidden` or `foreign signature`; see `mimo_quirks.kinds.RefusalKind`.
        turns: The indices of the messages whose reasoning is lost, in the history as messages of the chat wire.
    """

    def __init__(self, refused: Refused, provider: str | None, said: str | None = None) -> None:
        super().__init__(said or refused.explain(), model=refused.model, llm_provider=provider or "")
        self.kind = refused.kind.value
        self.turns = refused.turns


class Refusals:
    """Hears of refusals, and decides by them how a client's request goes on.

    Args:
        settings: The operator's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._explanations = _Explanations()

    def follow_up(self, call: Call) -> None:
        """What a refusal means for the call that follows it: a retry knows of it, a fallback goes on or does not.

        Raises:
            ReasoningRefused: It is a fallback that the operator did not ask for.
        """
        progress, trace = PROGRESS.get(), trace_of(call.details)
        refused = progress.escaped(call.arguments, trace)
        if refused is not None:
            how, model = self._settings.on_refusal, call.deployment.model
            if how != "fallback":
                stopped = f"LiteLLM may not fall back to {model}: MIMO_QUIRKS_ON_REFUSAL is {how}."
                said = f"{_told(refused, self._settings.steps)} {stopped}"
                raise ReasoningRefused(refused, call.deployment.provider, said)
            note_refusal(f"LiteLLM falls back to {model} because of a refusal")
        PROGRESS.set(progress.attempting(call.arguments, trace))

    def draft(self, attempt: Attempt, recall: Recall, model: str, contract: Contract, *, plain: bool = False) -> Draft:
        """The request in the step that the deployment is known to want, or after a refusal in another.

        Args:
            attempt: What is to be sent.
            recall: What was found for its turns.
            model: The model's id.
            contract: What is known of the deployment.
            plain: As for `Attempt.draft`.

        Raises:
            NothingLeft: No other step makes another request.
        """
        return next_draft(
            PROGRESS.get().refused,
            attempt.terms,
            contract,
            self._settings.steps,
            lambda step: attempt.draft(recall, model, step=step, plain=plain),
        )

    def given_up(self, error: NothingLeft, call: Call) -> ReasoningRefused:
        """What to raise in place of a call that would be refused again."""
        PROGRESS.set(PROGRESS.get().after(error.refused))
        return ReasoningRefused(error.refused, call.deployment.provider)

    def gone_on(self, call: Call) -> None:
        """A call is made after all: what it may fail with now is another matter."""
        self._explanations.take(call.details.get("litellm_call_id"))

    def heard(self, error: object, sent: Sent | None, details: Mapping[str, Any]) -> Refused | None:
        """What an error refuses of a request of ours, told once; None where it is no refusal of reasoning."""
        if sent is None:
            return None
        kind = classify_refusal(error, sent.draft.request)
        if kind is None:
            note_faults(sent.draft, error)
            return None
        progress = PROGRESS.get().of(trace_of(details))
        refused = Refused.of(kind, sent.draft, sent.drafted.fingerprint, first=progress.refused)
        PROGRESS.set(progress.after(refused))
        # On the messages route LiteLLM hears no other answer, and breaks its streams for one.
        if is_proxy() and called_as(details) is not MESSAGES:
            self._explanations.put(details.get("litellm_call_id"), refused)
        if refused.first is None:
            note_refusal(refused.announce(self._settings.steps))
        return refused

    def answer(self, call_id: object) -> Exception | None:
        """What a proxy answers the client of a refused call with; None for any other call."""
        refused = self._explanations.take(call_id)
        return None if refused is None else _as_answer(refused, self._settings.steps)


class _Explanations:
    """What the clients of a proxy are told, by the call that it is about, for as long as there are not many more."""

    def __init__(self, most: int = 1024) -> None:
        self._refused: OrderedDict[str, Refused] = OrderedDict()
        self._most = most

    def put(self, call_id: object, refused: Refused) -> None:
        """Keeps what is to be said of a call."""
        self._refused[str(call_id)] = refused
        if len(self._refused) > self._most:
            self._refused.popitem(last=False)

    def take(self, call_id: object) -> Refused | None:
        """What is to be said of a call, once; None where nothing is."""
        return self._refused.pop(str(call_id), None)


def _told(refused: Refused, allowed: frozenset[Step]) -> str:
    """What is said of a request that is not made again: that it was changed in vain, or what the next one will be."""
    return refused.explain() if refused.first else refused.announce(allowed)


def _as_answer(refused: Refused, allowed: frozenset[Step]) -> Exception:
    """What LiteLLM's proxy answers a client with, in place of the error that it would have passed on.

    LiteLLM makes `message` the error's own, gives it the type `invalid_request_error` and the code 400, and hands the
    rest out as `provider_specific_fields`.
    """
    from fastapi import HTTPException  # noqa: PLC0415 - only a proxy has it, and only a proxy answers

    said = {"message": _told(refused, allowed), "kind": refused.kind.value, "turns": list(refused.turns)}
    return HTTPException(400, said)

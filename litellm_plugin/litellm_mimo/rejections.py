"""What follows a rejection: another body where LiteLLM makes the call again, and an error where it must not go on."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from typing import Any

from litellm.exceptions import BadRequestError

from mimo_quirks.history.found import FoundReasoning
from mimo_quirks.log import log_malformed, log_rejection
from mimo_quirks.rejections.evidence import HostPolicy, Remedy
from mimo_quirks.rejections.ladder import NoRemedyLeft, Rejection, RequestPlan, choose_plan
from mimo_quirks.rejections.recognition import classify_rejection
from mimo_quirks.settings import Settings
from mimo_quirks.wires import MESSAGES

from .attempts import Attempt, Sent
from .retries import RETRY_STATE, trace_of
from .routes import Call, called_as
from .scope import is_proxy


class ReasoningRejectedError(BadRequestError):
    """The API rejects the history for its reasoning, and a changed request would not help or did not.

    The message says which turns it is about and what to do, and holds no text of any message.

    Attributes:
        kind: `missing`, `other family`, `forbidden` or `foreign signature`; see `RejectionKind`.
        turns: The indices of the messages whose reasoning is lost, in the history as messages of the chat wire.
    """

    def __init__(self, rejected: Rejection, provider: str | None, said: str | None = None) -> None:
        super().__init__(said or rejected.explain(), model=rejected.model, llm_provider=provider or "")
        self.kind = rejected.kind.value
        self.turns = rejected.turns


class Rejections:
    """Hears of rejections, and decides by them how a client's request goes on.

    Args:
        settings: The operator's settings.
    """

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._explanations = _Explanations()

    def follow_up(self, call: Call) -> None:
        """What a rejection means for the call that follows it: a retry knows of it, a fallback goes on or does not.

        Raises:
            ReasoningRejectedError: It is a fallback that the operator did not ask for.
        """
        progress, trace = RETRY_STATE.get(), trace_of(call.details)
        rejected = progress.escaped(call.arguments, trace)
        if rejected is not None:
            how, model = self._settings.on_rejection, call.deployment.model
            if how != "fallback":
                stopped = f"LiteLLM may not fall back to {model}: MIMO_QUIRKS_ON_REJECTION is {how}."
                said = f"{_told(rejected, self._settings.steps)} {stopped}"
                raise ReasoningRejectedError(rejected, call.deployment.provider, said)
            log_rejection(f"LiteLLM falls back to {model} because of a rejection")
        RETRY_STATE.set(progress.attempting(call.arguments, trace))

    def draft(
        self, attempt: Attempt, recall: FoundReasoning, model: str, contract: HostPolicy, *, plain: bool = False
    ) -> RequestPlan:
        """The request in the step that the deployment is known to want, or after a rejection in another.

        Args:
            attempt: What is to be sent.
            recall: What was found for its turns.
            model: The model's id.
            contract: What is known of the deployment.
            plain: As for `Attempt.draft`.

        Raises:
            NoRemedyLeft: No other step makes another request.
        """
        return choose_plan(
            RETRY_STATE.get().rejected,
            attempt.terms,
            contract,
            self._settings.steps,
            lambda step: attempt.draft(recall, model, step=step, plain=plain),
        )

    def given_up(self, error: NoRemedyLeft, call: Call) -> ReasoningRejectedError:
        """What to raise in place of a call that would be rejected again."""
        RETRY_STATE.set(RETRY_STATE.get().after(error.rejected))
        return ReasoningRejectedError(error.rejected, call.deployment.provider)

    def gone_on(self, call: Call) -> None:
        """A call is made after all: what it may fail with now is another matter."""
        self._explanations.take(call.details.get("litellm_call_id"))

    def heard(self, error: object, sent: Sent | None, details: Mapping[str, Any]) -> Rejection | None:
        """What an error rejects of a request of ours, told once; None where it is no rejection of reasoning."""
        if sent is None:
            return None
        kind = classify_rejection(error, sent.draft.request)
        if kind is None:
            log_malformed(sent.draft, error)
            return None
        progress = RETRY_STATE.get().of(trace_of(details))
        rejected = Rejection.of(kind, sent.draft, sent.drafted.fingerprint, first=progress.rejected)
        RETRY_STATE.set(progress.after(rejected))
        # On the messages route LiteLLM hears no other answer, and breaks its streams for one.
        if is_proxy() and called_as(details) is not MESSAGES:
            self._explanations.put(details.get("litellm_call_id"), rejected)
        if rejected.first is None:
            log_rejection(rejected.announce(self._settings.steps))
        return rejected

    def answer(self, call_id: object) -> Exception | None:
        """What a proxy answers the client of a rejected call with; None for any other call."""
        rejected = self._explanations.take(call_id)
        return None if rejected is None else _as_answer(rejected, self._settings.steps)


class _Explanations:
    """What the clients of a proxy are told, by the call that it is about, for as long as there are not many more."""

    def __init__(self, most: int = 1024) -> None:
        self._rejected: OrderedDict[str, Rejection] = OrderedDict()
        self._most = most

    def put(self, call_id: object, rejected: Rejection) -> None:
        """Keeps what is to be said of a call."""
        self._rejected[str(call_id)] = rejected
        if len(self._rejected) > self._most:
            self._rejected.popitem(last=False)

    def take(self, call_id: object) -> Rejection | None:
        """What is to be said of a call, once; None where nothing is."""
        return self._rejected.pop(str(call_id), None)


def _told(rejected: Rejection, allowed: frozenset[Remedy]) -> str:
    """What is said of a request that is not made again: that it was changed in vain, or what the next one will be."""
    return rejected.explain() if rejected.first else rejected.announce(allowed)


def _as_answer(rejected: Rejection, allowed: frozenset[Remedy]) -> Exception:
    """What LiteLLM's proxy answers a client with, in place of the error that it would have passed on.

    LiteLLM makes `message` the error's own, gives it the type `invalid_request_error` and the code 400, and hands the
    rest out as `provider_specific_fields`.
    """
    from fastapi import HTTPException  # noqa: PLC0415 - only a proxy has it, and only a proxy answers

    said = {"message": _told(rejected, allowed), "kind": rejected.kind.value, "turns": list(rejected.turns)}
    return HTTPException(400, said)

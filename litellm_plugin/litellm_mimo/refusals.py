"""A call that the API refused, remembered until LiteLLM makes it again or goes elsewhere with it.

LiteLLM's Router makes a call again, or hands it to a fallback, in the context of the first, and says which it is: the
attempts are counted in the metadata, the fallbacks among the arguments, and the id of the client's request stays. The
SDK says nothing of the attempts that it makes by itself.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final

from litellm.exceptions import BadRequestError

from mimo_quirks.contract import Step
from mimo_quirks.repair import Refused


@dataclass(frozen=True, slots=True)
class Progress:
    """What became of a client's request so far.

    Attributes:
        trace: LiteLLM's id of it, the same in all its attempts; the next request of the same task has another.
        depth: How many fallbacks LiteLLM has gone on to.
        refused: What was refused of it, at this depth.
        is_stuck: Whether nothing was attempted since.
    """

    trace: object = None
    depth: int = 0
    refused: Refused | None = None
    is_stuck: bool = False

    def after(self, refused: Refused) -> Progress:
        """What it is after a refusal."""
        return replace(self, refused=refused, is_stuck=True)

    def of(self, trace: object) -> Progress:
        """What it is for the request of this id: nothing for another than this one."""
        return self if trace == self.trace else Progress(trace)

    def escaped(self, call: Mapping[str, Any], trace: object) -> Refused | None:
        """The refusal that LiteLLM's Router gets around with a call: with a fallback, or with one made again."""
        return self.refused if self.is_stuck and trace == self.trace and _depth_of(call) > self.depth else None

    def attempting(self, call: Mapping[str, Any], trace: object) -> Progress:
        """What it is while a call is attempted; only a retry has a past.

        Args:
            call: The arguments of the call, or the parameters among its details.
            trace: LiteLLM's id of the request.
        """
        depth = _depth_of(call)
        if _is_retry(call) and (trace, depth) == (self.trace, self.depth):
            return replace(self, is_stuck=False)
        return Progress(trace, depth)


PROGRESS: Final[ContextVar[Progress]] = ContextVar("mimo_quirks_progress", default=Progress())  # noqa: B039 - frozen
"""Of the request that was made last in this context."""


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


def trace_of(details: Mapping[str, Any]) -> object:
    """LiteLLM's id of the client's request that a call is made for, from the details of the call."""
    return details.get("litellm_trace_id")


def _is_retry(call: Mapping[str, Any]) -> bool:
    """Whether LiteLLM's Router makes a call again; it counts in the first of these, and the other may be a client's."""
    counted = next((call[name] for name in ("litellm_metadata", "metadata") if call.get(name)), None)
    return isinstance(counted, Mapping) and bool(counted.get("attempted_retries"))


def _depth_of(call: Mapping[str, Any]) -> int:
    depth = call.get("fallback_depth")
    return depth if isinstance(depth, int) else 0


class Explanations:
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


def told(refused: Refused, allowed: frozenset[Step]) -> str:
    """What is said of a request that is not made again: that it was changed in vain, or what the next one will be."""
    return refused.explain() if refused.first else refused.announce(allowed)


def as_answer(refused: Refused, allowed: frozenset[Step]) -> Exception:
    """What LiteLLM's proxy answers a client with, in place of the error that it would have passed on.

    LiteLLM makes `message` the error's own, gives it the type `invalid_request_error` and the code 400, and hands the
    rest out as `provider_specific_fields`.
    """
    from fastapi import HTTPException  # noqa: PLC0415 - only a proxy has it, and only a proxy answers

    said = {"message": told(refused, allowed), "kind": refused.kind.value, "turns": list(refused.turns)}
    return HTTPException(400, said)

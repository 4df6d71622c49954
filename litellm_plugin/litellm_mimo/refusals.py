"""A call that the API refused, remembered until LiteLLM makes it again or goes elsewhere with it.

LiteLLM's Router makes a call again, or hands it to a fallback, in the context of the first, and says which it is: the
attempts are counted in the metadata, the fallbacks among the arguments. Without a Router there is no second attempt.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Mapping
from contextvars import ContextVar
from typing import Any, Final

from litellm.exceptions import BadRequestError

from mimo_quirks.repair import Refused

LAST: Final[ContextVar[Refused | None]] = ContextVar("mimo_quirks_refused", default=None)
"""What was refused of the client's request so far."""


class ReasoningRefused(BadRequestError):  # noqa: N818 - as the framework names its own
    """The API refuses the history for its reasoning, and a changed request would not help or did not.

    The message says which turns it is about and what to do, and holds no text of any message.

    Attributes:
        kind: `missing`, `other family`, `forbidden` or `foreign signature`; see `mimo_quirks.kinds.RefusalKind`.
        turns: The indices of the messages whose reasoning is lost, in the list that was sent.
    """

    def __init__(self, refused: Refused, provider: str | None) -> None:
        super().__init__(refused.explain(), model=refused.model, llm_provider=provider or "")
        self.kind = refused.kind.value
        self.turns = refused.turns


def is_retry(arguments: Mapping[str, Any]) -> bool:
    """Whether LiteLLM's Router makes a call again.

    Args:
        arguments: Of the call, or the parameters among its details.
    """
    known = (arguments.get(name) for name in ("litellm_metadata", "metadata"))
    return any(isinstance(metadata, Mapping) and metadata.get("attempted_retries") for metadata in known)


def is_fallback(arguments: Mapping[str, Any]) -> bool:
    """Whether LiteLLM's Router goes elsewhere with a call; see `is_retry`."""
    return bool(arguments.get("fallback_depth"))


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


def as_answer(refused: Refused) -> Exception:
    """What LiteLLM's proxy answers a client with, in place of the error that it would have passed on.

    LiteLLM makes `message` the error's own, gives it the type `invalid_request_error` and the code 400, and hands the
    rest out as `provider_specific_fields`.
    """
    from fastapi import HTTPException  # noqa: PLC0415 - only a proxy has it, and only a proxy answers

    said = {"message": refused.explain(), "kind": refused.kind.value, "turns": list(refused.turns)}
    return HTTPException(400, said)

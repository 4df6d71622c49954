"""The error that says why the API rejects a history, where nothing more can be done about it."""

from __future__ import annotations

import importlib
from typing import Any

import openai

from mimo_quirks import Rejection


class ReasoningRejectedError(openai.BadRequestError):
    """The API rejects the history for its reasoning, and a changed request would not help or did not.

    The message says which turns it is about and what to do, and holds no text of any message. `ChatMiMoMessages` raises
    one that is an `anthropic.BadRequestError` too.

    Attributes:
        kind: `missing`, `other family`, `forbidden` or `foreign signature`; see `RejectionKind`.
        turns: The indices of the messages whose reasoning is lost, in the history as messages of the chat wire.
    """

    def __init__(self, rejected: Rejection, error: Exception) -> None:
        Exception.__init__(self, rejected.explain())  # two SDKs' constructors do not go together
        self.message = str(self)
        self.response, self.body = _response_of(error), None
        self.request, self.status_code = self.response.request, 400
        self.request_id = self.response.headers.get("x-request-id")
        self.code = self.param = self.type = None
        self.kind = rejected.kind.value
        self.turns = rejected.turns


def _response_of(error: Any) -> Any:
    """The response that an SDK's error came with; for one that came within a stream, the answer that it means."""
    response = getattr(error, "response", None)
    if response is not None:
        return response
    library = importlib.import_module(type(error.request).__module__.partition(".")[0])  # httpx, or openai 3's own
    return library.Response(400, request=error.request)

"""What became of a client's request so far: LiteLLM makes it again, or goes elsewhere with it.

LiteLLM's Router makes a call again, or hands it to a fallback, in the context of the first, and says which it is: the
attempts are counted in the metadata, the fallbacks among the arguments, and the id of the client's request stays. The
SDK says nothing of the attempts that it makes by itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any, Final

from mimo_quirks.rejections.ladder import Rejection


@dataclass(frozen=True, slots=True)
class RetryState:
    """What became of a client's request so far.

    Attributes:
        trace: LiteLLM's id of it, the same in all its attempts; the next request of the same task has another.
        depth: How many fallbacks LiteLLM has gone on to.
        rejected: What was rejected of it, at this depth.
        is_stuck: Whether nothing was attempted since.
    """

    trace: object = None
    depth: int = 0
    rejected: Rejection | None = None
    is_stuck: bool = False

    def after(self, rejected: Rejection) -> RetryState:
        """What it is after a rejection."""
        return replace(self, rejected=rejected, is_stuck=True)

    def of(self, trace: object) -> RetryState:
        """What it is for the request of this id: nothing for another than this one."""
        return self if trace == self.trace else RetryState(trace)

    def escaped(self, call: Mapping[str, Any], trace: object) -> Rejection | None:
        """The rejection that LiteLLM's Router gets around with a call: with a fallback, or with one made again."""
        return self.rejected if self.is_stuck and trace == self.trace and _depth_of(call) > self.depth else None

    def attempting(self, call: Mapping[str, Any], trace: object) -> RetryState:
        """What it is while a call is attempted; only a retry has a past.

        Args:
            call: The arguments of the call, or the parameters among its details.
            trace: LiteLLM's id of the request.
        """
        depth = _depth_of(call)
        if _is_retry(call) and (trace, depth) == (self.trace, self.depth):
            return replace(self, is_stuck=False)
        return RetryState(trace, depth)


RETRY_STATE: Final[ContextVar[RetryState]] = ContextVar("mimo_quirks_progress", default=RetryState())  # noqa: B039 - frozen
"""Of the request that was made last in this context."""


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

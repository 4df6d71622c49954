"""Structured output by a tool that nobody can force the model to call.

MiMo takes no `tool_choice`, so it may answer in text. LangChain's parsers make None of that; here it is an error that
says so.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from operator import itemgetter
from typing import Any

from langchain_core.exceptions import OutputParserException
from langchain_core.language_models import LanguageModelInput
from langchain_core.messages import AIMessage, AIMessageChunk
from langchain_core.runnables import Runnable, RunnableGenerator, RunnableMap, RunnablePassthrough


def demanding(tool: str) -> Runnable[Any, Any]:
    """A runnable that passes an answer on, whole or as it streams, and raises at its end if the tool is not called.

    Raises:
        OutputParserException: The answer has no readable call of the tool.
    """

    def pass_on(messages: Iterator[AIMessage]) -> Iterator[AIMessage]:
        heard = []
        for message in messages:
            heard.append(message)
            yield message
        _demand(heard, tool)

    async def apass_on(messages: AsyncIterator[AIMessage]) -> AsyncIterator[AIMessage]:
        heard = []
        async for message in messages:
            heard.append(message)
            yield message
        _demand(heard, tool)

    return RunnableGenerator(pass_on, apass_on, name="demand_call")


def with_raw(model: Runnable[Any, Any], parser: Runnable[Any, Any]) -> Runnable[Any, Any]:
    """The answer beside what was made of it, as `include_raw=True` promises: raw, parsed, parsing_error."""
    parsed = RunnablePassthrough.assign(parsed=itemgetter("raw") | parser, parsing_error=lambda _: None)
    failed = RunnablePassthrough.assign(parsed=lambda _: None)
    return RunnableMap(raw=model) | parsed.with_fallbacks([failed], exception_key="parsing_error")


def reading(
    model: Runnable[Any, Any], parser: Runnable[Any, Any], tool: str | None, *, include_raw: bool
) -> Runnable[LanguageModelInput, Any]:
    """A chain that reads a model's answer.

    Args:
        model: The model, with what it is to answer by bound.
        parser: Reads the answer.
        tool: The tool that the answer must call, if it must call one.
        include_raw: Whether the answer is given beside what was made of it.
    """
    demanded = parser if tool is None else demanding(tool) | parser
    return with_raw(model, demanded) if include_raw else model | demanded


def _demand(heard: list[AIMessage], tool: str) -> None:
    whole = heard[0]
    if isinstance(whole, AIMessageChunk) and heard[1:]:
        whole = whole + [chunk for chunk in heard[1:] if isinstance(chunk, AIMessageChunk)]
    if any(call["name"] == tool for call in whole.tool_calls):
        return
    broken = [call["name"] for call in whole.invalid_tool_calls]
    what = "called it with arguments that are not JSON" if tool in broken else "answered in text"
    raise OutputParserException(
        f"expected a call to {tool}, but the model {what}; MiMo cannot be forced to call a tool, "
        'so ask for it in the prompt, or use method="json_schema"',
        llm_output=whole.text,
    )

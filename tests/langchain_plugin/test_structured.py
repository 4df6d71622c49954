"""Structured output by three methods, and what becomes of an answer that is none."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from langchain_core.exceptions import OutputParserException
from pydantic import BaseModel

from langchain_mimo import ChatMiMo
from mimo_quirks.simulator import Mode, Simulator

Make = Callable[..., ChatMiMo]


class Forecast(BaseModel):
    """The forecast for a city."""

    city: str
    degrees: int


SCHEMA = {"title": "Forecast", **Forecast.model_json_schema()}
METHODS: list[Any] = ["json_schema", "function_calling", "json_mode"]
QUESTION = "Give JSON with 'city' and 'degrees' keys"


@pytest.fixture(name="xiaomi", autouse=True)
def _xiaomi(simulator: Simulator, monkeypatch: pytest.MonkeyPatch) -> Simulator:
    monkeypatch.setenv("MIMO_QUIRKS_HOSTS", json.dumps({simulator.base_url: "xiaomi"}))
    simulator.mode = Mode(accepts="exact")
    return simulator


async def _invoke(chain: Any) -> Any:
    return chain.invoke(QUESTION)


async def _ainvoke(chain: Any) -> Any:
    return await chain.ainvoke(QUESTION)


async def _stream(chain: Any) -> Any:
    return list(chain.stream(QUESTION))[-1]


async def _astream(chain: Any) -> Any:
    return [piece async for piece in chain.astream(QUESTION)][-1]


WAYS = [_invoke, _ainvoke, _stream, _astream]


@pytest.mark.filterwarnings("error::UserWarning:langchain_mimo")
@pytest.mark.parametrize("call", WAYS)
@pytest.mark.parametrize("schema", [Forecast, SCHEMA], ids=["pydantic", "json"])
@pytest.mark.parametrize("method", ["json_schema", "function_calling"])
async def test_structured(method: Any, schema: Any, call: Any, xiaomi: Simulator, make_model: Make) -> None:
    """Each method gives the schema's object, called in any way, and forces nothing."""
    answer = await call(make_model().with_structured_output(schema, method=method))

    assert {"city": "city", "degrees": 1} == dict(answer)
    assert (schema is Forecast) is isinstance(answer, Forecast)
    sent = json.loads(xiaomi.exchanges[-1].raw)
    assert {"json_schema": ["response_format"], "function_calling": ["tools"]}[method] == [
        name for name in ("response_format", "tools", "tool_choice") if name in sent
    ]


@pytest.mark.parametrize("call", WAYS)
async def test_json_mode(call: Any, xiaomi: Simulator, make_model: Make) -> None:
    """The keys are those that the prompt names."""
    answer = await call(make_model().with_structured_output(method="json_mode"))

    assert {"city", "degrees"} == set(answer)
    assert {"type": "json_object"} == json.loads(xiaomi.exchanges[-1].raw)["response_format"]


def test_the_default_is_chat_openai_s(xiaomi: Simulator, make_model: Make) -> None:
    """It is json_schema."""
    assert isinstance(make_model().with_structured_output(Forecast).invoke("hi"), Forecast)
    assert "json_schema" == json.loads(xiaomi.exchanges[-1].raw)["response_format"]["type"]


@pytest.mark.parametrize("call", WAYS)
@pytest.mark.parametrize("schema", [Forecast, SCHEMA], ids=["pydantic", "json"])
async def test_an_answer_in_text(schema: Any, call: Any, xiaomi: Simulator, make_model: Make) -> None:
    """A model that does not call the tool gives one clear error, without its reasoning, and never None."""
    xiaomi.mode = replace(xiaomi.mode, tool_rounds=0)
    chain = make_model().with_structured_output(schema, method="function_calling")
    with pytest.raises(OutputParserException, match="expected a call to Forecast, but the model answered") as caught:
        await call(chain)

    assert "答案是" in str(caught.value.llm_output)
    issued = xiaomi.exchanges[-1].issued
    assert issued is not None
    assert str(issued.reasoning).strip() not in str(caught.value) + str(caught.value.llm_output)


@pytest.mark.parametrize("call", [_invoke, _ainvoke])
async def test_an_answer_in_text_with_raw(call: Any, xiaomi: Simulator, make_model: Make) -> None:
    """With the raw answer beside it the error is told there."""
    xiaomi.mode = replace(xiaomi.mode, tool_rounds=0)
    answer = await call(make_model().with_structured_output(Forecast, method="function_calling", include_raw=True))

    assert answer["parsed"] is None
    assert isinstance(answer["parsing_error"], OutputParserException)
    assert "答案是" in answer["raw"].text


@pytest.mark.parametrize("method", METHODS)
def test_raw(method: Any, make_model: Make) -> None:
    """The raw answer holds its reasoning, and no error is told where there is none."""
    schema = None if method == "json_mode" else Forecast
    answer = make_model().with_structured_output(schema, method=method, include_raw=True).invoke(QUESTION)

    assert answer["parsing_error"] is None
    assert set(dict(answer["parsed"])) == {"city", "degrees"}
    assert answer["raw"].additional_kwargs["reasoning_content"]


def test_partial_objects(make_model: Make) -> None:
    """A stream grows the object piece by piece, as without the check."""
    chain = make_model().with_structured_output(SCHEMA, method="function_calling")

    assert len(list(chain.stream(QUESTION))) > 2


def test_no_schema(make_model: Make) -> None:
    """Two of the methods need one."""
    with pytest.raises(ValueError, match="schema must be specified"):
        make_model().with_structured_output(method="function_calling")

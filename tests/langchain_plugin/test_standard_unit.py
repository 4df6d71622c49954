"""LangChain's own unit tests of chat models."""

from __future__ import annotations

from typing import Any

import pytest
from langchain_tests.unit_tests import ChatModelUnitTests
from langchain_tests.unit_tests.chat_models import TEST_PYDANTIC_MODELS

from langchain_mimo import ChatMiMo, ChatMiMoMessages

SERDES = (
    "langchain-core loads classes of its own table alone, whatever is allowed (load/load.py, the list of importable "
    "classes; langchain-core 1.7.2); test_serialising loads both classes as their users do"
)

SCHEMAS = (
    "one test asks for json_schema, function_calling and json_mode alike; MiMo's reference of the messages wire has no "
    "parameter for a schema (platform.xiaomimimo.com/static/docs/api/chat/anthropic-api.md), so two are named"
)


class _Standard(ChatModelUnitTests):
    @property
    def chat_model_params(self) -> dict[str, Any]:
        return {"model": "mimo-v2.6-pro", "api_key": "k"}

    @pytest.mark.xfail(reason=SERDES, strict=True)
    def test_serdes(self, model: Any, snapshot: Any) -> None:
        super().test_serdes(model, snapshot)


class TestChatMiMo(_Standard):
    @property
    def chat_model_class(self) -> type[ChatMiMo]:
        return ChatMiMo

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {"MIMO_API_KEY": "from-env", "MIMO_BASE_URL": "https://relay.example/v1"}
        fields = {"openai_api_key": "from-env", "openai_api_base": "https://relay.example/v1"}
        return environment, {"model": "mimo-v2.6-pro"}, fields


class TestChatMiMoMessages(_Standard):
    @property
    def chat_model_class(self) -> type[ChatMiMoMessages]:
        return ChatMiMoMessages

    @property
    def init_from_env_params(self) -> tuple[dict[str, str], dict[str, Any], dict[str, Any]]:
        environment = {"MIMO_API_KEY": "from-env", "MIMO_BASE_URL": "https://relay.example/anthropic"}
        fields = {"anthropic_api_key": "from-env", "anthropic_api_url": "https://relay.example/anthropic"}
        return environment, {"model": "mimo-v2.6-pro"}, fields

    @pytest.mark.xfail(reason=SCHEMAS, strict=True, raises=ValueError)
    @pytest.mark.parametrize("schema", TEST_PYDANTIC_MODELS)
    def test_with_structured_output(self, model: Any, schema: Any) -> None:
        super().test_with_structured_output(model, schema)

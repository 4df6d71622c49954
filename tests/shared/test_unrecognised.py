"""What is said of a deployment that is not recognised and rejects in MiMo's words."""

from __future__ import annotations

import pytest

from mimo_quirks import CHAT, Settings, unrecognised

from ..cases import CALL

SAID = "The reasoning_content in the thinking mode must be passed back to the API."
REQUEST = {"model": "acme-brain", "messages": [{"role": "assistant", "content": "", "tool_calls": [CALL]}]}
URL = "https://llm.acme.example/v1"


def test_the_setting_to_write() -> None:
    """The line says who rejected what, why nothing was done, and what to set."""
    assert (
        "llm.acme.example rejected a request to openai/acme-brain: earlier assistant messages must include "
        "reasoning_content. The deployment is not recognised as MiMo's, so nothing was put back. "
        'If it is, set MIMO_QUIRKS_MODELS={"acme-brain": "mimo"}.'
    ) == unrecognised(SAID, REQUEST, CHAT, "openai/acme-brain", URL)
    assert str(unrecognised(SAID, REQUEST, CHAT, "acme-brain", None)).startswith("the host rejected")


@pytest.mark.parametrize(
    "error", ["no", "The `reasoning_content` in the thinking mode must be passed back to the API."]
)
def test_other_words(error: str) -> None:
    """Other errors say nothing, and neither does another vendor's demand."""
    assert unrecognised(error, REQUEST, CHAT, "acme-brain", URL) is None


@pytest.mark.parametrize(
    ("settings", "model", "base_url", "unknown"),
    [
        ({}, "acme-brain", URL, True),
        ({}, "mimo-v2.6-pro", URL, False),
        ({}, "acme-brain", "https://api.xiaomimimo.com/v1", False),
        ({}, "deepseek-v4-pro", URL, False),
        ({"models": {"acme-brain": "none"}}, "acme-brain", URL, False),
        ({"models": {"acme-brain": "mimo"}}, "acme-brain", URL, False),
        ({"hosts": {URL: "none"}}, "acme-brain", URL, False),
        ({"hosts": {URL: "vllm"}}, "acme-brain", URL, True),
    ],
)
def test_what_is_unknown(settings: dict[str, dict[str, str]], model: str, base_url: str, unknown: bool) -> None:
    """Unknown is what neither the operator nor a row says anything of."""
    assert unknown is Settings.model_validate(settings).is_unknown(model, base_url, "openai")

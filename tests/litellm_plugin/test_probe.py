"""The probe through a real proxy: without the callback it finds where reasoning is lost, and with it none is."""

from __future__ import annotations

from typing import Final

import pytest

from mimo_quirks.cli.probe.conclusions import losses
from mimo_quirks.cli.probe.running import Report
from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Simulator

from ..probing import by_question, report_of
from .deployments import mode_for

NAMES: Final = ("emitted", "tool-turns", "used")
NOW: Final = ("used", "a tool turn of this round")
ROUTES: Final = [
    ("xiaomi_mimo", "chat"),
    ("hosted_vllm", "chat"),
    ("xiaomi_mimo", "messages"),
    ("xiaomi_mimo", "responses"),
]


def _report(proxy: LiteLLMProxy, model: str, wire: str) -> Report:
    return report_of(proxy.base_url, wire, *NAMES, key=proxy.key, model=model)


@pytest.mark.parametrize(("provider", "wire"), ROUTES)
def test_with_us_nothing_is_lost(provider: str, wire: str, with_us: LiteLLMProxy, upstream: Simulator) -> None:
    """Every answer has its reasoning, a history without it is answered, and the model knows what it held."""
    upstream.mode = mode_for(provider, reasoning="used")
    report = _report(with_us, provider, wire)
    found = by_question(report)

    assert ([], None) == (losses(report.findings, report.relay), report.stopped)
    assert "used" == found[NOW].value
    assert found["tool-turns", "missing"].value is True


def test_without_us_the_loss_is_found(without_us: LiteLLMProxy, upstream: Simulator) -> None:
    """LiteLLM hands reasoning out under a name that vLLM does not read: it is lost on the way to the model."""
    upstream.mode = mode_for("hosted_vllm", reasoning="used")
    report = _report(without_us, "hosted_vllm", "chat")
    (told,) = losses(report.findings, report.relay)

    assert told.startswith("chat: reasoning is lost on the way to the model: it was sent, and the host says that it is")
    assert "the endpoint is LiteLLM 1." in told


def test_without_us_a_silent_loss_is_found(without_us: LiteLLMProxy, upstream: Simulator) -> None:
    """The same with a host that rejects nothing: no error tells of it, and the word that is not known does."""
    upstream.mode = mode_for("hosted_vllm", reasoning="used", accepts="off")
    found = by_question(_report(without_us, "hosted_vllm", "chat"))

    assert found["tool-turns", "as it came"].value is True
    assert "not used" == found[NOW].value


def test_without_us_a_client_that_drops_is_rejected(without_us: LiteLLMProxy, upstream: Simulator) -> None:
    """What the callback answers above, a history without its reasoning, is rejected here, and nothing else is lost."""
    upstream.mode = mode_for("xiaomi_mimo", reasoning="used")
    report = _report(without_us, "xiaomi_mimo", "messages")
    found = by_question(report)

    assert [] == losses(report.findings, report.relay)
    assert (False, "missing") == (found["tool-turns", "missing"].value, found["tool-turns", "missing"].recognised)
    assert "used" == found[NOW].value

"""Two real LiteLLM proxies, with the callback and without, before one simulator and one host of another family."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path

import pytest
import trustme

from mimo_quirks.cli.proxy import LiteLLMProxy
from mimo_quirks.simulator import Mode, Simulator

from .deployments import RESOLVER, config, finding


@pytest.fixture(name="upstream", scope="session")
def _upstream() -> Iterator[Simulator]:
    with Simulator() as simulator:
        yield simulator


@pytest.fixture(name="stranger", scope="session")
def _stranger() -> Iterator[Simulator]:
    """A host that serves another family: it takes whatever comes, and records it."""
    with Simulator(Mode(accepts="off")) as simulator:
        yield simulator


@pytest.fixture(name="secure", scope="session")
def _secure(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Simulator, Path]]:
    """A simulator that answers for Xiaomi's own names over TLS, and the authority that vouches for it."""
    folder, authority = tmp_path_factory.mktemp("tls"), trustme.CA()
    certificate = authority.issue_cert("*.xiaomimimo.com", "*.xiaomimimo.com.evil.example")
    certificate.private_key_and_cert_chain_pem.write_to_path(str(folder / "host.pem"))
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    with Simulator(ssl_keyfile=str(folder / "host.pem"), ssl_certfile=str(folder / "host.pem")) as simulator:
        yield simulator, folder / "ca.pem"


@pytest.fixture(name="environment", scope="session")
def _environment(secure: tuple[Simulator, Path], tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """A proxy's environment in which every foreign name leads to the simulator that has TLS."""
    simulator, authority = secure
    folder = tmp_path_factory.mktemp("resolver")
    (folder / "sitecustomize.py").write_text(RESOLVER)
    return {
        **finding(folder),
        "SSL_CERT_FILE": str(authority),
        "TLS_PORT": simulator.origin.rpartition(":")[2],
        "UPSTREAM_KEY": "k",
    }


@pytest.fixture(name="with_us", scope="session")
def _with_us(upstream: Simulator, stranger: Simulator, environment: dict[str, str]) -> Iterator[LiteLLMProxy]:
    """It seals reasoning too, for the clients of the routes that have a place for it; its log and /metrics say all."""
    settings = {"MIMO_QUIRKS_SECRET": "s" * 32, "MIMO_QUIRKS_LOG": "debug", "LITELLM_LOG": "ERROR"}
    configuration = config(upstream, stranger, callback=True)
    configuration["litellm_settings"] |= {"require_auth_for_metrics_endpoint": False}
    if find_spec("prometheus_client"):
        configuration["litellm_settings"]["callbacks"].append("prometheus")
    with LiteLLMProxy(json.dumps(configuration), {**environment, **settings}) as proxy:
        yield proxy


@pytest.fixture(name="without_us", scope="session")
def _without_us(upstream: Simulator, stranger: Simulator, environment: dict[str, str]) -> Iterator[LiteLLMProxy]:
    with LiteLLMProxy(json.dumps(config(upstream, stranger, callback=False)), environment) as proxy:
        yield proxy


@pytest.fixture(autouse=True)
def _fresh(upstream: Simulator, stranger: Simulator, secure: tuple[Simulator, Path]) -> None:
    """No test sees what another one sent."""
    for simulator in (upstream, stranger, secure[0]):
        simulator.reset()
    upstream.mode = Mode()

"""A real LiteLLM proxy in a process of its own, for as long as a `with` block lasts."""

from __future__ import annotations

import os
import secrets
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Final

import httpx
from typing_extensions import Self

_STARTUP_SECONDS: Final = 120
_POLL_SECONDS: Final = 0.2
_LOG_TAIL: Final = 4000


class LiteLLMProxy:
    """Starts `litellm --config`, waits until it serves, and stops it.

    Args:
        config: The YAML of the proxy.
        environment: Variables beside those of this process; None takes one away.
        workers: How many processes serve.

    Raises:
        RuntimeError: On entering, if the proxy ended or did not serve in time; the message has the end of its log.
    """

    def __init__(self, config: str, environment: Mapping[str, str | None] | None = None, *, workers: int = 1) -> None:
        self._config = config
        self._workers = workers
        self._folder = tempfile.TemporaryDirectory(prefix="mimo-quirks-")
        self.log_file: Final = Path(self._folder.name) / "proxy.log"
        self.key: Final = f"sk-{secrets.token_hex(16)}"  # LiteLLM rejects well-known master keys
        variables = {
            **os.environ,
            "LITELLM_LOCAL_MODEL_COST_MAP": "True",
            "LITELLM_MASTER_KEY": self.key,
            "PYTHONUNBUFFERED": "1",
            **(environment or {}),
        }
        self._environment = {name: value for name, value in variables.items() if value is not None}

    def __enter__(self) -> Self:
        config = Path(self._folder.name) / "config.yaml"
        config.write_text(self._config, encoding="utf-8")
        with socket.create_server(("127.0.0.1", 0)) as free:
            port = free.getsockname()[1]
        self.base_url = f"http://127.0.0.1:{port}"
        command = [sys.executable, "-m", "litellm.proxy.proxy_cli", "--config", str(config)]
        if self._workers > 1:  # uvicorn kills whoever is silent for 5 seconds, and importing LiteLLM may take longer
            command += ["--timeout_worker_healthcheck", str(_STARTUP_SECONDS)]
        with self.log_file.open("wb") as log:
            self._process = subprocess.Popen(  # noqa: S603 - our own interpreter with our own arguments
                [*command, "--host", "127.0.0.1", "--port", str(port), "--num_workers", str(self._workers)],
                env=self._environment,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self._folder.name,
                start_new_session=True,
            )
        try:
            self._wait()
        except BaseException:
            self.__exit__(None, None, None)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._process.terminate()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._folder.cleanup()

    def kill(self) -> None:
        """Ends the proxy and its workers as a crash would, without a word."""
        os.killpg(self._process.pid, signal.SIGKILL)

    def log(self) -> str:
        """What the proxy has printed so far."""
        return self.log_file.read_text(encoding="utf-8", errors="replace")

    def _wait(self) -> None:
        deadline = time.monotonic() + _STARTUP_SECONDS
        while self._process.poll() is None and time.monotonic() < deadline:
            if self._serves():
                return
            time.sleep(_POLL_SECONDS)
        raise RuntimeError(f"the LiteLLM proxy did not start:\n{self.log()[-_LOG_TAIL:]}")

    def _serves(self) -> bool:
        try:
            return httpx.get(f"{self.base_url}/health/liveliness", timeout=5).is_success
        except httpx.TransportError:
            return False

"""The command `mimo-quirks probe` as people run it: its manners, hosts that are none, and its screen."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Final

import pytest
from typer.testing import CliRunner

from mimo_quirks.cli.commands import app
from mimo_quirks.cli.probe.endpoint import urls
from mimo_quirks.cli.probe.questions import NAMES
from mimo_quirks.facts import hosts
from mimo_quirks.settings import Settings
from mimo_quirks.simulator import Mode, Simulator

from .test_cli import COMMAND, _in_terminal, _run

KEY: Final = "sk-very-secret-7f3a91"
PLAIN: Final = {"choices": [{"index": 0, "message": {"role": "assistant", "content": "Yellow."}}], "usage": {}}


def _invoked(*words: str, **environment: str) -> tuple[int, str, str]:
    ended = CliRunner().invoke(app, ["probe", *words], env={"MIMO_API_KEY": KEY, **environment})
    return ended.exit_code, ended.stdout, ended.stderr


def _probe(url: str, *words: str) -> tuple[int, str, str]:
    return _invoked("--base-url", url, "--yes", *words)


Handler = BaseHTTPRequestHandler


@contextmanager
def _host(answer: Callable[[Handler, dict[str, Any]], None]) -> Iterator[tuple[str, list[str]]]:
    """A host that answers as a function says, and the paths that were asked for."""
    paths: list[str] = []

    class Answering(Handler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:  # noqa: N802 - the name of the standard library
            paths.append(self.path)
            body = json.loads(self.rfile.read(int(self.headers["content-length"])))
            answer(self, body)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answering)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://127.0.0.1:{server.server_port}/v1", paths
    finally:
        server.shutdown()
        server.server_close()


def _says(status: int, body: object, kind: str = "application/json") -> Callable[[Handler, dict[str, Any]], None]:
    def answer(handler: Handler, _: dict[str, Any]) -> None:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        handler.send_response(status)
        handler.send_header("content-type", kind)
        handler.send_header("content-length", str(len(raw)))
        handler.end_headers()
        handler.wfile.write(raw)

    return answer


def _hangs(handler: Handler, _: dict[str, Any]) -> None:
    handler.connection.recv(1)  # until the client goes


def _drips(handler: Handler, _: dict[str, Any]) -> None:
    gone = threading.Event()
    handler.wfile.write(b"HTTP/1.1 200 OK\r\nx-slow: ")
    try:
        while not gone.wait(0.05):
            handler.wfile.write(b"a")
            handler.wfile.flush()
    except OSError:
        pass


def _drips_body(handler: Handler, body: dict[str, Any]) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 100000\r\n\r\n")
    _drips(handler, body)


def _pours(handler: Handler, _: dict[str, Any]) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-length: 99999999\r\n\r\n")
    try:
        for _ in range(100):
            handler.wfile.write(b"x" * 2**20)
    except OSError:
        pass


def _garbles(handler: Handler, _: dict[str, Any]) -> None:
    handler.wfile.write(b"HTTP/1.1 200 OK\r\ncontent-encoding: gzip\r\ncontent-length: 9\r\n\r\nno gzip!!")


REPEATED = {"error": {"message": f"Incorrect API key provided: {KEY[:8]}********{KEY[-4:]}."}}
BAD: Final[list[tuple[Callable[[Handler, dict[str, Any]], None], str]]] = [
    (_hangs, "did not end its answer within 1 seconds; the request may be billed, and is not sent again"),
    (_drips, "did not end its answer within 1 seconds"),
    (_drips_body, "did not end its answer within 1 seconds"),
    (_pours, "answered with more than 4 MiB"),
    (
        _says(200, b"<html>hello</html>", "text/html"),
        "200 with something that is no chat completion: text/html, 18 char",
    ),
    (_says(200, b"[" * 9999), "200 with something that is no chat completion"),
    (_says(200, b"\xff\xfe{}"), "200 with something that is no chat completion"),
    (_says(200, {"choices": []}), "200 with something that is no chat completion"),
    (_garbles, r"an answer of 127.0.0.1:\d+ could not be read: "),
    (_says(401, REPEATED), r"answered 401: MIMO_API_KEY is not a key of this host .*\[key\]"),
    (_says(402, {"error": "no balance"}), "answered 402: the account has no balance"),
    (_says(429, {"error": "slow down"}), "answered 429: rate limit"),
]


@pytest.mark.parametrize(("answer", "line"), BAD)
def test_a_host_that_cannot_be_asked(answer: Callable[[Handler, dict[str, Any]], None], line: str) -> None:
    """One line says why, after one request, and the key is in nothing that is written."""
    with _host(answer) as (url, paths):
        status, printed, complaint = _probe(url, "--timeout", "1")

    said = complaint.splitlines()
    assert (2, "", 1) == (status, printed, len(paths))
    assert re.match(rf"mimo-quirks: .*{line}", said[-1])
    assert 2 == len([one for one in said if one])  # the estimate, and why
    assert KEY[:8] not in complaint


@pytest.mark.parametrize(
    ("answer", "line"),
    [
        (
            _says(404, {"detail": "Not Found"}),
            r"chat wire: not asked, there is no such endpoint, or no such model \(404: .*Not Found",
        ),
        (_says(400, {"error": "no such model"}), "the first question was answered 400: .*no such model"),
        (_says(200, {"error": {"message": "no such \x1b[31mmodel"}}), r"answered 200: .*no such \?\[31mmodel"),
        (_says(503, b"", "text/plain"), "the first question was answered 503"),
    ],
)
def test_a_wire_that_cannot_be_asked(answer: Callable[[Handler, dict[str, Any]], None], line: str) -> None:
    """A line says why; the status is that of a probe without an answer."""
    with _host(answer) as (url, paths):
        status, printed, _ = _probe(url)

    assert 2 == status
    assert re.search(line, printed)
    assert len(paths) <= 2  # another path of the same wire was tried


@pytest.mark.parametrize("key", ["sk-Zm9v+YmFy/cXV4==", "sk-1234"])
def test_a_key_that_is_repeated(key: str) -> None:
    """Whatever characters it has, and however short it is, it is in nothing that is written."""
    with _host(_says(400, {"error": f"{key} may not do this"})) as (url, _):
        _, printed, complaint = _invoked("--base-url", url, "--yes", MIMO_API_KEY=key)

    assert "[key] may not do this" in printed
    assert key[3:] not in printed + complaint


def test_nobody_listens() -> None:
    """One line names the host."""
    status, printed, complaint = _probe("http://127.0.0.1:9/v1")

    assert (2, "") == (status, printed)
    assert complaint.splitlines()[-1].startswith("mimo-quirks: cannot reach 127.0.0.1:9: ")


def test_a_host_that_is_no_mimo() -> None:
    """Its answers have no reasoning, and that is what the probe says of it."""
    with _host(_says(200, PLAIN)) as (url, _):
        status, printed, _ = _probe(url, "--only", "emitted")

    assert 1 == status
    assert (
        "LOST    chat: no answer has reasoning: the model did not think, or something on the way took it off" in printed
    )


@pytest.mark.parametrize(("rejection", "status"), [("rate-limit", 429), ("balance", 402), ("key", 401)])
def test_a_host_that_stops_answering(rejection: str, status: int) -> None:
    """Nothing more is sent, and what is known so far is printed."""
    stops = Mode(then=(4, Mode(rejects_every=1, rejection=rejection)))
    with Simulator(stops) as simulator:
        ended, printed, _ = _probe(simulator.base_url)
        last = [exchange.status for exchange in simulator.exchanges][-2:]

    assert (2, [200, status]) == (ended, last)
    assert re.search(r"^   emitted +a question +reasoning_content$", printed, re.MULTILINE)
    assert re.search(rf"^stopped: 127.0.0.1:\d+ answered {status}: ", printed, re.MULTILINE)


def test_the_limit() -> None:
    """It is kept to."""
    with Simulator() as simulator:
        ended, printed, asked = _probe(simulator.base_url, "--limit", "7")
        assert 7 == len(simulator.exchanges)

    assert 2 == ended
    assert "of which --limit allows 7 requests" in asked
    assert "stopped: the limit of 7 requests is reached; --limit sets another" in printed


@pytest.mark.parametrize("name", NAMES)
def test_only(name: str) -> None:
    """One question costs what it needs, and answers are about it alone."""
    with Simulator(Mode(reasoning="used")) as simulator:
        _, printed, _ = _probe(simulator.base_url, "--only", name, "--json")
        sent = len(simulator.exchanges)

    told = json.loads(printed)
    assert {name} == {finding["question"] for finding in told["findings"]}
    assert told["requests"] == sent
    assert sent <= 11


@pytest.mark.parametrize(
    ("words", "environment", "complaint"),
    [
        (["--only", "tool-turn"], {}, "--only: unknown question tool-turn; did you mean tool-turns?"),
        (["--wire", "smoke"], {}, "'smoke' is not a wire; known: chat, messages, responses, all"),
        (["--limit", "0"], {}, "--limit must be at least 1"),
        (["--timeout", "0"], {}, "--timeout must be above 0"),
        (["--base-url", "ftp://x"], {}, "--base-url 'ftp://x' is not a URL such as https://api.xiaomimimo.com/v1"),
        (["--base-url", "https://"], {}, "is not a URL such as"),
        (["--base-url", f"https://u:{KEY}@x/v1"], {}, "--base-url has credentials in it; the key goes into"),
        ([], {"MIMO_API_KEY": ""}, "MIMO_API_KEY is not set: set it to this endpoint's key (for a proxy, the proxy's)"),
        ([], {"MIMO_API_KEY": f"{KEY}\n"}, "MIMO_API_KEY contains characters that are not allowed in an HTTP header"),
        ([], {"MIMO_QUIRKS_HOSTS": "x"}, "MIMO_QUIRKS_HOSTS: 'x' is not a JSON object"),
    ],
)
def test_bad_options_are_one_line(words: list[str], environment: dict[str, str], complaint: str) -> None:
    """Nothing is sent, and no key is printed."""
    status, printed, said = _invoked("--base-url", "http://127.0.0.1:9/v1", "--yes", *words, **environment)

    assert (2, "", 1) == (status, printed, len(said.splitlines()))
    assert complaint in said
    assert KEY not in said


def test_nobody_says_yes() -> None:
    """Where nobody can be asked nothing is sent; the estimate is printed."""
    with Simulator() as simulator:
        ended = _run("probe", "--base-url", simulator.base_url, MIMO_API_KEY=KEY)
        assert () == simulator.exchanges

    assert 2 == ended.returncode
    assert re.search(
        r"about 5\d requests, [\d,]+ tokens in and [\d,]+ out: about \$0.0\d, at most \$0.\d\d", ended.stderr
    )
    assert "no terminal to confirm at: add --yes" in ended.stderr


def test_the_result_file() -> None:
    """The JSON has every finding, the row and the setting; it holds no key and no text but the words of errors."""
    with Simulator(Mode(accepts="non-empty", reasoning="used")) as simulator:
        ended, printed, _ = _probe(simulator.base_url, "--wire", "all", "--json")
        issued = [exchange.issued for exchange in simulator.exchanges if exchange.issued]

    told = json.loads(printed)
    assert 1 == ended
    assert {"chat", "messages", "responses"} == {finding["wire"] for finding in told["findings"]}
    assert set(NAMES) == {finding["question"] for finding in told["findings"]}
    setting = json.dumps(told["setting"])
    quirks = Settings.from_env({"MIMO_QUIRKS_HOSTS": setting}).quirks_for("mimo-v2.6-pro", simulator.base_url)
    assert quirks is not None
    assert (" ", False) == (quirks.placeholder, quirks.takes_n)
    assert 'placeholder=" ",' in told["paste"].replace("'", '"')
    assert KEY not in printed
    assert [] == [turn for turn in issued if turn.reasoning and turn.reasoning.strip()[-36:] in printed]
    assert [] == [turn for turn in issued if not turn.calls and turn.content in printed and "otter" in turn.content]


def test_a_row_of_the_operators_own_is_the_one_to_compare_with() -> None:
    """What is set already is not said again as a difference, and stays in what is to be set."""
    with Simulator(Mode(accepts="non-empty", reasoning="used")) as simulator:
        url = simulator.base_url
        _, first, _ = _invoked("--base-url", url, "--yes", "--json")
        setting = json.loads(first)["setting"]
        again, second, _ = _invoked("--base-url", url, "--yes", "--json", MIMO_QUIRKS_HOSTS=json.dumps(setting))

    assert 0 == again
    assert setting == json.loads(second)["setting"]
    assert [] == [finding for finding in json.loads(second)["findings"] if finding["differs"]]


def test_tokens_that_nobody_sees() -> None:
    """Reasoning that is counted and does not come is lost on the way back."""
    counted = {**PLAIN, "usage": {"completion_tokens_details": {"reasoning_tokens": 37}}}
    with _host(_says(200, counted)) as (url, _):
        status, printed, _ = _probe(url, "--only", "emitted")

    assert 1 == status
    assert "none, though 37 tokens of it were counted" in printed
    assert "no answer has reasoning: it is lost on the way back, for tokens of it were counted" in printed


def test_the_pasted_row() -> None:
    """It is a row: it can be read where the rows are written."""
    with Simulator(Mode(spelling="alibaba", forbids="when-off")) as simulator:
        _, printed, _ = _probe(simulator.base_url, "--only", "switches", "--only", "thinking-off", "--json")
    row = eval(json.loads(printed)["paste"], vars(hosts))

    assert isinstance(row, hosts.Host)
    assert hosts.ALIBABA.switches == row.dialect.switches
    assert row.forbids_when_off
    assert row.domains is not None
    assert row.domains.fullmatch("127.0.0.1")


@pytest.mark.parametrize("columns", [80, 120])
@pytest.mark.parametrize("colour", [True, False])
def test_in_a_terminal(columns: int, colour: bool) -> None:
    """It asks, no line is longer than the terminal is wide but what is to be copied, and NO_COLOR is heard."""
    words = ("--only", "n", "--only", "switches", "--yes")
    with Simulator() as simulator:
        environment = {"MIMO_API_KEY": KEY, **({} if colour else {"NO_COLOR": "1"})}
        status, seen = _in_terminal(columns, "probe", "--base-url", simulator.base_url, *words, **environment)
    plain = re.sub(r"\x1b\[[\d;?]*[a-zA-Z]", "", seen)
    lines = [line for line in re.split(r"[\r\n]+", plain) if not line.startswith("export ")]

    assert 1 == status
    assert ("\x1b[1;31m" in seen) is colour
    assert columns >= max(map(len, lines))
    assert re.search(r"^≠  n +n = 2 +400, not about reasoning; our", plain, re.MULTILINE)
    assert "…" not in plain


def test_an_interrupt() -> None:
    """What is known is printed, and a line says that it is not all."""
    reached = threading.Event()

    def hangs(handler: Handler, body: dict[str, Any]) -> None:
        if body.get("stream"):
            reached.set()
            _hangs(handler, body)
        else:
            _says(200, PLAIN)(handler, body)

    with _host(hangs) as (url, paths):
        command = [*COMMAND, "probe", "--base-url", url, "--yes", "--json"]
        known = {**os.environ, "MIMO_API_KEY": KEY}
        with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=known) as process:
            assert reached.wait(60)
            process.send_signal(signal.SIGINT)
            printed, complaint = process.communicate(timeout=60)

    assert (2, 2, "interrupted") == (process.returncode, len(paths), json.loads(printed)["stopped"])
    assert complaint.endswith("mimo-quirks: interrupted\n")


@pytest.mark.parametrize(
    ("base", "wire", "expected"),
    [
        ("https://api.xiaomimimo.com/v1", "chat", ["https://api.xiaomimimo.com/v1/chat/completions"]),
        ("https://api.xiaomimimo.com/anthropic", "chat", ["https://api.xiaomimimo.com/v1/chat/completions"]),
        ("https://api.xiaomimimo.com/v1", "messages", ["https://api.xiaomimimo.com/anthropic/v1/messages"]),
        ("https://gw.example/anthropic/v1", "messages", ["https://gw.example/anthropic/v1/messages"]),
        ("http://127.0.0.1:4000", "messages", ["http://127.0.0.1:4000/v1/messages"]),
        ("http://127.0.0.1:4000", "responses", ["http://127.0.0.1:4000/v1/responses"]),
        ("https://openrouter.ai/api/v1", "chat", ["https://openrouter.ai/api/v1/chat/completions"]),
        ("https://api.example/openai", "chat", ["https://api.example/openai/v1/chat/completions"]),
    ],
)
def test_urls(base: str, wire: str, expected: list[str]) -> None:
    """The likeliest place of a wire comes first; `/anthropic` only where the host or the URL has it."""
    assert expected == list(urls(base, wire))[:1]


def test_help_names_every_question() -> None:
    """So that nobody has to guess what `--only` takes."""
    said = " ".join(CliRunner().invoke(app, ["probe", "--help"], env={"COLUMNS": "200"}).stdout.split())

    assert [] == [name for name in NAMES if not re.search(rf"\b{name}[,.]", said)]


@pytest.mark.parametrize(("answer", "sent"), [("n", 0), ("y", 1)])
def test_the_question(answer: str, sent: int) -> None:
    """Somebody at a terminal is asked before anything is sent, and heard."""
    master, slave = pty.openpty()
    with Simulator() as simulator:
        command = [*COMMAND, "probe", "--base-url", simulator.base_url, "--only", "keys", "--limit", "1"]
        os.write(master, f"{answer}\n".encode())
        ended = subprocess.run(
            command, stdin=slave, capture_output=True, text=True, check=False, env={**os.environ, "MIMO_API_KEY": KEY}
        )
        assert sent == len(simulator.exchanges)
    os.close(slave)
    os.close(master)

    assert 2 == ended.returncode
    assert "Send these requests? [y/N]" in ended.stderr

# The one door. Each target builds what it needs in .venv; a machine needs only Python and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo check test test-long test-floors test-openai3 test-clients bench hops lint types format clean

demo: $(INSTALLED)
	$(BIN)/mimo-quirks demo

# The inner loop: under a minute once mypy knows the dependencies. What it leaves out is in tests/quick.py.
check: $(INSTALLED) lint types
	TEST_PROFILE=quick $(BIN)/python -m pytest -q -n 2 --dist worksteal -m quick

# Grids of tests are all pairs here, and all combinations in test-long (tests/pairs.py). The core's own tests reach all of
# it; what the adapters' tests reach of it is not counted.
test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist worksteal --cov --cov-report=term-missing --cov-fail-under=100 tests/shared
	$(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder --ignore tests/shared

# What is measured in time, or keeps both processors busy by itself, has them for itself.
ALONE := proxy_memory two_workers gaps

# The adapters' tests at their full size: every combination of every grid, conversations by the thousand, and
# environments that pip makes.
test-long: $(INSTALLED)
	TEST_SCALE=10 $(BIN)/python -m pytest -n 2 --dist loadfile --no-loadscope-reorder tests/litellm_plugin \
		tests/langchain_plugin tests/test_packaging.py $(ALONE:%=--ignore tests/litellm_plugin/test_%.py)
	TEST_SCALE=10 $(BIN)/python -m pytest -s $(ALONE:%=tests/litellm_plugin/test_%.py)

# The tests with the lowest version of everything that pyproject.toml admits.
test-floors:
	$(PYTHON) -m venv $(VENV)-floors
	$(VENV)-floors/bin/python -m pip install --quiet uv
	VIRTUAL_ENV=$(VENV)-floors $(VENV)-floors/bin/uv pip install --quiet --resolution lowest-direct --editable ".[all]"
	VIRTUAL_ENV=$(VENV)-floors $(VENV)-floors/bin/uv pip install --quiet --group dev
	$(VENV)-floors/bin/python -m pytest --ignore tests/test_packaging.py

# ChatMiMo with openai 3, which LiteLLM does not admit; `test` has openai 2. What another SDK can change is in it: what
# is sent, what is read of answers, streams and errors, and what people do with it; not the wire that is anthropic's.
OPENAI3 := cases drop_in rejections round_trip scenarios standard_integration structured
test-openai3:
	$(PYTHON) -m venv $(VENV)-openai3
	$(VENV)-openai3/bin/python -m pip install --quiet uv
	VIRTUAL_ENV=$(VENV)-openai3 $(VENV)-openai3/bin/uv pip install --quiet --group dev \
		--editable ".[langchain,anthropic,redis,encryption,cli]" "langchain<2" "openai>=3,<4"
	$(VENV)-openai3/bin/python -m pytest -n 2 --dist worksteal -k "not Messages" \
		$(OPENAI3:%=tests/langchain_plugin/test_%.py)

# Real coding agents, which npm installs, before real proxies: a table of what each of them sends back, with and without
# us. CLIENTS has arguments for it, such as "claude pi --deployments anthropic".
test-clients: $(INSTALLED)
	$(BIN)/python -m tests.clients $(CLIENTS)

# What we cost, with bounds and verdicts; no part of the tests, for a figure depends on the machine.
bench: $(INSTALLED)
	$(BIN)/python -m tests.bench

# How many calls, files and hops between files a request takes.
hops: $(INSTALLED)
	$(BIN)/python -m tests.bench.hops

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy --num-workers 2

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(VENV)-floors $(VENV)-openai3 $(VENV)-clients dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[all]" --group dev
	touch $@

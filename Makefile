# The one door. Each target builds what it needs in .venv; a machine needs only Python and pip.
PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin
INSTALLED := $(VENV)/.installed

.PHONY: demo test test-long test-floors test-openai3 bench lint types format clean

demo: $(INSTALLED)
	$(BIN)/mimo-quirks demo

test: $(INSTALLED)
	$(BIN)/python -m pytest -n 2 --dist loadfile --cov --cov-report=term-missing --cov-fail-under=100

# The same tests at their full size.
test-long: $(INSTALLED)
	TEST_SCALE=10 $(BIN)/python -m pytest -s tests/litellm_plugin/test_proxy_memory.py tests/litellm_plugin/test_routes.py

# The tests with the lowest version of everything that pyproject.toml admits.
test-floors:
	$(PYTHON) -m venv $(VENV)-floors
	$(VENV)-floors/bin/python -m pip install --quiet uv
	VIRTUAL_ENV=$(VENV)-floors $(VENV)-floors/bin/uv pip install --quiet --resolution lowest-direct --editable ".[all]"
	VIRTUAL_ENV=$(VENV)-floors $(VENV)-floors/bin/uv pip install --quiet --group dev
	$(VENV)-floors/bin/python -m pytest --ignore tests/test_packaging.py

# ChatMiMo with openai 3, which LiteLLM does not admit; `test` has openai 2. What another SDK cannot change is left out:
# the messages wire, which is anthropic's, and what a second process finds.
test-openai3:
	$(PYTHON) -m venv $(VENV)-openai3
	$(VENV)-openai3/bin/python -m pip install --quiet uv
	VIRTUAL_ENV=$(VENV)-openai3 $(VENV)-openai3/bin/uv pip install --quiet --group dev \
		--editable ".[langchain,anthropic,redis,encryption,cli]" "langchain<2" "openai>=3,<4"
	$(VENV)-openai3/bin/python -m pytest -n 2 --dist loadfile tests/langchain_plugin \
		-k "not Messages and not messages_wire and not second_process and not examples"

# What ChatMiMo costs beside ChatOpenAI; no part of the tests, for a figure depends on the machine.
bench: $(INSTALLED)
	$(BIN)/python -m tests.bench

lint: $(INSTALLED)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .

types: $(INSTALLED)
	$(BIN)/mypy

format: $(INSTALLED)
	$(BIN)/ruff format .
	$(BIN)/ruff check --fix .

clean:
	rm -rf $(VENV) $(VENV)-floors $(VENV)-openai3 dist .mypy_cache .pytest_cache .ruff_cache .hypothesis .coverage

$(INSTALLED): pyproject.toml
	$(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --upgrade "pip>=25.1"
	$(BIN)/python -m pip install --quiet --editable ".[all]" --group dev
	touch $@

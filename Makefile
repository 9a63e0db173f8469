# Each target sets up .venv by itself; it needs Python 3.11 or newer (with its venv module) and make.
# Nothing is fetched while the lock files and pyproject.toml are as they were.

PYTHON ?= $(shell for python in python3 python3.14 python3.13 python3.12 python3.11; do \
	$$python -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null && echo $$python && break; done)
VENV := .venv
BIN := $(VENV)/bin
RUNTIME := $(VENV)/.runtime-installed
DEV := $(VENV)/.dev-installed
PIP := $(BIN)/python -m pip --disable-pip-version-check --quiet
# Tests wait more than they compute.
JOBS ?= 4
# Programs that tests start load what has been compiled once, whatever this shell says.
export PYTHONDONTWRITEBYTECODE =
CODE := hived agentd hivetui tests screenshots

.PHONY: demo test test-all check bench screenshots verify lock clean
.DEFAULT_GOAL := demo

demo: $(RUNTIME)
	@$(BIN)/hive demo $(ARGS)

test: $(DEV)
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder -m "not slow" $(ARGS)

# With the slow tier: it wants a llama.cpp server (tests/slow/test_llama.py says which), and skips without one.
test-all: $(DEV)
	$(BIN)/pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

check: $(DEV)
	$(BIN)/ruff check $(CODE)
	$(BIN)/ruff format --check $(CODE)
	$(BIN)/mypy
	$(BIN)/lint-imports

bench: $(DEV)
	@CHECK=$(CHECK) $(BIN)/python -m tests.benchmarks $(ARGS)

screenshots: $(DEV)
	$(BIN)/python screenshots/make.py $(ARGS)

verify: $(DEV)
	$(BIN)/python -m tests.verified $(ARGS)

$(BIN)/python:
	@"$(or $(PYTHON),false)" -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "hivetui needs Python 3.11 or newer, and $(or $(PYTHON),python3) is not: make PYTHON=/path/to/python3.11" >&2; exit 1; }
	@"$(PYTHON)" -m venv $(VENV) || { rm -rf $(VENV); \
		echo "$(PYTHON) cannot make a virtual environment; on Debian: apt install python3-venv" >&2; exit 1; }

$(RUNTIME): requirements.lock pyproject.toml | $(BIN)/python
	@echo "Setting up $(VENV) …"
	@$(PIP) install --require-hashes -r requirements.lock
	@$(PIP) install --no-deps -e .
	@touch $@

$(DEV): tests/requirements.lock $(RUNTIME)
	@echo "Setting up what tests and checks need …"
	@$(PIP) install --require-hashes -r tests/requirements.lock
	@touch $@

LOCK := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--no-annotate --no-header --upgrade pyproject.toml

lock: $(DEV)
	$(PIP) install uv
	$(LOCK) -o requirements.lock
	$(LOCK) --extra dev -c requirements.lock -o tests/requirements.lock

clean:
	rm -rf $(VENV) .mypy_cache .ruff_cache .pytest_cache .import_linter_cache .hypothesis *.egg-info
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

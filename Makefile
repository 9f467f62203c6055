# Every target makes .venv when it is missing or older than the lock file, then does its job.
PYTHON ?= $(firstword $(foreach p,python3 python3.14 python3.13 python3.12 python3.11,$(shell $(p) -c 'import sys; sys.version_info >= (3, 11) and print("$(p)")' 2>/dev/null)))
VENV := .venv
BIN := $(VENV)/bin
STAMP := $(VENV)/.installed
EXTRAS := $(VENV)/.installed-extras
PYTEST_ARGS ?=
# Tests wait for processes more than they compute, so there is one more of them at a time than processors.
TESTERS ?= $(shell echo $$(( $$(getconf _NPROCESSORS_ONLN) + 1 )))
LOCK := uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-emit-index-url --no-header --no-annotate

.PHONY: demo demo-review test check faults bench lock clean install install-extras

demo: $(STAMP)
	$(BIN)/perdure demo

# Reviews code in a pull request of an example repository. Installs the extra `review` (600 MB).
demo-review: $(EXTRAS)
	$(BIN)/perdure demo --review

test: $(EXTRAS)
	$(BIN)/pytest -n $(TESTERS) --dist loadfile -m "not faults" $(PYTEST_ARGS)

check: $(EXTRAS)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/perdure check determinism src examples

# SEEDS=20 make faults: how many seeds the property test lives through, 200 by default.
faults: $(EXTRAS)
	$(BIN)/pytest -m faults $(PYTEST_ARGS)

bench: $(EXTRAS)
	$(BIN)/python benchmarks/action.py

install: $(STAMP)

install-extras: $(EXTRAS)

$(STAMP): requirements.lock pyproject.toml
	@test -n "$(PYTHON)" || { echo "error: no Python 3.11 or newer on PATH" >&2; echo >&2; echo "hint: install one, or name it: make PYTHON=/path/to/python3.12 $(MAKECMDGOALS)" >&2; exit 1; }
	@rm -rf $(VENV)
	@$(PYTHON) -m venv $(VENV) || { echo >&2; echo "hint: Debian and Ubuntu keep venv in a package of its own: apt install python3-venv" >&2; exit 1; }
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --no-build-isolation --editable .
	@touch $@

$(EXTRAS): $(STAMP) requirements-extras.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps -r requirements-extras.lock
	@touch $@

# Needs uv. Writes every package with its hashes and no index address.
lock:
	$(LOCK) --extra keyring --extra web --extra local --group dev --output-file requirements.lock pyproject.toml
	$(LOCK) --extra review --extra tracing --constraint requirements.lock --output-file requirements-extras.lock pyproject.toml

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache .hypothesis

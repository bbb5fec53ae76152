# make demo   fits a model, registers it and puts it in front of live traffic
# make test   passes the tests
# make check  what CI runs before them: format, lint, types, import contracts, then the tests

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test check lint evaluate model notebooks bench parity lock clean

demo: $(STAMP)
	sh deploy/demo.sh $(BIN)

test: $(STAMP)
	$(BIN)/python -m pytest

lint: $(STAMP)
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/mypy
	$(BIN)/lint-imports

check: lint test

# Real captures: a folder with manifest.toml, see docs/evaluation.md. They are no part of the repository.
CAPTURES ?= $(or $(FLOWML_CAPTURES),$(firstword $(wildcard captures ../shared/captures)))
DATASETS := datasets/first datasets/wide-11 datasets/wide-12 datasets/wide-13

evaluate: $(STAMP)
	@test -n "$(CAPTURES)" || { echo "flowml: no real captures; name their folder: make evaluate CAPTURES=DIR"; exit 2; }
	$(BIN)/flowml evaluate $(DATASETS) $(CAPTURES) -o docs/evaluation/real-captures.md

MODEL ?= models/flowml/next

model: $(STAMP)
	$(BIN)/flowml train $(DATASETS) $(CAPTURES) -o $(MODEL)

notebooks: $(STAMP)
	$(BIN)/python -m pytest tests/notebooks

bench: $(STAMP)
	$(BIN)/python benchmarks/features.py

# Every flow and every field of our meter against NFStream's own loop, on every real capture: minutes.
parity: $(STAMP)
	$(BIN)/python -m tests.capture.parity $(CAPTURES)

lock: $(STAMP)
	$(BIN)/python deploy/lock.py > requirements.lock.new
	mv requirements.lock.new requirements.lock

clean:
	rm -rf $(VENV) build out mlflow.db mlruns src/flowml.egg-info src/flowml/capture/*.so

# Debian splits Python: say which package is missing instead of what fails without it.
$(STAMP): requirements.lock pyproject.toml setup.py $(wildcard src/flowml/capture/*.c src/flowml/capture/*.h)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "flowml: $(PYTHON) is too old, 3.11 or later is needed; name one: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	    || { echo "flowml: Python's venv is missing; run: apt-get install python3-venv"; exit 2; }
	@test -e $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# make demo   fits a model, registers it and puts it in front of live traffic
# make test   passes the tests
# make check  what CI runs before them: format, lint, types, import contracts, then the tests

PYTHON ?= python3
VENV   := .venv
BIN    := $(VENV)/bin
STAMP  := $(VENV)/.installed

.PHONY: demo test check lint evaluate left-out evasions ablations learners peers realism model lab-model notebooks \
    rendered bench parity eve-schema fuzz hostile faults sanitize lock clean

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
DATASETS := $(addprefix datasets/,first wide-11 wide-12 wide-13 drawn-101 drawn-102 broad-201 broad-202 broad-203 full-31 \
    full-51 monero-3 generations-61 carried-63 varied-71 everyday-84 everyday-91 everyday-92)

evaluate: $(STAMP)
	@test -n "$(CAPTURES)" || { echo "flowml: no real captures; name their folder: make evaluate CAPTURES=DIR"; exit 2; }
	$(BIN)/flowml evaluate $(DATASETS) $(CAPTURES) --cache $(OBSERVATIONS) -o docs/evaluation/real-captures.md

# What was metered of all of them, kept between the evaluations.
OBSERVATIONS := build/observations

left-out: $(STAMP)
	$(BIN)/flowml evaluate $(DATASETS) $(CAPTURES) --cache $(OBSERVATIONS) -o docs/evaluation/left-out.md \
	    --leave-out families --leave-out carriers --leave-out evasions --leave-out benign

evasions: $(STAMP)
	$(BIN)/python benchmarks/evasions.py $(DATASETS) $(CAPTURES) --cache $(OBSERVATIONS)

ablations: $(STAMP)
	$(BIN)/python benchmarks/ablations.py $(DATASETS) $(CAPTURES) --cache $(OBSERVATIONS)

learners: $(STAMP)
	$(BIN)/python benchmarks/learners/compare.py $(DATASETS) $(CAPTURES) --cache $(OBSERVATIONS)

peers: $(STAMP)
	@test -n "$(CAPTURES)" || { echo "flowml: no real captures; name their folder: make peers CAPTURES=DIR"; exit 2; }
	$(BIN)/python benchmarks/peers/compare.py $(DATASETS) $(CAPTURES) --cache $(OBSERVATIONS)

# How well a classifier tells a recording of the lab from real captures of the same: docs/lab.md
RECORDING ?= recordings/monero

realism: $(STAMP)
	$(BIN)/flowml lab realism $(RECORDING) --against $(CAPTURES)/cj_sniffer

MODEL ?= models/flowml/next

# Captures that others made are no part of the repository: datasets/public.toml names each with its checksum. They
# are taken from a folder (CAPTURES=DIR), or fetched into captures/ as far as they have a public address.
PUBLIC := $(or $(CAPTURES),captures)

model: $(STAMP)
	@test -n "$(CAPTURES)" || $(BIN)/flowml datasets fetch -o $(PUBLIC)
	$(BIN)/flowml datasets check $(PUBLIC)
	$(BIN)/flowml train $(DATASETS) $(PUBLIC) -o $(MODEL)

# The same from the lab's recordings alone, which are part of the repository: decision 22 holds it against the other.
lab-model: $(STAMP)
	$(BIN)/flowml train $(DATASETS) -o $(MODEL) --no-register

# What the notebooks show, as Markdown with pictures: docs/notebooks
rendered: $(STAMP)
	$(BIN)/python notebooks/render.py

notebooks: $(STAMP)
	$(BIN)/python -m pytest tests/notebooks

bench: $(STAMP)
	$(BIN)/python benchmarks/features.py

# Every flow and every field of our meter against NFStream's own loop, on every real capture: minutes.
parity: $(STAMP)
	$(BIN)/python -m tests.capture.parity $(CAPTURES)

# The EVE records against Suricata's own schema. That is under the GPL and no part of the repository: it is taken out of
# Suricata's source, from Debian's mirror, or from the project where Debian has a later one by now.
SURICATA        := suricata-8.0.7
SURICATA_SHA256 := a9d46a9c8f40e81f8a6df3ecc2c5a9a8e8da985876299108d92da547c013ba8c
EVE_SCHEMA      ?= build/$(SURICATA)/etc/schema.json

eve-schema: $(STAMP) $(EVE_SCHEMA)
	FLOWML_EVE_SCHEMA=$(EVE_SCHEMA) $(BIN)/python -m pytest tests/sinks/test_eve.py

build/$(SURICATA)/etc/schema.json:
	mkdir -p build
	curl -fsSLo build/$(SURICATA).tar.gz \
	    https://deb.debian.org/debian/pool/main/s/suricata/$(subst -,_,$(SURICATA)).orig.tar.gz \
	    || curl -fsSLo build/$(SURICATA).tar.gz https://www.openinfosecfoundation.org/download/$(SURICATA).tar.gz
	echo "$(SURICATA_SHA256)  build/$(SURICATA).tar.gz" | sha256sum --check --quiet
	tar -C build -xmzf build/$(SURICATA).tar.gz $(SURICATA)/etc/schema.json
	rm build/$(SURICATA).tar.gz

# Hostile input, docs/reliability.md. FUZZ is `file` (any bytes are a capture) or `packets` (of a sound one).
FUZZ         ?= file
FUZZ_SECONDS ?= 1800

fuzz: $(STAMP)
	$(BIN)/python -m tests.fuzz $(FUZZ) --seconds $(FUZZ_SECONDS) $(if $(CAPTURES),--captures $(CAPTURES))

# 10,000 hostile requests to the dashboard: half a minute.
hostile: $(STAMP)
	$(BIN)/python -m tests.api.hostile --requests 10000

# Processes of a running sensor are killed 100 times, of a replay and at an interface: half an hour.
faults: $(STAMP)
	FLOWML_KILLS=100 $(BIN)/python -m pytest tests/service/test_faults.py tests/service/test_faults_at_interface.py -s

# The tests with AddressSanitizer and UndefinedBehaviorSanitizer in the extension, built beside the usual one.
# Leaks are not looked for: the interpreter frees little at its end. Programs that tests start inherit it all, and
# those of the lab (browsers, databases) do not start with a sanitizer in front of them: its tests stay out.
SANITIZED  := $(CURDIR)/build/sanitize
TESTS      ?= tests --ignore=tests/lab
SANITIZERS := -fsanitize=address,undefined -fno-sanitize-recover=undefined -fno-omit-frame-pointer -g -O1

sanitize: $(STAMP)
	rm -rf $(SANITIZED)
	CC=gcc CFLAGS="$(SANITIZERS)" $(BIN)/python setup.py -q build \
	    --build-base $(SANITIZED)/temp --build-lib $(SANITIZED)/src
	@grep -q __asan_init $(SANITIZED)/src/flowml/capture/_meter.abi3.so
	ln -s $(CURDIR)/models $(SANITIZED)/models
	LD_PRELOAD="$$(gcc -print-file-name=libasan.so) $$(gcc -print-file-name=libstdc++.so)" ASAN_OPTIONS=detect_leaks=0 \
	    UBSAN_OPTIONS=print_stacktrace=1 PYTHONPATH=$(SANITIZED)/src:$(CURDIR) $(BIN)/python -m pytest $(TESTS)

lock: $(STAMP)
	$(BIN)/python deploy/lock.py > requirements.lock.new
	mv requirements.lock.new requirements.lock

clean:
	rm -rf $(VENV) build out mlflow.db mlruns src/flowml.egg-info src/flowml/capture/*.so src/flowml/models/*.so

# Debian splits Python: say which package is missing instead of what fails without it.
$(STAMP): requirements.lock pyproject.toml setup.py $(wildcard src/flowml/*/*.c src/flowml/*/*.h)
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' \
	    || { echo "flowml: $(PYTHON) is too old, 3.11 or later is needed; name one: make PYTHON=python3.12"; exit 2; }
	@$(PYTHON) -c 'import ensurepip' 2>/dev/null \
	    || { echo "flowml: Python's venv is missing; run: apt-get install python3-venv"; exit 2; }
	@test -e $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -r requirements.lock
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps --editable .
	@touch $@

# What people, CI and the README call. Needs GNU make and a Python >= 3.11; everything else is installed into .venv at first use.

PYTHON  ?= python3
VENV    ?= .venv
UV      ?= uv
JOBS    ?= 2
ARGS    ?=
SECONDS ?= 120

BIN    := $(VENV)/bin
PINNED := $(VENV)/.pinned
READY  := $(VENV)/.ready
FUZZER := $(VENV)/.fuzzer
SUITE  := .node/conformance/.ready
PYTEST := $(BIN)/python -m pytest

# An installation's own PIP_USER or PYTHONPATH would put packages outside of the virtual environment.
# Without bytecode every program that a test starts compiles all of our modules anew.
unexport PIP_USER PYTHONPATH PYTHONHOME PYTHONDONTWRITEBYTECODE
export PIP_DISABLE_PIP_VERSION_CHECK = 1

.DEFAULT_GOAL := help
.PHONY: help demo test test-all test-others check mutate simulate fuzz endure interop terminal conformance client-id bench format wheel docs lock clean
.DELETE_ON_ERROR:
MAKEFLAGS += --no-builtin-rules

help:  ## what there is
	@sed -n 's/^\([a-z-]*\):.*## \(.*\)/  make \1|\2/p' $(firstword $(MAKEFILE_LIST)) | awk -F'|' '{ printf "%-16s %s\n", $$1, $$2 }'

demo: $(READY)  ## the main job against real servers on loopback; BROWSER=1 opens yours
	@$(BIN)/python -m handstamp.demo $(if $(filter command line,$(origin BROWSER)),--browser)

# One worker more: many tests wait for programs of theirs.
test: $(READY)  ## every test that needs nothing but Python; ARGS="-k word" for some
	$(PYTEST) -n $(shell expr $(JOBS) + 1) --ignore=tests/interop --ignore=tests/terminal $(ARGS)

test-all: test test-others  ## the same, and under Python 3.12 and 3.13 where they are installed

test-others:
	@for version in 3.12 3.13; do \
	  python=$$(sh .ci/find-python $$version) || { echo "Python $$version is not installed: skipped."; continue; }; \
	  $(MAKE) --no-print-directory test PYTHON="$$python" VENV=".venv-$$version" || exit 1; \
	done

check: $(READY)  ## format, lint, types, import rule, spelling, generated documents
	$(BIN)/ruff format --check .
	$(BIN)/ruff check .
	$(BIN)/lint-imports
	$(BIN)/mypy
	$(BIN)/mypy --platform win32 --cache-dir .mypy_cache/win32 src
	$(BIN)/mypy --platform darwin --cache-dir .mypy_cache/darwin src
	$(BIN)/pyright --pythonpath $(BIN)/python
	$(BIN)/codespell
	PYTHONPATH=tests $(BIN)/python docs/generate.py --check
	$(BIN)/pip check

mutate: $(READY)  ## take each guard out and expect its tests to fail; ARGS="TB1" or any words for some
	$(BIN)/python -m mutation --jobs $(JOBS) $(ARGS)

simulate: $(READY)  ## 100,000 histories of one sign-in, whatever may go wrong in them; ARGS="--histories 5000 --seed word"
	PYTHONPATH=tests $(BIN)/python -m simulation --jobs $(JOBS) $(ARGS)

fuzz: $(FUZZER)  ## bytes that nobody would send, for SECONDS=120 in all; ARGS="challenge vault" for some parsers; needs Linux
	$(BIN)/python -m fuzz --jobs $(JOBS) $(SECONDS) $(ARGS)

endure: $(READY)  ## kills, endings and expiries of real processes that share one grant; ARGS="--scale 0.1" for less; needs Linux
	PYTHONPATH=tests $(BIN)/python -m endurance $(ARGS)

interop: $(READY)  ## against real authorization servers; needs node and npm
	$(PYTEST) -n $(JOBS) --dist loadgroup --timeout 180 tests/interop $(ARGS)

terminal: $(READY)  ## the full-screen app in a real terminal, against real servers and a real browser; needs tmux and chromium
	$(PYTEST) -n $(JOBS) --dist loadgroup --timeout 180 tests/terminal $(ARGS)

conformance: $(READY) $(SUITE)  ## the specification's own test suite; ARGS="scope" for some of it; needs npm
	PYTHONPATH=tests $(BIN)/python -m conformance --jobs $(JOBS) $(ARGS)

bench: $(READY)  ## medians of alternating pairs against no auth and the SDK's provider
	$(BIN)/python bench/run.py $(ARGS)

format: $(READY)  ## repair what can be repaired
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .

docs: $(READY)  ## rewrite the generated documents
	PYTHONPATH=tests $(BIN)/python docs/generate.py

client-id: $(READY)  ## the project's client ID metadata document, for the URL=https://… at which it is hosted
	$(BIN)/handstamp client-id create $(or $(URL),$(error name its place: make client-id URL=https://…)) --out docs/client-id/handstamp.json

wheel: $(READY)  ## build it, install it into a clean environment, run it
	rm -rf dist build/wheel
	$(BIN)/hatchling build -d dist
	$(PYTHON) -m venv build/wheel
	build/wheel/bin/pip install --quiet --require-hashes -r requirements/runtime.txt
	build/wheel/bin/pip install --quiet --no-deps dist/*.whl
	build/wheel/bin/pip check
	cd build/wheel && bin/python -P -c 'import handstamp; from importlib.resources import files; assert (files(handstamp) / "py.typed").is_file()'
	cd build/wheel && bin/handstamp --version

lock:  ## compile requirements/*.txt anew; UPGRADE=1 takes the newest versions
	@command -v $(UV) >/dev/null || { echo "make lock needs uv: https://docs.astral.sh/uv/"; exit 1; }
	for name in runtime dev fuzz; do \
	  $(UV) pip compile --quiet --universal --generate-hashes --python-version 3.11 --no-header --no-emit-index-url --no-emit-find-links \
	    $(if $(UPGRADE),--upgrade) requirements/$$name.in --output-file requirements/$$name.txt || exit 1; \
	done

clean:  ## remove everything that was built or installed here
	rm -rf .venv .venv-3.* build dist .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .node .fuzz tests/interop/node/node_modules
	find src tests bench docs examples mutation fuzz -name __pycache__ -type d -prune -exec rm -rf {} +

# Rebuilt when a pin changes; a half-made environment has no stamp and is made again.
$(PINNED): requirements/dev.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null || { \
	  echo "Handstamp needs Python 3.11 or newer; '$(PYTHON)' is: $$($(PYTHON) --version 2>&1 | head -n 1)"; \
	  echo "Name another one: make $(MAKECMDGOALS) PYTHON=/path/to/python3.13"; exit 1; }
	@$(PYTHON) -c 'import ensurepip, venv' 2>/dev/null || { \
	  echo "'$(PYTHON)' cannot make virtual environments: its module venv or ensurepip is missing."; \
	  echo "Debian, Ubuntu: apt install python3-venv · Fedora: dnf install python3 · Alpine: apk add python3"; exit 1; }
	@echo "Setting up $(VENV): about a minute, once."
	@$(PYTHON) -m venv --clear $(VENV)
	@$(BIN)/python -m pip install --quiet --require-hashes -r requirements/dev.txt
	@touch $@

# Editable: the code itself is never stale, its metadata and entry points may be.
$(READY): $(PINNED) pyproject.toml
	@$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# Apart from the rest, since there are wheels of it for few machines.
$(FUZZER): requirements/fuzz.txt $(READY)
	@$(BIN)/python -m pip install --quiet --require-hashes --only-binary :all: -r requirements/fuzz.txt || { \
	  echo "make fuzz needs Linux on x86-64 and Python 3.11, 3.12 or 3.13: elsewhere there is no atheris."; exit 1; }
	@touch $@

# Node 22 comes with it: the suite runs on nothing older.
$(SUITE): tests/conformance/node/package.json tests/conformance/node/package-lock.json
	@command -v npm >/dev/null || { echo "make conformance needs npm: https://nodejs.org"; exit 1; }
	@rm -rf $(@D) && mkdir -p $(@D) && cp $^ $(@D)
	@npm ci --prefix $(@D) --ignore-scripts --no-audit --no-fund --loglevel=error
	@touch $@

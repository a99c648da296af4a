# The few commands that a person needs. Everything happens in .venv; nothing is installed outside it,
# except the Debian packages that `test` and `bench` ask for by name.

SHELL := /bin/bash
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.PHONY: help demo test quick lint format docs bench lock clean

PYTHON ?= python3
BIN := .venv/bin
PIP := $(BIN)/python -m pip --disable-pip-version-check
export SIMPUL_PORT ?= 1026

help: ## Say what can be made
	@awk -F ':.*## ' '/^[a-z]+:.*## / { printf "  make %-8s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: .venv/.demo .venv/.compiled ## Build the demo city if it is not there, and serve it on http://127.0.0.1:1026
	@exec $(BIN)/simpul demo

test: .venv/.dev .venv/.client .venv/.compiled ## Check everything, as the continuous integration does
	@scripts/install-test-packages
	@$(MAKE) --no-print-directory lint
	$(BIN)/python -m pytest -n 2 --dist loadfile

quick: .venv/.dev .venv/.client .venv/.compiled ## Run the tests that take less than five seconds and need no servers
	$(BIN)/python -m pytest -m "not slow and not browser and not servers"

lint: .venv/.dev ## Check style, types and layers
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports

format: .venv/.dev ## Put the code into its form
	$(BIN)/ruff check --fix --quiet .
	$(BIN)/ruff format .

docs: .venv/.dev ## Write the generated pages of docs/reference anew
	$(BIN)/python -m scripts.reference

bench: .venv/.dev .venv/.compiled ## Measure the floors at 1,000,000 entities (QUICK=1: at 100,000)
	@scripts/install-debian-packages wrk
	$(BIN)/python -m bench.run $(if $(QUICK),--quick)

lock: ## Pin the newest versions that pyproject.toml allows
	@PYTHON=$(PYTHON) scripts/lock

clean: ## Remove what can be made again (not the demo city)
	rm -rf .venv .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis build dist bench/data

.venv/.made: scripts/make-venv
	@PYTHON=$(PYTHON) scripts/make-venv
	@touch $@

# A stamp is younger than what it was installed from, so that a second `make demo` installs nothing.
.venv/.demo: .venv/.made requirements.lock pyproject.toml
	@echo "Installing Simpul's packages into .venv"
	@$(PIP) install --quiet --progress-bar on --require-hashes -r requirements.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

.venv/.dev: .venv/.made requirements-dev.lock pyproject.toml
	@echo "Installing Simpul's packages, and those of its developers, into .venv"
	@$(PIP) install --quiet --require-hashes -r requirements-dev.lock
	@$(PIP) install --quiet --no-deps --no-build-isolation --editable .
	@touch $@ .venv/.demo

# Python keeps what it compiled by itself, but not where PYTHONDONTWRITEBYTECODE is set, as it is in many containers;
# there each start would compile every module anew, which takes longer than all the rest of the start. The tests start
# the command some hundred times.
.venv/.compiled: .venv/.made $(shell find src/simpul -name '*.py')
	@$(BIN)/python -m compileall -q src/simpul
	@touch $@

# A client of others wants other versions of libraries than the hub has, so it lives in an environment of its own.
.venv/.client: .venv/.made requirements-client.lock
	@echo "Installing a client of others into .venv/client"
	@$(BIN)/python -m venv --clear .venv/client
	@.venv/client/bin/python -m pip --disable-pip-version-check install --quiet --require-hashes -r requirements-client.lock
	@touch $@

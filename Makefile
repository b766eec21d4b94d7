# Switchyard. `make help` lists every target.
PYTHON ?= python3
BACKEND ?= embedded
VENV := .venv
CLASSIFY_VENV := .venv-classify
REQUIREMENTS := infra/requirements
RUN_ENV := $(if $(filter emulators,$(BACKEND)),emulators,run)
export BACKEND
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run demo test test-main test-classify check lint format types lock bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(VENV)/.$(RUN_ENV) ## start everything here: make run [BACKEND=embedded|emulators]; Ctrl-C stops it
	@exec $(VENV)/bin/python -m infra.run

demo: $(VENV)/.$(RUN_ENV) ## send signed webhooks, decide, and check the outcomes: make demo [BACKEND=emulators]
	@$(VENV)/bin/python -m infra.demo

test: test-main test-classify ## run every suite

test-main: $(VENV)/.dev ## run all suites but the one of google-generativeai
	BACKEND= $(VENV)/bin/python -m pytest $(ARGS)

test-classify: $(CLASSIFY_VENV)/.classify ## run the classifiers' suites where google-generativeai is installed
	BACKEND= $(CLASSIFY_VENV)/bin/python -m pytest tests/classify

check: lint types test ## what CI runs: ruff, mypy --strict, all tests

lint: $(VENV)/.dev ## ruff
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .

types: $(VENV)/.dev ## mypy --strict
	$(VENV)/bin/mypy

format: $(VENV)/.dev ## rewrite the code as ruff wants it
	$(VENV)/bin/ruff check --fix .
	$(VENV)/bin/ruff format .

lock: $(VENV)/.dev ## write every requirements.txt anew from its .in: make lock [ARGS=--upgrade]
	$(VENV)/bin/python infra/lock.py $(ARGS)

bench: $(VENV)/.emulators ## measure tasks per second and latency: make bench [BACKEND=emulators]
	$(VENV)/bin/python -m infra.bench $(ARGS)

clean: ## remove environments and local data
	rm -rf $(VENV) $(CLASSIFY_VENV) .switchyard .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Switchyard needs Python 3.11 or newer; name one with PYTHON=/path/to/python3"; exit 1; }
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

$(VENV)/.%: $(REQUIREMENTS)/%.txt $(VENV)/.python
	@$(VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

$(CLASSIFY_VENV)/.classify: $(REQUIREMENTS)/classify.txt
	@$(PYTHON) -m venv $(CLASSIFY_VENV)
	@$(CLASSIFY_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

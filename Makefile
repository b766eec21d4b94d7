# Switchyard. `make help` lists every target.
PYTHON ?= python3
BACKEND ?= embedded
VENV := .venv
CLASSIFY_VENV := .venv-classify
REQUIREMENTS := infra/requirements
# The SDKs of the model live in an environment of their own: google-generativeai holds the Google clients back.
RUN_VENV := $(if $(filter gemini genai,$(CLASSIFIER)),$(CLASSIFY_VENV),$(VENV))
RUN_ENV := $(if $(filter gemini genai,$(CLASSIFIER)),$(CLASSIFY_VENV)/.classify,$(VENV)/.$(if $(filter emulators,$(BACKEND)),emulators,run))
export BACKEND CLASSIFIER
SHELL := /bin/bash
.DEFAULT_GOAL := help
.PHONY: help run demo test test-main test-classify check lint format types lock bench clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN_ENV) ## start everything here: make run [BACKEND=embedded|emulators]; Ctrl-C stops it
	@exec $(RUN_VENV)/bin/python -m infra.run

demo: $(RUN_ENV) ## send signed webhooks, decide, and check the outcomes: make demo [BACKEND=emulators]
	@$(RUN_VENV)/bin/python -m infra.demo

test: test-main test-classify ## run every suite

test-main: $(VENV)/.dev ## run all suites but the one of google-generativeai
	BACKEND= CLASSIFIER= $(VENV)/bin/python -m pytest -n 3 --dist loadfile $(ARGS)

test-classify: $(CLASSIFY_VENV)/.classify ## run the classifiers' suites where google-generativeai is installed
	BACKEND= CLASSIFIER= CLASSIFY_ENV=1 $(CLASSIFY_VENV)/bin/python -m pytest tests/contract/test_gemini.py tests/contract/test_genai.py

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
	@echo "setting up $(CLASSIFY_VENV)"
	@$(PYTHON) -m venv $(CLASSIFY_VENV)
	@$(CLASSIFY_VENV)/bin/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

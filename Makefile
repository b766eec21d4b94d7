# Switchyard. `make help` lists every target.
PYTHON ?= python3
BACKEND ?= embedded
VENV := .venv
CLASSIFY_VENV := .venv-classify
COST_VENV := .venv-cost
TERRAFORM_VENV := .venv-terraform
REQUIREMENTS := infra/requirements
INSTALL := PYTHON='$(PYTHON)' infra/install.sh
# The SDKs of the model live in an environment of their own: google-generativeai holds the Google clients back.
RUN_VENV := $(if $(filter gemini genai,$(CLASSIFIER)),$(CLASSIFY_VENV),$(VENV))
RUN_ENV := $(if $(filter gemini genai,$(CLASSIFIER)),$(CLASSIFY_VENV)/.classify,$(VENV)/.$(if $(filter emulators,$(BACKEND)),emulators,run))
export BACKEND CLASSIFIER
SHELL := /bin/bash
# Which terraform/<ENV>.tfvars; given on the command line, never taken from the environment.
ENV := dev
.DEFAULT_GOAL := help
.PHONY: help run demo try intent test test-main test-classify simulate check lint format types lock openapi rooms fuzz bench chaos load screenshots bundle manifest terraform bootstrap release deploy rollback smoke restore doctor eval calibrate teach policy-simulate cost scale trace clean

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-15s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

run: $(RUN_ENV) ## start everything here: make run [BACKEND=embedded|emulators]; Ctrl-C stops it
	@exec $(RUN_VENV)/bin/python -m infra.run

demo: $(RUN_ENV) ## send signed webhooks, decide, and check the outcomes: make demo [BACKEND=emulators]
	@$(RUN_VENV)/bin/python -m infra.demo

# A ticket's text is data: unexpanded for make, where `$25` is a variable, and through the environment for the shell.
try: override export TEXT := $(value TEXT)
try: override export ANSWER := $(value ANSWER)
try: $(RUN_ENV) ## try a ticket on an intent: make try INTENT=refund_request TEXT="..." (or FILE=) [SOURCE= EMAIL= ANSWER= ARGS=--json]
	@$(RUN_VENV)/bin/python -m infra.trial $(INTENT) $(if $(value TEXT),--text "$$TEXT") $(if $(FILE),--file "$(FILE)") \
	  $(if $(SOURCE),--source "$(SOURCE)") $(if $(EMAIL),--email "$(EMAIL)") $(if $(value ANSWER),--answer "$$ANSWER") $(ARGS)

intent: $(VENV)/.run ## add an intent, a folder with a handler and a test: make intent NAME=gift_card [ARGS=--help]
	@$(VENV)/bin/python -m infra.intents $(NAME) $(ARGS)

test: test-main test-classify ## run every suite

test-main: $(VENV)/.dev ## run all suites but the one of google-generativeai
	BACKEND= CLASSIFIER= $(VENV)/bin/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder $(ARGS)

test-classify: $(CLASSIFY_VENV)/.classify ## run the classifiers' suites where google-generativeai is installed
	BACKEND= CLASSIFIER= CLASSIFY_ENV=1 $(CLASSIFY_VENV)/bin/python -m pytest tests/contract/test_gemini.py tests/contract/test_genai.py \
	  tests/contract/evaluate/test_sdks.py

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

openapi: $(VENV)/.dev ## write what intake and the console take and answer, as they serve it at /openapi.json
	$(VENV)/bin/python -m infra.openapi

rooms: $(VENV)/.dev ## list the rooms of the code with their measures, and draw them for the README
	@$(VENV)/bin/python -m infra.rooms

fuzz: $(VENV)/.dev ## send a million hostile inputs: make fuzz [INPUTS=...] [SEED=...] [TARGET=...]
	$(VENV)/bin/python -m tests.fuzz $(if $(INPUTS),--inputs $(INPUTS)) $(if $(SEED),--seed $(SEED)) $(if $(TARGET),--target $(TARGET))

simulate: $(VENV)/.dev ## play the protocol through under every fault: make simulate [RUNS=100000] [SEED=...]
	@BACKEND= CLASSIFIER= $(VENV)/bin/python -m tests.simulation $(if $(SEED),--seed $(SEED)) $(if $(RUNS),--runs $(RUNS)) $(ARGS)

bench: $(VENV)/.dev ## beside what people use instead, in turns: make bench [TASKS=1,450] [AGAINST=REV] [BACKEND=embedded] [ARGS=--help]
	@CLASSIFIER= $(VENV)/bin/python -m tests.benchmarks $(if $(TASKS),--tasks $(TASKS)) $(if $(AGAINST),--against $(AGAINST)) \
	  $(if $(filter file,$(origin BACKEND)),,--backend $(BACKEND)) $(ARGS)

chaos: $(VENV)/.dev ## kill everything while tasks come in, then count: make chaos [TASKS=500] [SECONDS=120] [SEED=n] [BACKEND=embedded]
	@$(VENV)/bin/python -m tests.chaos --backend $(if $(filter file,$(origin BACKEND)),emulators,$(BACKEND)) \
	  $(if $(TASKS),--tasks $(TASKS)) $(if $(SECONDS),--seconds $(SECONDS)) $(if $(SEED),--seed $(SEED))

manifest: $(VENV)/.dev ## write terraform/manifest.json anew from intents and functions
	$(VENV)/bin/python -m infra.manifest

terraform: $(VENV)/.dev $(TERRAFORM_VENV)/.terraform ## format, validate and test terraform/, and check it with checkov
	$(VENV)/bin/python -m pytest tests/terraform tests/unit/infra/test_manifest.py $(ARGS)
	$(TERRAFORM_VENV)/bin/checkov --directory terraform --framework terraform --skip-download --compact --quiet

bundle: $(VENV)/.run ## write dist/<function>.zip, one per function, with only what it needs
	@$(VENV)/bin/python -m infra.bundle

release: ## build the images of intake and console in the cloud, and name them to Terraform: make release ENV=dev
	@$(or $(wildcard $(VENV)/bin/python),$(PYTHON)) -m infra.release $(ENV)

rollback: ## give what served before all traffic again, within seconds: make rollback ENV=prod [SERVICE=intake]
	@$(or $(wildcard $(VENV)/bin/python),$(PYTHON)) -m infra.traffic $(ENV) back $(SERVICE)

bootstrap: ## make what a project needs before Terraform can work, and its deploy account: make bootstrap ENV=dev [ARGS=--repository=...]
	@$(or $(wildcard $(VENV)/bin/python),$(PYTHON)) -m infra.bootstrap $(ENV) $(ARGS)

deploy: $(VENV)/.emulators ## check, bundle, plan, apply, smoke test, shift traffic, roll back: make deploy ENV=dev [PHASE=plan|apply]
	@$(VENV)/bin/python -m infra.deploy $(ENV) $(PHASE) $(ARGS)

smoke: $(VENV)/.emulators ## send a canary task through what runs here, or in the cloud: make smoke [INTAKE=url CONSOLE=url BACKEND=gcp TIMEOUT_S=180]
	@$(VENV)/bin/python -m infra.smoke $(if $(INTAKE),--intake $(INTAKE)) $(if $(CONSOLE),--console $(CONSOLE)) $(if $(TIMEOUT_S),--timeout-s $(TIMEOUT_S))

restore: $(VENV)/.emulators ## a database of an earlier time, held and checked: make restore ENV=prod INTO=restored-1130 AT=...Z [ARGS=--help]
	@$(VENV)/bin/python -m infra.restore $(ENV) $(INTO) $(if $(AT),--at $(AT)) $(ARGS)

doctor: ## say what is missing to work here, and to deploy: make doctor [ENV=dev] [FOR=here|deploy]
	@$(or $(wildcard $(VENV)/bin/python),$(PYTHON)) -m infra.doctor "$(if $(filter file,$(origin ENV)),,$(ENV))" $(FOR)

trace: $(VENV)/.run ## draw where the time of a task went, while `make run TRACING=local` runs: make trace TASK=helpdesk-1
	@$(if $(TASK),$(VENV)/bin/python -m infra.ops tasks trace "$(TASK)",$(error say which: make trace TASK=helpdesk-1))

# What `make run CLASSIFIER=...` uses, and the tickets that come with the tests where DATA names no others.
eval: $(RUN_ENV) ## how right a classifier is on labelled tickets: make eval [DATA=tickets.jsonl] [CLASSIFIER=...] [ARGS=--help]
	@$(RUN_VENV)/bin/python -m infra.evaluate "$(or $(DATA),tests/data/tickets.jsonl)" $(ARGS)

calibrate: $(VENV)/.run ## what people's decisions prove of the classifier: make calibrate LABELS=labels.jsonl [ARGS=--help]
	@$(VENV)/bin/python -m infra.calibrate $(if $(LABELS),"$(LABELS)") $(ARGS)

teach: $(VENV)/.run ## teach the local classifier what people decided: make teach LABELS=labels.jsonl OUT=model.bin
	@$(VENV)/bin/python -m infra.teach $(if $(LABELS),"$(LABELS)") $(if $(OUT),"$(OUT)")

policy-simulate: $(VENV)/.run ## what other settings would have done: make policy-simulate ARGS="--threshold 0.7 --since 30d"
	@$(VENV)/bin/python -m infra.ops policy simulate $(ARGS)

cost: $(COST_VENV)/.cost ## what the recorded tasks would cost in the cloud, as table and picture: make cost [ARGS=--help]
	@$(COST_VENV)/bin/python -m infra.cost $(ARGS)

# prod, unless ENV was given: what it bears is the question.
scale: $(VENV)/.run ## what is full first at so many tasks an hour, and what it costs: make scale [TASKS_PER_HOUR="10 1000"] [ENV=prod] [ARGS=--help]
	@$(VENV)/bin/python -m infra.scale --env $(if $(filter file,$(origin ENV)),prod,$(ENV)) $(TASKS_PER_HOUR) $(ARGS)

load: $(VENV)/.dev ## a backlog, a model over quota and a handler that always raises: make load [TASKS=4500]
	@BACKEND= CLASSIFIER= $(VENV)/bin/python -m tests.load $(if $(TASKS),--tasks $(TASKS)) $(ARGS)

screenshots: $(VENV)/.dev ## photograph the console's main views for the README (needs Chromium)
	@BACKEND= CLASSIFIER= $(VENV)/bin/python -m tests.browser

clean: ## remove environments and local data
	rm -rf $(VENV) $(CLASSIFY_VENV) $(COST_VENV) $(TERRAFORM_VENV) .venv-bench .bench dist .switchyard .pytest_cache .mypy_cache .ruff_cache .hypothesis

$(VENV)/.python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' 2>/dev/null \
	  || { echo "Switchyard needs Python 3.11 or newer; name one with PYTHON=/path/to/python3"; exit 1; }
	@echo "setting up $(VENV)"
	@$(PYTHON) -m venv $(VENV)
	@touch $@

# A link, so that it is what the tree says; order-only, because its time is the script's.
$(VENV)/bin/switchyard: | $(VENV)/.python
	@ln -sf ../../infra/cli/switchyard.sh $@

$(VENV)/.%: $(REQUIREMENTS)/%.txt $(VENV)/.python | $(VENV)/bin/switchyard
	@$(INSTALL) $(VENV) $<
	@touch $@

$(CLASSIFY_VENV)/.classify: $(REQUIREMENTS)/classify.txt
	@echo "setting up $(CLASSIFY_VENV)"
	@$(INSTALL) $(CLASSIFY_VENV) $<
	@touch $@

$(COST_VENV)/.cost: $(REQUIREMENTS)/cost.txt
	@echo "setting up $(COST_VENV)"
	@$(INSTALL) $(COST_VENV) $<
	@touch $@

$(TERRAFORM_VENV)/.terraform: $(REQUIREMENTS)/terraform.txt
	@echo "setting up $(TERRAFORM_VENV)"
	@$(INSTALL) $(TERRAFORM_VENV) $<
	@touch $@

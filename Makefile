# Every verb of the repository. A target does one thing: it calls a program of scripts/ or a playbook, which can be called
# without make just as well. `make` alone explains.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory
export ANSIBLE_CONFIG := $(CURDIR)/ansible/ansible.cfg

PYTHON := .venv/bin/python
PLAY := .venv/bin/ansible-playbook
OPERATE := $(PYTHON) scripts/operate.py
SUITES ?=

##@ Try it here
dev: tools ## Build, start JupyterLab with Juno on this machine, wait until healthy, print the address
	@$(PYTHON) scripts/dev.py check
	@$(PLAY) ansible/playbooks/engine.yml
	@$(PYTHON) scripts/dev.py up

dev-down: tools ## Stop it, keep what was written
	@$(PYTHON) scripts/dev.py down

dev-clean: tools ## Stop it and delete what was written
	@$(PYTHON) scripts/dev.py clean

##@ Run a hub
# What was typed behind make is meant for the verb, which refuses what it does not know; the environment may hold anything.
TYPED := $(foreach name,$(.VARIABLES),$(if $(filter command,$(firstword $(origin $(name)))),$(name)))
deploy rollback verify status releases drain logs doctor export report forget destroy: export OPTIONS_TYPED := $(TYPED)

deploy: tools-deploy ## Build, try and serve a release on each hub host (DRY_RUN=1: only tell what would change)
	@$(OPERATE) deploy

rollback: tools-deploy ## Serve the previous release (TO=ID another, MODE=quick: only YDoc off, MODE=quick-undo)
	@$(OPERATE) rollback

verify: tools ## Test the hub that runs, safe at any time; reports in test-results/verify/ (PROBE=1: a throw-away student too)
	@$(PYTHON) scripts/verify.py

status: tools-deploy ## What serves, and every student's server as observed (JSON=1)
	@$(OPERATE) status

releases: tools-deploy ## All releases of each host with their state (JSON=1)
	@$(OPERATE) releases

drain: tools-deploy ## Let servers of older releases follow (WHEN=next-start|idle|now MINUTES=5 WHOSE=older|mode|all)
	@$(OPERATE) drain

logs forget: export STUDENT := $(if $(filter command,$(firstword $(origin USER))),$(USER))

logs: tools-deploy ## The log of a server (USER=ada, or SERVICE=hub; LINES=200)
	@$(OPERATE) logs

doctor: tools-deploy ## Collect what a bug report needs, without secrets
	@$(OPERATE) doctor

export: tools-research ## What students did, of all hosts in one table (FROM=DAY TO=DAY FORMAT=parquet|csv|jsonl OUT= COURSE= PSEUDONYMS=1)
	@$(OPERATE) export

report: tools-research ## One page with plots of it, with pseudonyms (FROM=DAY TO=DAY OUT=FOLDER COURSE=)
	@$(OPERATE) report

forget: tools-deploy ## Remove a student's data everywhere (USER=ada tells what there is, CONFIRM=ada removes it)
	@$(OPERATE) forget

destroy: tools-deploy ## End the hub of a host (CONFIRM=HOST; VOLUMES=1 deletes students' work too; DRY_RUN=1)
	@$(OPERATE) destroy

##@ Prove it
test: tools ## Run all suites in real containers and a real browser (SUITES="unit image" runs some)
	@$(PLAY) ansible/playbooks/tests.yml
	@$(PYTHON) scripts/build_images.py
	@$(PYTHON) tests/run.py $(SUITES)

lint: tools ## Check style, types, YAML, Ansible, Dockerfiles and shell
	@$(PYTHON) scripts/lint.py

bench: images ## Measure what is promised: answer times, memory, size, start, telemetry; JSON and a plot
	@$(PYTHON) tests/bench/run.py

drill: images ## Kill Juno, server, tutor, telemetry, deploys and rollbacks at random, and count what was lost
	@DRILL=1 STRICT=1 $(PYTHON) tests/run.py faults telemetry deploy rollback

##@ Build
images: engine ## Build every image; what came out is in .build/images.json
	@$(PYTHON) scripts/build_images.py

lock: tools ## Renew all lock files within what the .in files allow (UPGRADE=1: newest versions)
	@scripts/lock $(if $(UPGRADE),--upgrade)

##@ Machine
tools: ## Make .venv with Ansible, test runners and linters from the locks
	@scripts/bootstrap

tools-deploy: ## Make .venv with what deploys only
	@scripts/bootstrap --deploy

tools-research: ## Make .venv with what deploys, exports and reports
	@scripts/bootstrap --research

engine: tools ## Make sure of a Docker Engine with compose and buildx
	@$(PLAY) ansible/playbooks/engine.yml

clean: ## Delete .venv, .build and caches; images and volumes stay
	@rm -rf .venv .build test-results .pytest_cache .ruff_cache .mypy_cache .hypothesis
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-12s %s\n", $$1, $$2}' $(MAKEFILE_LIST)
	@printf '\nVerbs of a hub take INVENTORY=local|PATH, LIMIT=HOST, SETTINGS=FILE, VAULT=ask, VERBOSE=1;\n'
	@printf 'those that change it DRY_RUN=1, and all of these but forget BREAK_LOCK=1.\n'
	@printf '\nSettings, as `make dev NAME=VALUE` or in the environment (README.md has them all):\n'
	@printf '  %s\n' 'USE_YDOC_CHAT=auto|true|false   how Juno joins a chat' \
	  'YDOC_LAYER=auto|required|off    whether the image has real-time collaboration' \
	  'TA_MIDDLEWARE_URL, LLM_*        who answers' \
	  'DEV_PORT=8888, DEV_TOKEN=dev    where JupyterLab listens, on loopback' \
	  'NOTEBOOK_PACKAGES=minimal|scipy what a student can import' \
	  'BASE_IMAGE, DEBIAN_IMAGE, APT_MIRROR, PIP_INDEX_URL, EXTRA_CA_BUNDLE: closed networks'

.PHONY: deploy rollback verify status releases drain logs doctor export report forget destroy dev dev-down dev-clean test lint bench drill \
  images lock tools tools-deploy tools-research engine clean help

# Every target makes the virtual environments that it needs by itself (scripts/venv.sh).
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help demo test check build lock clean venv

PYTHONPATH :=
export PYTHONPATH

# How many processes run the tests; `make test WORKERS=0` runs them one by one.
WORKERS ?= auto
# Further arguments for pytest: `make test ARGS='tests/unit -k history'`.
ARGS ?=

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-6s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv  ## watch a whole rotation on this machine; leaves build/demo/summary.json
	@.venv/bin/python -m local demo

test: venv  ## run the tests
	@.venv/bin/pytest -n $(WORKERS) $(ARGS)

check: venv  ## formatting, lint, types, template, locks
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	scripts/check-locks.sh
	.venv/bin/cfn-lint --append-rules cfn_lint_serverless.rules --template template.yaml
	.venv/bin/pytest --quiet --durations=0 tests/stack/test_template_*.py
	scripts/sam.sh validate --lint
	@if [ -x scripts/check-schema.sh ]; then scripts/check-schema.sh; fi

build:  ## build functions and layers for AWS Lambda into .aws-sam/
	scripts/sam.sh build

lock:  ## resolve requirements/*.in into locks with hashes; UPGRADE=1 takes the newest versions
	scripts/lock.sh

clean:  ## remove everything that make made
	rm -rf .venv .venv-* .tools build .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

venv:
	@scripts/venv.sh dev

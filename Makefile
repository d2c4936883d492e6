# Every target makes the virtual environments that it needs by itself (scripts/venv.sh).
.DEFAULT_GOAL := help
SHELL := bash
.SHELLFLAGS := -euo pipefail -c
.PHONY: help demo test attack built stack soak check bench build release pictures lock locks audit clean venv stack-venvs

PYTHONPATH :=
# Compiled modules are kept, below build/: without them half a minute of every run goes into compiling.
PYTHONDONTWRITEBYTECODE :=
PYTHONPYCACHEPREFIX := $(CURDIR)/build/pycache
export PYTHONPATH PYTHONDONTWRITEBYTECODE PYTHONPYCACHEPREFIX

# How many processes run the tests; `make test WORKERS=0` runs them one by one. One more than there are processors,
# since a test and the servers in its process wait for each other.
WORKERS ?= $(shell echo $$(( $$(nproc 2>/dev/null || sysctl -n hw.ncpu) + 1 )))
# What `make stack` and `make built` run; it needs SAM, MiniStack and the AWS CLI, each in an environment of its own.
DEPLOYED := tests/deployed
BUILT := tests/page tests/built tests/roles tests/engines tests/stack/test_events.py tests/integration/test_simulator_sdk.py
# What `make attack` runs, and `make soak` at length: rotation histories, deaths of functions, faults of services,
# what others do to targets, what floods and flaps, what hostile texts cost, what alerts tell people to type, and what
# starts the local world as a process, which takes as long as hundreds of tests.
ATTACKS := tests/soak tests/crash tests/faults tests/cost tests/integration/test_crash.py
ATTACKS += tests/integration/test_drift_everywhere.py tests/integration/test_copies.py
ATTACKS += $(addprefix tests/unit/,collect/test_floods.py sources/test_flapping.py sources/test_going_back.py sources/test_blind.py targets/test_contention.py)
ATTACKS += $(addprefix tests/unit/,alerts/test_hostile_texts.py filters/test_filter_crashes.py test_operator_changes_at_random.py test_approved_chains.py)
ATTACKS += $(addprefix tests/unit/,x509/test_spelling.py x509/test_openssl_pem.py x509/test_certificate_texts.py x509/test_canonical_blocks.py x509/test_paths.py)
ATTACKS += $(addprefix tests/unit/,x509/test_crl.py x509/test_selection.py x509/test_outline.py sources/test_chains.py collect/test_time.py)
ATTACKS += $(addprefix tests/unit/,revocation/test_refresh.py bundles/revoked/test_reading.py targets/test_sweep.py targets/test_folders.py)
ATTACKS += $(addprefix tests/unit/,test_watch_text.py test_withdrawn.py test_services.py)
ATTACKS += $(addprefix tests/integration/test_,accounts.py region_buckets.py recovery.py typed_commands.py typed_remedies.py digests.py identity.py files.py operator_files.py cloudfront.py calls.py listener.py doors.py terminal.py serve_publishes.py commands.py)
ATTACKS += $(addprefix tests/integration/test_,by_hand.py bad_input.py leaving.py going_back.py cli.py doctor_keys.py own_key.py where_from.py unreadable_watch_file.py)
ATTACKS += tests/interleaving tests/forgery
ATTACKS += tests/handshake/edge/test_load.py tests/hostile tests/state/test_former_release.py
ATTACKS += tests/secrets/test_functions.py tests/secrets/test_reprs_and_commands.py tests/conformance
ATTACKS += tests/unit/local/test_demo.py tests/unit/local/test_pictures.py tests/unit/local/test_world.py
# The main job, what the store promises, and Genesys: `make test` runs them without sockets to the embedded AWS,
# `make attack` over sockets. All else of tests/contract is run over sockets alone.
SOCKETS := tests/integration/test_rotation.py $(addprefix tests/contract/,genesys/ test_object_store.py test_watch_file.py)
ATTACKS += $(filter-out $(SOCKETS),$(wildcard tests/contract/test_*.py tests/contract/[a-z]*[a-z]/))
ATTACKS += $(addprefix tests/contract/genesys/test_,answers.py waiting.py)
# Tests that live in one environment from test to test keep the files' order; all others run in random order.
ORDERED := -p no:randomly
# What `make soak` runs: rotations in all, rounds of many watchers at once, minutes of fuzzing.
ROTATIONS ?= 10000
ROUNDS ?= 25
MINUTES ?= 5
# Further arguments for pytest: `make test ARGS='tests/unit -k history'`.
ARGS ?=

help:  ## show this list
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "  make %-8s  %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: venv  ## watch a whole rotation on this machine; leaves build/demo/summary.json
	@.venv/bin/python -m local demo

test: venv  ## run the tests, in random order; the first lines name its seed
	@.venv/bin/pytest -n $(WORKERS) --dist worksteal $(addprefix --ignore=,$(DEPLOYED) $(BUILT) $(ATTACKS)) $(ARGS)

attack: venv stack-venvs  ## break the promises: some hundred rotations, functions killed, services that fail
	@.venv/bin/pytest -n $(WORKERS) --dist loadscope $(ORDERED) --sockets $(ATTACKS) $(SOCKETS) $(ARGS)

soak: venv  ## the same for an hour: 10,000 rotations, a month of a fleet, every call killed, many watchers, fuzzing
	@.venv/bin/python -m tests.soak --rotations $(ROTATIONS)
	@.venv/bin/python -m tests.soak.month
	@.venv/bin/python -m tests.crash --processes 2
	@ROUNDS=$(ROUNDS) .venv/bin/pytest -n 0 $(ORDERED) tests/crash/test_together.py
	@.venv/bin/python -m tests.hostile.fuzz --minutes $(MINUTES)

stack: venv stack-venvs  ## build, deploy to an AWS on this machine, and watch the stack work by itself
	@.venv/bin/pytest -n 0 $(ORDERED) $(DEPLOYED) $(ARGS)

built: venv stack-venvs  ## the build, the functions under AWS's emulator, the roles under IAM, other TLS engines, the page
	@.venv/bin/pytest -n $(WORKERS) --dist loadscope $(ORDERED) $(BUILT) $(ARGS)

bench: venv stack-venvs  ## what is fast and cheap, measured: one table, and build/bench/bench.json
	@PYTHONPATH=layers/rotation_watcher:. .venv/bin/python -m benchmarks $(ARGS)

check: venv  ## formatting, lint, types, template, locks, workflows
	.venv/bin/ruff format --check .
	.venv/bin/ruff check .
	.venv/bin/mypy
	scripts/check-locks.sh
	scripts/venv.sh release
	.venv-release/bin/check-jsonschema --builtin-schema vendor.github-workflows .github/workflows/*.yml
	.venv-release/bin/check-jsonschema --builtin-schema vendor.dependabot .github/dependabot.yml
	.venv-release/bin/zizmor --offline --quiet --persona pedantic .github
	@# WS1000 asks for traces always; they are a parameter, since they cost (docs/decisions/0058)
	.venv/bin/cfn-lint --append-rules cfn_lint_serverless.rules --ignore-checks WS1000 --template template.yaml
	.venv/bin/cfn-lint --template accounts/*.yaml
	.venv/bin/pytest --quiet --durations=0 tests/stack/test_template_*.py
	scripts/sam.sh validate --lint
	scripts/venv.sh checkov
	.venv-checkov/bin/checkov --config-file .checkov.yaml --file template.yaml accounts/*.yaml
	@mkdir -p build
	AWS_DEFAULT_REGION=us-east-1 .venv-sam/bin/python scripts/translate.py > build/translated.json
	.venv-checkov/bin/checkov --config-file .checkov.yaml --file build/translated.json
	.venv/bin/cfn-lint --template build/translated.json
	@if [ -x scripts/check-schema.sh ]; then scripts/check-schema.sh; fi

build:  ## build functions and layers for AWS Lambda into .aws-sam/
	scripts/sam.sh build
	@test -f samconfig.local.toml || cp samconfig.toml samconfig.local.toml
	@echo "Next: sam deploy --guided --config-file samconfig.local.toml (so that your answers stay out of git)"

release: venv  ## make the files of a release from the commit that is checked out, into build/release/out
	@scripts/venv.sh release
	@PYTHONPATH=layers/rotation_watcher:. .venv/bin/python -m release

pictures: demo  ## take the README's pictures anew (docs/pictures/); needs a chromium
	@.venv/bin/python -m local.readme_pictures

locks:  ## take the newest versions into all locks, and look for known vulnerabilities in them
	UPGRADE=1 scripts/lock.sh
	scripts/audit.sh

audit:  ## look for known vulnerabilities in what the locks name; asks PyPI
	scripts/audit.sh

lock:  ## resolve requirements/*.in into locks with hashes; UPGRADE=1 takes the newest versions
	scripts/lock.sh

clean:  ## remove everything that make made
	rm -rf .venv .venv-* .tools build .aws-sam .mypy_cache .ruff_cache .pytest_cache .hypothesis
	find . -name __pycache__ -type d -prune -exec rm -rf {} +

stack-venvs:
	@for name in sam stack aws cloudfront; do scripts/venv.sh $$name; done

venv:
	@scripts/venv.sh dev

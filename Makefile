# Every way in. `make help` lists them.
.DEFAULT_GOAL := help
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory

.PHONY: help setup setup-calls setup-python setup-tests check format lint types imports ceilings extras unit test demo ci generate clean bench-calls bench-engine bench-operator bench-phone bench-recovery bench-room bench-scaling bench-turns

RUN := .venv/bin
PYTEST := $(RUN)/python -m pytest

help: ## List every command
	@grep -E '^[a-z-]+:.*##' $(MAKEFILE_LIST) | sed -E 's/:.*## /\t/' | awk -F'\t' '{printf "  make %-15s %s\n", $$1, $$2}'

setup: ## Install everything: uv, Python packages, Debian packages, Go programs (cached)
	@scripts/bootstrap all

setup-python: ## Install uv and the locked Python packages only
	@scripts/bootstrap python

format: setup-python ## Format the code and fix what can be fixed by itself
	@$(RUN)/ruff format . && $(RUN)/ruff check --fix .

check: setup-python lint types imports ceilings extras unit ## Fast checks: format, lint, types, imports, ceilings, unit tests

lint: setup-python ## Format and lint, without changing anything
	@$(RUN)/ruff format --check . && $(RUN)/ruff check .

types: setup-python ## mypy
	@$(RUN)/mypy

imports: setup-python ## The borders between parts
	@$(RUN)/lint-imports --no-cache

ceilings: setup-python ## No file and no function is too long
	@$(RUN)/python scripts/ceilings.py

extras: setup-python ## What each part would install
	@$(RUN)/python scripts/audit_extras.py

unit: setup-python ## Unit tests
	@HYPOTHESIS_PROFILE=quick $(PYTEST) -q -n 2 -m "not integration and not cluster"

setup-tests: ## Install everything, and a browser that tests call from
	@scripts/bootstrap tests

test: setup-tests ## All tests, on real servers
	@scripts/run_tests

setup-calls: ## Install what test calls to a system elsewhere need: SIPp and flite
	@scripts/bootstrap calls

# A cluster that is there needs callers only: no Go programs, no servers.
demo: $(if $(filter current,$(SWITCHBOARD_CLUSTER)),setup-calls,setup) ## From nothing to an answered phone call (KEEP=1 leaves it running)
	@$(RUN)/switchboard demo $(if $(TARGET),--target $(TARGET)) $(if $(REDIS),--redis $(REDIS)) $(if $(SIP),--sip $(SIP))

ci: setup ## What CI runs: check, every test, the demo
	@scripts/ci

generate: setup-python ## Write the generated files anew (CRDs, golden files)
	@scripts/generate

bench-scaling: setup ## The autoscaler under spoken calls: out/bench/scaling.json, docs/images/scaling.svg
	@$(RUN)/python -m tests.bench.bench_scaling

bench-calls: setup ## 10 spoken calls at once on one worker, then more until it is too many: out/bench/calls.json
	@$(RUN)/python -m tests.bench.calls

bench-operator: setup ## 1,000 VoiceAgents on a real control plane -> out/bench/operator.json
	@$(RUN)/python -m tests.bench.operator_burst

bench-recovery: setup ## Ten calls lose their worker, by three faults: out/bench/recovery.json (network cut needs root)
	@$(RUN)/python -m tests.bench.bench_recovery $(if $(REPETITIONS),--repetitions $(REPETITIONS)) $(if $(CALLS),--calls $(CALLS))

bench-engine: setup ## Processor, memory and latency per call beside other engines -> out/bench/engine.json
	@$(RUN)/python -m tests.bench.bench_engine $(ARGS)

bench-room: setup ## A whole worker on real LiveKit rooms, and on Twilio streams -> out/bench/room.json
	@$(RUN)/python -m tests.bench.bench_room $(ARGS)

bench-phone: setup ## Speaking SIP callers through the whole path -> out/bench/phone.json
	@$(RUN)/python -m tests.bench.bench_phone $(ARGS)

bench-turns: setup-python ## Turn-taking against synthesised callers (needs flite; MODEL=file.onnx) -> out/bench/turns.json
	@$(RUN)/python -m tests.bench.bench_turns $(if $(MODEL),--model $(MODEL))

clean: ## Stop the local system and remove what was built in this checkout (caches stay)
	@if [ -x $(RUN)/switchboard ]; then $(RUN)/switchboard local down || true; fi
	@rm -rf out .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

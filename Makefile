# `make` prints what there is. Everything works from a fresh clone: each target installs what it needs first.
SHELL := /bin/bash
.SHELLFLAGS := -euo pipefail -c
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

PYTHON ?= python3
export PYTHON
BIN := .venv/bin
PAR := $(BIN)/par
PYTEST := $(BIN)/pytest

.PHONY: help
help: ## print this list
	@echo "usage: make <target>; settings are PAR_* variables, see docs/configuration.md"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):[^#]*## /\1\t/' | awk -F'\t' '{printf "  %-18s %s\n", $$1, $$2}'

.PHONY: install install-dev init
install: ## make .venv from the lock files
	@bash scripts/bootstrap.sh runtime
install-dev:
	@bash scripts/bootstrap.sh dev
init: install ## install, then prepare the database without starting the system
	@$(PAR) db migrate

.PHONY: start stop restart status logs scale-worker check
start: install ## start database, API and N workers in the background: make start N=3
	@$(PAR) start $(if $(N),--workers $(N))
stop: install ## stop the system; workers hand their tasks over
	@$(PAR) stop
restart: install ## stop, then start: make restart N=3
	@$(PAR) restart $(if $(N),--workers $(N))
status: install ## show what runs
	@$(PAR) status
logs: install ## show the logs
	@$(PAR) logs
scale-worker: install ## set the number of live workers: make scale-worker N=5
	@test -n "$(N)" || { echo "say how many: make scale-worker N=5" >&2; exit 2; }
	@$(PAR) scale-worker $(N)
check: install ## check what a start needs, without starting anything
	@$(PAR) check

.PHONY: db-migrate db-reset-verify
db-migrate: install ## apply the missing migrations
	@$(PAR) db migrate
db-reset-verify: install ## delete all data (asks first), build the database anew and check it
	@$(PAR) db reset
	@$(PAR) db migrate
	@$(PAR) check

.PHONY: lint test test-faults api-test worker-test e2e-test
lint: install-dev ## style, types, layers, sizes, openapi.json
	@bash scripts/lint.sh
test: install-dev ## all tests but the long fault suite
	@bash scripts/test.sh
test-faults: install-dev ## the long fault suite
	@$(PYTEST) -q tests/faults
api-test: install-dev ## the tests of the API
	@$(PYTEST) -q tests/api
worker-test: install-dev ## the tests of the worker
	@$(PYTEST) -q tests/worker
e2e-test: install-dev ## whole systems: the supervisor and the command line
	@$(PYTEST) -q tests/embedded tests/cli

.PHONY: bench bench-scale
bench: install-dev ## one table per benchmark
	@$(BIN)/python -m benchmarks
bench-scale: install-dev ## the benchmarks that need a large database
	@$(BIN)/python -m benchmarks --scale

.PHONY: openapi clean
openapi: install ## write openapi.json anew
	@$(BIN)/python -m agent_runtime.api.openapi
clean: ## remove caches and build results, never data
	@rm -rf .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache build dist
	@find src tests -name __pycache__ -type d -prune -exec rm -rf {} +

# Needs a POSIX shell, make, and Python 3.11 or newer with pip; everything else is fetched by `make setup`.

.DEFAULT_GOAL := help
.NOTPARALLEL:
MAKEFLAGS += --no-print-directory

help: ## Show this list
	@awk 'BEGIN { FS = ":[^#]*## " } /^[a-z][a-z-]*:.*## / { printf "  make %-9s %s\n", $$1, $$2 }' Makefile

setup: ## Make .venv with all that is needed; does nothing when it is there
	@sh .ci/setup

demo: setup ## Run the demonstration country against a node; ONCE=1 ends after one round
	@.venv/bin/truc demo $(if $(ONCE),--once)

system: ## Install the programs the tests talk to: PostgreSQL, Chromium, xmlsec1 (as root)
	@sh .ci/system

# Three files of tests at a time, on two processors: the suite waits for servers and disks, too.
JOBS ?= 3

test: setup system ## Run every test; ARGS="tests/edxml -k name" narrows it, JOBS=1 runs one file at a time
# Done before, even where PYTHONDONTWRITEBYTECODE is set: each worker and program the tests start would do it again.
	@.venv/bin/python -m compileall -q -x '/(test_|conftest)' app migrations tests
	@.venv/bin/python -m tests.support.ahead
	@.venv/bin/python -m pytest -n $(JOBS) --dist loadfile --no-loadscope-reorder $(ARGS)

bench: setup ## Measure the ratios to the machine's own limit, for docs/performance.md; QUICK=1 in two minutes
	@.venv/bin/python -m bench $(if $(QUICK),--quick)

cover: setup system ## Run every test and list the lines and branches none of them ran
	@.venv/bin/coverage erase
	@.venv/bin/coverage run -m pytest $(ARGS)
	@.venv/bin/coverage combine --quiet
	@.venv/bin/coverage report

check: setup ## Run the quick checks: format, lint, types, imports, OpenAPI and migrations drift
	@sh .ci/check

fmt: setup ## Format the code and mend what the linter can mend
	@.venv/bin/ruff check --fix-only --quiet .
	@.venv/bin/ruff format --quiet .

openapi: setup ## Write openapi/openapi.json anew from the code
	@mkdir -p openapi
	@new=$$(mktemp) && .venv/bin/truc openapi > "$$new" && cat "$$new" > openapi/openapi.json; done=$$?; rm -f "$$new"; exit $$done

lock: setup ## Pin the requirements anew after a change of pyproject.toml; UPGRADE=1 takes newer versions
	@sh .ci/lock $(if $(UPGRADE),--upgrade)

clean: ## Remove what was made here: environment, caches, builds; data folders stay
	@rm -rf .venv .tools .mypy_cache .pytest_cache .ruff_cache .hypothesis .import_linter_cache .coverage .coverage.* htmlcov dist
	@find app migrations tests -type d -name __pycache__ -prune -exec rm -rf {} +

.PHONY: help setup demo system test bench cover check fmt openapi lock clean

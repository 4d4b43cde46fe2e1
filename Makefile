# make up | test | bench | lint. Needs Python 3.11 to 3.13 and git, nothing else: uv and the environment are brought here.
# Options go in ARGS:  make up ARGS="--source sim"   make test ARGS="tests/engines -x"

SHELL := /bin/sh
.DEFAULT_GOAL := help
.DELETE_ON_ERROR:

# The machine's own Python, never one that uv would download.
PYTHON := $(shell for name in python3.13 python3.12 python3.11 python3; do \
	if $$name -c 'import sys; sys.exit(not (3, 11) <= sys.version_info[:2] <= (3, 13))' >/dev/null 2>&1; then \
	$$name -c 'import sys; print(sys.executable)'; break; fi; done)

BIN := .venv/bin
SYNCED := .venv/.synced
SYNCED_DEV := .venv/.synced-dev
WARMED := .venv/.warmed
PARSED := .venv/.parsed
DASHBOARD := ui/out/.built-of
DASHBOARD_SOURCES := $(shell find ui \( -name node_modules -o -name .next -o -name out \) -prune -o -type f -print)

export UV_PYTHON_DOWNLOADS := never
export UV_PROJECT_ENVIRONMENT := .venv
export DO_NOT_TRACK := 1
# A process that must compile its imports anew starts three times slower.
unexport PYTHONDONTWRITEBYTECODE
export DBT_SEND_ANONYMOUS_USAGE_STATS := false
# A company's certificates are in the machine's store, and uv looks there only when told to.
ifneq ($(wildcard /etc/ssl/certs/ca-certificates.crt),)
export UV_SYSTEM_CERTS ?= true
endif

.PHONY: help up dashboard test bench lint client clean

help:
	@echo "make up      run the platform (Ctrl-C stops it); options: make up ARGS='--source sim'"
	@echo "make test    run all tests; some of them: make test ARGS=tests/engines"
	@echo "make bench   run the benchmarks, write bench/results.json"
	@echo "make lint    format check, lint, types, import walls"
	@echo "make client  make the Python client anew from the API's description"
	@echo "make clean   remove the environment and what was built; data in .cap stays"

# Kernels and the dbt project need each other's time, not each other: side by side.
up: $(SYNCED)
	@$(MAKE) --silent --no-print-directory -j2 $(WARMED) $(PARSED) dashboard
	@$(BIN)/cap up $(ARGS)

# Without it the platform runs all the same.
dashboard:
	@$(MAKE) --silent --no-print-directory $(DASHBOARD) || echo "make: the platform starts without its dashboard" >&2

test: $(SYNCED_DEV) $(WARMED) $(PARSED) $(DASHBOARD)
	@$(BIN)/python -m deploy.dashboard test
	@$(BIN)/python -m pytest $(ARGS)

bench: $(SYNCED_DEV) $(WARMED) $(PARSED)
	@$(BIN)/python -m bench.run $(ARGS)

lint: $(SYNCED_DEV)
	@$(BIN)/ruff format --check .
	@$(BIN)/ruff check .
	@$(BIN)/pyright
	@$(BIN)/lint-imports
	@$(BIN)/python -m deploy.dashboard lint

client: $(SYNCED_DEV)
	@$(BIN)/python -m deploy.openapi.client
	@$(BIN)/python -m deploy.openapi.typescript

clean:
	rm -rf ui/out ui/.next ui/node_modules
	rm -rf .venv .venv-tools .numba_cache dbt_project/target dbt_project/logs

# Inexact: "make up" after "make test" does not take the tests' tools away again.
$(SYNCED): pyproject.toml uv.lock
	@$(call require_python)
	@uv=$$($(PYTHON) deploy/bootstrap.py) && "$$uv" sync --locked --no-dev --inexact --python $(PYTHON)
	@touch $@

$(SYNCED_DEV): pyproject.toml uv.lock
	@$(call require_python)
	@uv=$$($(PYTHON) deploy/bootstrap.py) && "$$uv" sync --locked --python $(PYTHON)
	@touch $(SYNCED) $@

$(WARMED): $(shell find engines -name '*.py') | $(SYNCED)
	@$(BIN)/cap warm
	@touch $@

$(PARSED): $(shell find dbt_project -name target -prune -o -name logs -prune -o -type f -print) | $(SYNCED)
	@$(BIN)/python -m orchestration.marts.manifest
	@touch $@

$(DASHBOARD): $(DASHBOARD_SOURCES) | $(SYNCED)
	@$(BIN)/python -m deploy.dashboard
	@touch $@

define require_python
test -n "$(PYTHON)" || { echo "make: Python 3.11, 3.12 or 3.13 is needed and none was found; on Debian and Ubuntu: apt-get install python3" >&2; exit 1; }
endef

# Everything from nothing: `make run` starts a desk, `make test` tests it, `make check` looks it over, `make bench` measures it.
# Needs Python >= 3.11 (with venv and pip) and make; uses uv where it is installed. Variables given to make
# (PORT, HOST, DATA_DIR, DEMO, TEST_DATABASE_URL …) reach the desk through the environment.

PYTHON ?= python3
JOBS ?= 2
VENV := .venv
BIN := $(VENV)/bin
STAMPS := build/stamps
UV := $(shell command -v uv 2>/dev/null)

RUNTIME := $(VENV)/.runtime
DEV := $(VENV)/.dev
FRONTEND := node_modules/.complete
FRONTEND_DEV := node_modules/.complete-dev
TRANSLATIONS := $(STAMPS)/translations
STATIC := $(STAMPS)/static

CATALOGUES := $(wildcard locale/*/LC_MESSAGES/*.po)
STATIC_SOURCES := $(shell find static */static -type f 2>/dev/null)

ifneq ($(UV),)
create_venv = $(UV) venv --quiet --python $(PYTHON) $(VENV)
install = $(UV) pip install --quiet --python $(BIN)/python --require-hashes
else
create_venv = $(PYTHON) -m venv $(VENV)
install = $(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes
endif

.DELETE_ON_ERROR:
.SUFFIXES:
.DEFAULT_GOAL := help

.PHONY: help
help:
	@sed -n 's/^## *//p' Makefile

# ------------------------------------------------------------------------------------------------------------- the desk

## make run        everything from nothing to a running desk with demo data at http://127.0.0.1:8000
# The last line is one simple command: make starts it without a shell between and passes SIGTERM on to it (tests/tooling).
.PHONY: run
run: $(RUNTIME) $(TRANSLATIONS) $(STATIC)
	@$(BIN)/python manage.py run

## make assets     front-end files and translations, collected and compiled
.PHONY: assets
assets: $(TRANSLATIONS) $(STATIC)

## make messages   brings the translation catalogues up to date with the sources
.PHONY: messages
messages: $(RUNTIME)
	$(BIN)/python tools/translations.py update

# ----------------------------------------------------------------------------------------------------------- the gates

## make test       the tests, ARGS="-k word path" chooses; TEST_DATABASE_URL and TEST_REDIS_URL run them on servers
# Without front-end files the tests in a browser are skipped and say so; REQUIRE_ALL=1 makes a skip a failure.
.PHONY: test
test: $(DEV) $(TRANSLATIONS)
	@$(MAKE) --no-print-directory assets $(FRONTEND_DEV) || echo "No front-end files: the tests in a browser will be skipped." >&2
	$(BIN)/python -m pytest -p tests.require_all -p tests.second_try -n $(JOBS) $(ARGS)

## make check      format, lint, types, import contracts, migrations, templates, translations, schema, check --deploy
CHECKS := check-format check-lint check-types check-imports check-migrations check-templates check-translations \
	check-schema check-deploy
.PHONY: check $(CHECKS)
check: $(CHECKS)

check-format: $(DEV)
	$(BIN)/ruff format --check --quiet .

check-lint: $(DEV)
	$(BIN)/ruff check --quiet .

check-types: $(DEV)
	$(BIN)/mypy .

check-imports: $(DEV)
	$(BIN)/lint-imports
	$(BIN)/lint-imports --config tools/circles.toml

check-migrations: $(DEV)
	$(BIN)/python manage.py makemigrations --check --dry-run

check-templates: $(DEV)
	$(BIN)/python tools/templates.py check

check-translations: $(DEV)
	$(BIN)/python tools/translations.py check

check-schema: $(DEV)
	$(BIN)/python tools/schema.py check

check-deploy: $(DEV) $(STATIC)
	$(BIN)/python tools/check_deploy.py

## make format     what a machine can mend: formatting, import order, simple lint, templates
.PHONY: format
format: $(DEV)
	$(BIN)/ruff check --fix-only --quiet .
	$(BIN)/ruff format --quiet .
	$(BIN)/python tools/templates.py format

## make schema     writes the OpenAPI document anew
.PHONY: schema
schema: $(DEV)
	$(BIN)/python tools/schema.py write

## make bench      the performance figures with their ratios, as a table and as var/bench.json; BENCH_TICKETS=2000 is quick
.PHONY: bench
bench: $(DEV) $(TRANSLATIONS) $(STATIC)
	@$(BIN)/python -m bench

## make newcomer   clones the committed state into an empty folder and times `make run` there
.PHONY: newcomer
newcomer:
	@$(PYTHON) tools/newcomer.py

# ---------------------------------------------------------------------------------------------------------- what it needs

## make lock       pins the newest versions that pyproject.toml and package.json allow
COMPILE := pip compile --quiet --upgrade --universal --python-version 3.11 --generate-hashes --no-emit-index-url \
	--custom-compile-command "make lock"
.PHONY: lock
lock: $(DEV) $(FRONTEND)
	$(BIN)/uv $(COMPILE) pyproject.toml -o requirements.txt
	$(BIN)/uv $(COMPILE) --group frontend -o requirements-frontend.txt
	$(BIN)/uv $(COMPILE) -c requirements.txt --group dev pyproject.toml -o requirements-dev.txt
	$(BIN)/uv $(COMPILE) -c requirements-dev.txt --extra s3 --extra sentry pyproject.toml -o requirements-production.txt
	$(BIN)/python tools/frontend.py lock

## make clean      forgets what was built (never the data under var/)
.PHONY: clean
clean:
	rm -rf $(VENV) node_modules build .mypy_cache .ruff_cache .pytest_cache .import_linter_cache

$(BIN)/python:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
		{ echo "Python 3.11 or newer is needed: make PYTHON=/path/to/python3" >&2; exit 1; }
	@echo "Making the Python environment in $(VENV)"
	@$(create_venv)

$(RUNTIME): requirements.txt requirements-frontend.txt | $(BIN)/python
	@echo "Installing what the desk needs"
	@$(install) -r requirements.txt -r requirements-frontend.txt
	@touch $@

$(DEV): requirements-dev.txt $(RUNTIME)
	@echo "Installing what its tests and checks need"
	@$(install) -r requirements-dev.txt
	@touch $@

$(FRONTEND): package-lock.json tools/frontend.py | $(RUNTIME)
	@echo "Fetching the front-end files"
	@$(BIN)/python tools/frontend.py
	@touch $@

$(FRONTEND_DEV): $(FRONTEND)
	@$(BIN)/python tools/frontend.py dev
	@touch $@

$(TRANSLATIONS): $(CATALOGUES) tools/translations.py | $(RUNTIME)
	@$(BIN)/python tools/translations.py compile
	@mkdir -p $(@D) && touch $@

$(STATIC): $(STATIC_SOURCES) servicedesk/assets.py servicedesk/storage.py $(FRONTEND) $(RUNTIME)
	@echo "Collecting the static files"
	@$(BIN)/python manage.py collectstatic --noinput --verbosity 0
	@mkdir -p $(@D) && touch $@

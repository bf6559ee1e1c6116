# Each target first makes .venv from requirements.lock when it is missing or stale; nothing but Python 3.11+ is needed.

LOCKED := requirements.lock pyproject.toml infra/bootstrap.lock infra/environment.sh
# Named after what it was made from: a checkout that changes the lock makes the environment stale, its file times do not.
STAMP := .venv/made-from-$(shell cat $(LOCKED) | cksum | cut -d' ' -f1)
BIN := .venv/bin
UV := .venv/bootstrap/bin/uv

.DEFAULT_GOAL := help
.PHONY: help environment demo test test-fast check bench soak serve airflow lab lock format clean

help: ## this list
	@echo "make <target>; the first one makes .venv"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1 /' | awk '{name=$$1; $$1=""; printf "  %-12s%s\n", name, $$0}'

environment: $(STAMP) ## make or renew .venv from requirements.lock
$(STAMP):
	@infra/environment.sh $(STAMP)

demo: $(STAMP) ## the whole path; DATA=dir for real data, SOURCE=online_retail, TRAIN_UNTIL= TEST_UNTIL= dates, KEEP=1 leaves it up
	@$(BIN)/tranche demo $(if $(SOURCE),--source $(SOURCE)) $(if $(DATA),--data "$(DATA)") $(if $(TRAIN_UNTIL),--train-until $(TRAIN_UNTIL)) \
	  $(if $(TEST_UNTIL),--test-until $(TEST_UNTIL)) $(if $(KEEP),--keep)

test: $(STAMP) ## every test, the slow ones beside the others; ARGS="-k name" narrows
	@infra/tests.sh $(ARGS)

test-fast: $(STAMP) ## the tests that start no Spark, no Airflow and no whole journey
	@$(BIN)/python -m pytest -m "not slow" $(ARGS)

check: $(STAMP) ## format, lint, types, import layers, conventions, documents; no other tests
	@$(BIN)/ruff format --check
	@$(BIN)/ruff check
	@$(BIN)/mypy
	@PYTHONPATH=. $(BIN)/lint-imports
	@$(BIN)/python -m pytest -q tests/test_conventions.py tests/test_docs.py

format: $(STAMP) ## write the format that check asks for
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench: $(STAMP) ## the speed budgets, as ratios within one run; PART=ledger for one part of the platform
	@$(BIN)/python -m benchmarks $(PART) $(ARGS)

soak: $(STAMP) ## the random machines of ledger and plans for longer, and 50 kills of ingest; TIMES=20 says how much
	@TRANCHE_SOAK=$(or $(TIMES),20) $(BIN)/python -m pytest --timeout=0 tests/ledger/test_machine.py tests/lending/test_plan_machine.py
	@TRANCHE_SOAK=$(or $(TIMES),20) $(BIN)/python -m pytest --timeout=0 tests/pipelines/ingest/test_ingest.py -k killed

serve: $(STAMP) ## the decision API on the current profile
	@$(BIN)/tranche serve $(ARGS)

airflow: $(STAMP) ## the DAGs on a clock, on the current profile; Ctrl-C stops all of it
	@$(BIN)/tranche airflow $(ARGS)

lab: $(STAMP) ## JupyterLab on the notebooks (py:percent files), on loopback, on the current profile
	@$(BIN)/tranche lab $(ARGS)

lock: $(STAMP) ## resolve pyproject.toml again into requirements.lock; UPGRADE=1 takes newer versions
	@$(UV) pip compile pyproject.toml --extra dev --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --quiet $(if $(UPGRADE),--upgrade) -o requirements.lock > /dev/null
	@$(UV) pip compile infra/beancount.in --universal --python-version 3.11 \
	  --generate-hashes --no-header --no-annotate --quiet $(if $(UPGRADE),--upgrade) -o infra/beancount.lock > /dev/null

clean: ## stop every runtime of this checkout and remove .venv and var/ with all its data
	@if [ -x $(BIN)/tranche ]; then $(BIN)/tranche local reset --all; fi
	@rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

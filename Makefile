# Each target first makes .venv when it is missing or stale: requirements.lock for those that run the product, locks/dev.lock
# on top for those that test and check it. Nothing but Python 3.11+ is needed.

LOCKED := requirements.lock pyproject.toml infra/bootstrap.lock infra/environment.sh
# Named after what it was made from: a checkout that changes the lock makes the environment stale, its file times do not.
STAMP := .venv/made-from-$(shell cat $(LOCKED) | cksum | cut -d' ' -f1)
DEV_STAMP := .venv/dev-from-$(shell cat $(LOCKED) locks/dev.lock | cksum | cut -d' ' -f1)
BIN := .venv/bin

.DEFAULT_GOAL := help
.PHONY: help environment doctor demo test test-fast check bench soak serve airflow lab lock format clean

help: ## this list
	@echo "make <target>; the first one makes .venv"
	@grep -hE '^[a-z-]+:.*## ' $(MAKEFILE_LIST) | sed -E 's/^([a-z-]+):.*## /  \1 /' | awk '{name=$$1; $$1=""; printf "  %-12s%s\n", name, $$0}'

environment: $(DEV_STAMP) ## make or renew .venv with the developer tools, as test, check and lab do
# An environment with developer tools keeps them when it is renewed.
$(STAMP):
	@infra/environment.sh $(STAMP) $(if $(wildcard .venv/dev-from-*),$(DEV_STAMP))
$(DEV_STAMP):
	@infra/environment.sh $(STAMP) $(DEV_STAMP)

doctor: ## what this machine lacks for the product, each with its cure; needs no .venv
	@$$(infra/python.sh 2> /dev/null || echo python3) -B -m tranche.doctor $(ARGS)

demo: $(STAMP) ## the whole path; DATA=dir for real data, SOURCE=online_retail, TRAIN_UNTIL= TEST_UNTIL= dates, KEEP=1 leaves it up
	@$(BIN)/tranche demo $(if $(SOURCE),--source $(SOURCE)) $(if $(DATA),--data "$(DATA)") $(if $(TRAIN_UNTIL),--train-until $(TRAIN_UNTIL)) \
	  $(if $(TEST_UNTIL),--test-until $(TEST_UNTIL)) $(if $(KEEP),--keep)

test: $(DEV_STAMP) ## every test, in two processes that share a queue; ARGS="-k name" narrows
	@infra/tests.sh $(ARGS)

test-fast: $(DEV_STAMP) ## the tests that start no Spark, no Airflow, no runtime of their own, no whole journey, no peer's scenarios and no long random search
	@infra/tests.sh -m "not slow" $(ARGS)

check: $(DEV_STAMP) ## format, lint, types, import layers, conventions, documents; no other tests
	@infra/check.sh

format: $(DEV_STAMP) ## write the format that check asks for
	@$(BIN)/ruff format
	@$(BIN)/ruff check --fix

bench: $(STAMP) ## the speed budgets, as ratios within one run; PART=ledger for one part of the platform
	@$(BIN)/python -m benchmarks $(PART) $(ARGS)

SOAK = TRANCHE_SOAK=$(or $(TIMES),20) $(BIN)/python -m pytest --timeout=0
OTHERS = test "$(PART)" = payments || $(SOAK)
soak: $(DEV_STAMP) ## what is too long for every change (docs/testing.md): random machines, all kills; TIMES=20 says how much, PART=payments
	@$(SOAK) tests/payments/kills
	@$(OTHERS) tests/ledger/test_machine.py tests/lending/test_plan_machine.py
	@$(OTHERS) -m hypothesis
	@$(OTHERS) tests/pipelines/ingest/test_ingest.py -k "killed or ended"
	@$(OTHERS) tests/pipelines/test_corruption.py tests/pipelines/test_cluster.py
	@$(OTHERS) tests/tranche/demo/test_interrupt.py

serve: $(STAMP) ## the decision API on the current profile
	@$(BIN)/tranche serve $(ARGS)

airflow: $(STAMP) ## the DAGs on a clock, on the current profile; Ctrl-C stops all of it
	@$(BIN)/tranche airflow $(ARGS)

lab: $(DEV_STAMP) ## JupyterLab on the notebooks (py:percent files), on loopback, on the current profile
	@$(BIN)/tranche lab $(ARGS)

lock: $(STAMP) ## resolve pyproject.toml again into requirements.lock and locks/; UPGRADE=1 takes newer versions
	@infra/lock.sh $(if $(UPGRADE),--upgrade)

clean: ## stop every runtime of this checkout and remove .venv and var/ with all its data
	@if [ -x $(BIN)/tranche ]; then $(BIN)/tranche local reset --all; fi
	@rm -rf .venv var .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache dist

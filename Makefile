# Everything one does with Exchange OS. `make help` lists it.
SHELL := /bin/bash
.SHELLFLAGS := -eu -o pipefail -c
MAKEFLAGS += --no-print-directory
.DEFAULT_GOAL := help

# The Python to make the environment with: the first of these that starts.
PYTHON ?= $(shell for name in python3.11 python3.12 python3.13 python3; do if $$name -c '' 2>/dev/null; then echo $$name; break; fi; done)
BIN := .venv/bin
PACKAGES := exchange_os venues trading governance
CODE := $(PACKAGES) examples tests benchmarks tools manage.py

# Processes that share the tests have servers of their own: not those that are given.
SHARED = $(if $(DATABASE_URL)$(REDIS_URL),,-n auto --maxprocesses 4)

##@ Use
.PHONY: run
run: ## Start the exchange on this machine: everything it needs, http://localhost:8000 (PORT=, DATA_DIR=)
	@$(SETUP)
	@exec $(BIN)/python -m exchange_os.embedded

.PHONY: replay
replay: ## Send a file of real orders through the bulk API into a fresh venue: make replay FILE=orders.csv.gz
	@$(SETUP)
	@test -n "$(FILE)" || { echo "Name the file: make replay FILE=path/to/orders.csv.gz" >&2; exit 2; }
	@exec $(BIN)/python manage.py replay "$(FILE)" $(ARGS)

.PHONY: replay-prices
replay-prices: ## Play recorded one-minute bars: 10,000 leveraged accounts through a crash: make replay-prices FILE=bars.csv.gz
	@$(SETUP)
	@test -n "$(FILE)" || { echo "Name the file: make replay-prices FILE=path/to/bars.csv.gz" >&2; exit 2; }
	@exec $(BIN)/python manage.py replay_prices "$(FILE)" $(ARGS)

.PHONY: replay-funding
replay-funding: ## Charge other exchanges' recorded funding rates by our formula: make replay-funding FILE=rates.csv.gz
	@$(SETUP)
	@test -n "$(FILE)" || { echo "Name the file: make replay-funding FILE=path/to/rates.csv.gz" >&2; exit 2; }
	@exec $(BIN)/python manage.py replay_funding "$(FILE)" $(ARGS)

.PHONY: replay-worldcup
replay-worldcup: ## Play World Cups: every match traded by bots, settled from its real result: make replay-worldcup DATA=directory
	@$(SETUP)
	@test -n "$(DATA)" || { echo "Name the directory: make replay-worldcup DATA=path/to/worldcup" >&2; exit 2; }
	@exec $(BIN)/python manage.py replay_worldcup "$(DATA)" $(ARGS)

##@ Check
.PHONY: test
test: ## Every test, Rust and Python, on a PostgreSQL and a Valkey of its own (ARGS= goes to pytest)
	@$(SETUP) --dev
	@cargo test --quiet --manifest-path kernel/Cargo.toml
	@exec $(BIN)/pytest $(SHARED) $(ARGS)

.PHONY: lint
lint: ## Style and types: ruff, mypy, cargo fmt, clippy, djade
	@$(SETUP) --dev
	@$(BIN)/ruff check $(CODE)
	@$(BIN)/ruff format --check $(CODE)
	@$(BIN)/mypy
	@git ls-files -z 'templates/*.html' | xargs -0 --no-run-if-empty $(BIN)/djade --target-version 5.2 --check
	@cargo fmt --manifest-path kernel/Cargo.toml --check
	@cargo clippy --quiet --manifest-path kernel/Cargo.toml --all-targets -- -D warnings

.PHONY: format
format: ## Put everything into the one style
	@$(SETUP) --dev
	@$(BIN)/ruff check --fix $(CODE)
	@$(BIN)/ruff format $(CODE)
	@git ls-files -z 'templates/*.html' | xargs -0 --no-run-if-empty $(BIN)/djade --target-version 5.2 || true
	@cargo fmt --manifest-path kernel/Cargo.toml

.PHONY: bench
bench: ## Measure: one JSON object a line, within 10 minutes (NAME=api for one group)
	@$(SETUP) --dev
	@exec $(BIN)/python -m benchmarks.run $(NAME)

.PHONY: chaos
chaos: ## Kill, freeze and cut everything while orders flow (SEEDS=n)
	@$(SETUP) --dev
	@exec $(BIN)/python manage.py chaos $(if $(SEEDS),--seeds $(SEEDS)) $(ARGS)

.PHONY: restore-drill
restore-drill: ## Back up the running exchange, restore it beside, prove journals, ledger and roots (FILE=backup directory)
	@$(SETUP)
	@exec $(BIN)/python manage.py restore_drill $(if $(FILE),--backup "$(FILE)")

##@ Build
.PHONY: setup
setup: ## Make .venv: pinned packages, the kernel in release mode, the tools of checks and tests
	@$(SETUP) --dev
SETUP = $(if $(PYTHON),$(PYTHON) tools/setup.py,{ echo "There is no Python on this machine; install Python 3.11." >&2; exit 1; })

.PHONY: kernel
kernel: setup ## Build the kernel anew if its sources have changed

.PHONY: lock
lock: ## Pin requirements.in and requirements-dev.in to exact versions and hashes
	@for name in requirements requirements-dev; do \
	  $(BIN)/uv pip compile --quiet --generate-hashes --universal --python-version 3.11 \
	    --custom-compile-command "make lock" $(ARGS) -o $$name.txt $$name.in; done

.PHONY: sbom
sbom: ## The bill of materials of what is run, as CycloneDX JSON: dist/exchange-os.cdx.json
	@$(SETUP) --dev
	@mkdir -p dist
	@exec $(BIN)/python tools/sbom.py --output dist/exchange-os.cdx.json

.PHONY: same-wheel
same-wheel: ## Build the kernel's wheel twice, in different places, and compare them bit for bit
	@$(SETUP) --dev
	@exec $(BIN)/python tools/same_wheel.py

.PHONY: clean
clean: ## Take away what was built; the data in .run stays
	@rm -rf .venv kernel/target .mypy_cache .ruff_cache .pytest_cache .hypothesis

.PHONY: help
help: ## This list
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} \
	  /^[a-z-]+:.*## / {printf "  make %-14s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

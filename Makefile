# Hostseal. `make demo` shows it; `make test` tests it; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 3

.PHONY: help demo test test-pkcs11 test-client torture serve lint format bench pins clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: .venv/server.stamp ## play the whole round trip against a real server on SQLite
	@$(BIN)/python examples/round_trip.py

test: .venv/dev.stamp ## run everything that this machine can run, and say what was skipped and why
	$(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not torture"

test-pkcs11: .venv/dev.stamp ## the tests of the server, with a signing key in SoftHSM 2
	HOSTSEAL_TEST_SIGNER=pkcs11 $(BIN)/pytest -n $(JOBS) --dist loadgroup -m "not torture" tests/server

test-client: .venv/dev.stamp ## the client's tests by another Python, as OTHER=python3.8 (click's own words differ there)
	HOSTSEAL_TEST_PYTHON=$$(command -v $(OTHER)) $(BIN)/pytest -n $(JOBS) -m "not torture" tests/cli

torture: .venv/dev.stamp ## the long campaigns: millions of mutations, kill loops
	$(BIN)/pytest -m torture --timeout 3600 -s

serve: .venv/server.stamp ## start a vendor's server to click through, in .vendor/
	@$(BIN)/python examples/try_server.py .vendor

lint: .venv/dev.stamp ## ruff, mypy, import contracts, shellcheck
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck -x .ci/run examples/darwin-platform/*.sh examples/darwin-platform/services/* examples/verifiers/verify.sh

format: .venv/dev.stamp ## let ruff arrange the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: .venv/dev.stamp ## measure speed and memory, as ratios within one run
	$(BIN)/python -m tests.bench

pins: ## choose and pin the present versions of everything (needs pip-tools)
	cd requirements && for set in build client server dev; do \
	  pip-compile --upgrade --quiet --generate-hashes --allow-unsafe --strip-extras \
	    --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	    --no-emit-trusted-host --output-file $$set.txt $$set.in || exit 1; \
	done

clean: ## remove what was made here
	rm -rf .venv .vendor .demo .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist

.venv/pip.stamp:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || \
	  { echo "Python 3.11 or later is needed: make PYTHON=python3.11 …" >&2; exit 1; }
	@$(PYTHON) -m venv .venv || \
	  { echo "venv is missing; on Debian: apt-get install python3-venv" >&2; exit 1; }
	@touch $@

.venv/server.stamp: .venv/pip.stamp requirements/build.txt requirements/server.txt pyproject.toml
	@echo "Installing the pinned packages into .venv (once; about a minute) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements/build.txt -r requirements/server.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-deps \
	  --no-build-isolation --editable .
	@touch $@

.venv/dev.stamp: .venv/server.stamp requirements/dev.txt requirements/plain.txt
	@echo "Installing the pinned tools for tests into .venv (once) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements/dev.txt
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --require-hashes --no-deps \
	  --upgrade --target .venv/plain -r requirements/plain.txt
	@touch $@

# Hostseal. `make demo` shows it; `make test` tests it; `make help` lists the rest.
PYTHON ?= python3
BIN := .venv/bin
JOBS ?= 3

.PHONY: help demo test test-pkcs11 test-client test-native torture serve lint format bench native native-c onefile image image-archive image-pins deb pythons pins release clean

help: ## list the targets
	@sed -n 's/^\([a-z0-9-]*\):.*## /\1\t/p' $(MAKEFILE_LIST) | expand -t 12

demo: .venv/server.stamp ## play the whole round trip against a real server on SQLite
	@$(BIN)/python examples/round_trip.py

test: .venv/dev.stamp ## run everything that this machine can run, and say what was skipped and why
	$(BIN)/pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder -m "not torture"

test-pkcs11: .venv/dev.stamp ## the tests of the server, with a signing key in SoftHSM 2
	HOSTSEAL_TEST_SIGNER=pkcs11 $(BIN)/pytest -n $(JOBS) --dist loadgroup --no-loadscope-reorder -m "not torture" tests/server

test-client: .venv/dev.stamp ## the client's tests by another Python, as OTHER=3.8
	HOSTSEAL_TEST_PYTHON=$(OTHER) $(BIN)/pytest -n $(JOBS) -m "not torture" tests/cli

torture: .venv/dev.stamp ## the long campaigns: millions of mutations, kill loops
	$(BIN)/pytest -m torture --timeout 3600 -s

serve: .venv/server.stamp ## start a vendor's server to click through, in .vendor/
	@$(BIN)/python examples/try_server.py .vendor

lint: .venv/dev.stamp ## ruff, mypy, import contracts, shellcheck, gofmt, go vet
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy
	$(BIN)/lint-imports
	$(BIN)/shellcheck -x .ci/run examples/darwin-platform/*.sh examples/darwin-platform/services/* examples/verifiers/verify.sh \
	  deploy/deb/license-server deploy/deb/server.p* deploy/systemd/task
	@command -v go >/dev/null || { echo "Go is missing, so native/ is not looked at" >&2; exit 0; }; \
	  cd native && test -z "$$(gofmt -l . | tee /dev/stderr)" && go vet ./...

format: .venv/dev.stamp ## let ruff arrange the code
	$(BIN)/ruff check --fix-only .
	$(BIN)/ruff format .

bench: .venv/dev.stamp ## measure speed and memory, as ratios within one run
	$(BIN)/python -m tests.bench

native: native/hostseal native/hostseal-arm64 ## build the client without Python, for x86-64 and arm64 (needs Go)

native/hostseal native/hostseal-arm64: native/go.mod $(wildcard native/*.go native/*/*.go)
	@command -v go >/dev/null || { echo "Go is missing; on Debian: apt-get install golang-go" >&2; exit 1; }
	cd native && CGO_ENABLED=0 GOOS=linux GOARCH=$(if $(findstring arm64,$@),arm64,amd64) \
	  go build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" -o $(notdir $@) .

onefile: .venv/dev.stamp ## pack the client into dist/hostseal.pyz, which any Python from 3.8 on runs
	@$(BIN)/python -m tests.support.onefile dist/hostseal.pyz

image: .venv/dev.stamp ## build the images of server and client, the same bytes each time: deploy/image/README.md
	@$(BIN)/python -m deploy.image.build image $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE)) $(if $(BASE),--base $(BASE))

image-archive: image ## write both to dist/ for machines without network, signed: KEY=release.key.pem
	@$(BIN)/python -m deploy.image.build archive --key $(or $(KEY),$(error name the key that signs: make image-archive KEY=release.key.pem)) $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE))

image-pins: .venv/dev.stamp ## pin the present versions of Debian's packages in the images
	@$(BIN)/python -m deploy.image.build pins

deb: .venv/dev.stamp ## build the packages for Debian 12 into dist/: deploy/deb/README.md
	@$(BIN)/python -m deploy.deb.build $(if $(ARCHITECTURE),--architecture $(ARCHITECTURE))

test-native: .venv/dev.stamp native/hostseal native/hostseal-edges ## the client's tests against the one without Python; lists those that name a thing of Python's
	HOSTSEAL_CLI=native/hostseal $(BIN)/pytest -n $(JOBS) -m "not torture" tests/cli

# The same client, except that its clock and its folders are what a test says.
native/hostseal-edges: native/go.mod $(wildcard native/*.go native/*/*.go)
	cd native && CGO_ENABLED=0 go build -trimpath -buildvcs=false -tags edges -o $(notdir $@) .

native-c: native/libhostseal.a native/libhostseal.so ## build the library for C and C++ (needs Go and gcc)

native/libhostseal.a native/libhostseal.so: native/go.mod $(wildcard native/*/*.go native/c/*.[ch])
	@for tool in go gcc; do command -v $$tool >/dev/null || \
	  { echo "$$tool is missing; on Debian: apt-get install golang-go gcc" >&2; exit 1; }; done
	cd native && CGO_ENABLED=1 go build -trimpath -buildvcs=false -ldflags "-s -w -buildid=" \
	  -buildmode=c-$(if $(findstring .so,$@),shared,archive) -o $(notdir $@) ./c
	@rm -f native/libhostseal.h  # what cgo writes; native/c/hostseal.h is for people

pythons: ## fetch Python 3.14, of Debian's next release, into .cache for the tests
	@$(PYTHON) -m tests.support.made_pythons

pins: .venv/dev.stamp .cache/tools/pip.stamp ## choose and pin the present versions of everything; requirements/CHANGES.md says what changed
	cd requirements && for set in tools build client server dev; do \
	  ../.cache/tools/bin/pip-compile --upgrade --quiet --generate-hashes --allow-unsafe --strip-extras \
	    --no-annotate --no-header --no-emit-index-url --no-emit-find-links \
	    --no-emit-trusted-host --output-file $$set.txt $$set.in || exit 1; \
	done
	@$(BIN)/python -m tests.support.pins

.cache/tools/pip.stamp: requirements/tools.txt
	@$(PYTHON) -m venv .cache/tools
	@.cache/tools/bin/python -m pip install --quiet --disable-pip-version-check --require-hashes \
	  -r requirements/tools.txt
	@touch $@

release: .venv/dev.stamp ## build sdist, wheel, bills of materials, checksums and signature of this commit into dist/release (KEY=…)
	@test -n "$(KEY)" || { echo "Name the release key: make release KEY=release.key.pem (license-server root create release.key.pem makes one)" >&2; exit 1; }
	@$(BIN)/python -m tests.support.release dist/release "$(KEY)"

clean: ## remove what was made here
	rm -rf .venv .vendor .demo .mypy_cache .ruff_cache .import_linter_cache .hypothesis dist native/hostseal native/hostseal-arm64 \
	  native/hostseal-edges native/libhostseal.*

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

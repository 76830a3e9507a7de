# Targets for people who work on Tally; `make help` lists them.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.PHONY: help base lake dev run test test-fast test-clocks test-faults fuzz docs docs-reference docs-bad-input docs-clients docs-hostile-bodies docs-permissions docs-coverage charts lint format types migrations migrations-check deploy-check check bench bench-db screenshots proto lock clean

help: ## Show this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

# If PYTHON is given, .venv must have that one; the default python3 only creates it.
INSTALL = $(PYTHON) requirements/install.py $(if $(filter file,$(origin PYTHON)),,--this-python)
base: ## Install what Tally needs into .venv
	@$(INSTALL) base

lake: ## Install what exports to Parquet need on top
	@$(INSTALL) lake

dev: ## Install what tests and checks need on top
	@$(INSTALL) dev

run: base ## Run all of Tally on this machine (TALLY_DATA, HOST, PORT)
	@exec $(BIN)/python -m telemetry_project.stack

test: dev ## Run the tests (ARGS="-k name" selects some, CLOCK="2025-12-31 23:55" sets the time in UTC)
	@.ci/install-machine
	@$(BIN)/python -m $(if $(CLOCK),tests.clock "$(CLOCK)") $(if $(ARGS),pytest $(ARGS),tests)

test-fast: dev ## Run only the tests that need no server
	@$(BIN)/python -m pytest --fast -q -n auto --dist loadfile $(ARGS)

test-clocks: dev ## Run the tests at awkward times of day and year, and on a busy machine
	@$(BIN)/python -m tests.clock

test-faults: dev ## Break the stack at random (FAULT_SECONDS=600, FAULT_SEED to repeat a run)
	@FAULT_SECONDS="$(FAULT_SECONDS)" FAULT_SEED="$(FAULT_SEED)" $(BIN)/python -m tests.faults

fuzz: dev ## Send what nobody should (FUZZ_SECONDS=600, FUZZ_SEED to repeat)
	@FUZZ_SECONDS="$(or $(FUZZ_SECONDS),600)" FUZZ_SEED="$(FUZZ_SEED)" $(BIN)/python -m pytest -q tests/bad_input/long_fuzz.py

docs: base ## Build the documentation, which fails on broken links
	@$(BIN)/python -m telemetry_project.documentation --strict

docs-reference: dev ## Renew the generated pages: formats, errors, rollups, settings, commands, API, schema
	@$(BIN)/python manage.py document_formats
	@$(BIN)/python manage.py document_rollups
	@WRITE_DOCS=1 $(BIN)/python -m pytest -q tests/documentation/test_generated.py

docs-bad-input: dev ## Make docs/reference/bad-input.md from what each case gets
	@WRITE_DOCS=1 $(BIN)/python -m pytest -q tests/bad_input/test_table.py -k page

docs-clients: dev ## Make docs/reference/clients.md from what the real clients send
	@WRITE_DOCS=1 $(BIN)/python -m pytest -q tests/clients/test_clients_page.py -k up_to_date

docs-hostile-bodies: dev ## Make docs/reference/hostile-bodies.md from what each body costs
	@WRITE_DOCS=1 $(BIN)/python -m pytest -q tests/attack/test_hostile_bodies.py -k page

docs-permissions: dev ## Make docs/reference/permissions.md from what everybody gets
	@WRITE_DOCS=1 $(BIN)/python -m pytest -q tests/security/test_walk.py -k permissions

docs-coverage: dev ## Make docs/reference/coverage.md from where each field is found
	@WRITE_DOCS=1 $(BIN)/python -m pytest -q tests/documentation/test_coverage.py

lint: dev ## Check style and who imports whom
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports

format: dev ## Put the code into its form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

types: dev ## Check the types
	@$(BIN)/mypy

migrations: base ## Write the migrations that the models ask for
	@$(BIN)/python manage.py makemigrations $(ARGS)

migrations-check: dev ## Fail where a model has no migration
	@$(BIN)/python manage.py makemigrations --check --dry-run

# Settings of a machine on the internet, with values only for this check.
deploy-check: dev ## Check the settings as production has them
	@SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
		HTTPS=1 ALLOWED_HOSTS=tally.example BASE_URL=https://tally.example \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

check: ## Run all that CI runs
	@.ci/run

bench: dev ## Measure (ARGS chooses what)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-db: dev ## Fill a database with N events for benchmarks; it is kept
	@$(BIN)/python -m benchmarks fill --events $(or $(N),1000000)

screenshots: dev ## Take pictures of the pages (ONLY=part,part chooses by name)
	@.ci/install-machine
	@$(BIN)/python -m tests.browser.screenshots

proto: ## Make buildless_pb2.py from its .proto
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(PYTHON) -m venv "$$folder" && "$$folder/bin/pip" install --quiet grpcio-tools && \
	cd ingestion/dialects && "$$folder/bin/python" -m grpc_tools.protoc -I. --python_out=. buildless.proto

# The chart library from npm. Nothing is written unless the archive has this hash.
ECHARTS := 6.1.0
ECHARTS_SHA512 := q0yaFPggC9FUdsWH4blavRWFmxdrIodbkoKNAjJudAI6CA9gNPxHtV2RcZNEepZVlk4yvBYkOkbk6HIVpIyHZA==
VENDOR := reports/static/reports/vendor
charts: ## Fetch the charts' library anew from npm, and check its hash
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	npm pack --silent --pack-destination "$$folder" "echarts@$(ECHARTS)" >/dev/null && \
	test "$$(openssl dgst -sha512 -binary "$$folder"/echarts-*.tgz | base64 -w0)" = "$(ECHARTS_SHA512)" && \
	tar -xzf "$$folder"/echarts-*.tgz -C "$$folder" && \
	cp "$$folder/package/dist/echarts.common.min.js" $(VENDOR)/echarts.common.min.js && \
	{ printf 'Apache ECharts %s: dist/echarts.common.min.js of the npm package echarts, unchanged.\n\n' "$(ECHARTS)"; \
		cat "$$folder/package/NOTICE"; printf '\n\n'; cat "$$folder/package/LICENSE"; printf '\n'; \
		cat "$$folder/package/licenses/LICENSE-d3"; } > $(VENDOR)/echarts.LICENSE.txt

# Pins don't change unless ARGS says so. dev.txt has the same pins as uv.txt and base.txt.
COMPILE := $(BIN)/uv pip compile --quiet --universal --python-version 3.11 --generate-hashes --no-strip-extras \
	--no-emit-index-url --no-annotate --custom-compile-command "make lock" --output-file
lock: dev ## Lock the dependencies again (ARGS=--upgrade for newer versions)
	@$(COMPILE) requirements/uv.txt requirements/uv.in $(ARGS)
	@$(COMPILE) requirements/base.txt requirements/base.in $(ARGS)
	@$(COMPILE) requirements/lake.txt requirements/lake.in -c requirements/base.txt $(ARGS)
	@$(COMPILE) requirements/dev.txt requirements/dev.in -c requirements/lake.txt -c requirements/uv.txt $(ARGS)

clean: ## Remove caches and the environment; data in var/ stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	@find . -name __pycache__ -not -path './var/*' -prune -exec rm -rf {} +

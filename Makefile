# What a person does with this checkout: `make help` lists it.
PYTHON ?= python3
BIN := .venv/bin
ARGS ?=
.DEFAULT_GOAL := help
MAKEFLAGS += --no-print-directory

.PHONY: help run test test-faults fuzz docs-bad-input docs-permissions charts lint format types migrations migrations-check deploy-check check bench bench-db screenshots proto lock clean

help: ## Show this list
	@sed -nE 's/^([a-z-]+):[^#]*## (.*)/make \1\t\2/p' $(MAKEFILE_LIST) | expand -t 20

run: .venv/base.stamp ## Run all of Tally on this machine (TALLY_DATA, HOST, PORT)
	@exec $(BIN)/python -m telemetry_project.stack

test: .venv/dev.stamp ## Run the tests (ARGS="-k name" chooses)
	@.ci/install-machine
	@$(BIN)/python -m $(if $(ARGS),pytest $(ARGS),tests)

test-faults: .venv/dev.stamp ## Break the stack at random (FAULT_SECONDS=600, FAULT_SEED to repeat)
	@FAULT_SECONDS="$(FAULT_SECONDS)" FAULT_SEED="$(FAULT_SEED)" $(BIN)/python -m tests.faults

fuzz: .venv/dev.stamp ## Send what nobody should (FUZZ_SECONDS=600, FUZZ_SEED to repeat)
	@FUZZ_SECONDS="$(or $(FUZZ_SECONDS),600)" FUZZ_SEED="$(FUZZ_SEED)" $(BIN)/python -m pytest -q tests/bad_input/long_fuzz.py

docs-bad-input: .venv/dev.stamp ## Make docs/reference/bad-input.md from what each case gets
	@WRITE_DOCS=1 $(BIN)/python -m pytest -q tests/bad_input/test_table.py -k page

docs-permissions: .venv/dev.stamp ## Make docs/reference/permissions.md from what everybody gets
	@WRITE_DOCS=1 $(BIN)/python -m pytest -q tests/security/test_walk.py -k permissions

lint: .venv/dev.stamp ## Check style and who imports whom
	@$(BIN)/ruff check
	@$(BIN)/ruff format --check
	@$(BIN)/lint-imports

format: .venv/dev.stamp ## Put the code into its form
	@$(BIN)/ruff check --fix
	@$(BIN)/ruff format

types: .venv/dev.stamp ## Check the types
	@$(BIN)/mypy

migrations: .venv/base.stamp ## Write the migrations that the models ask for
	@$(BIN)/python manage.py makemigrations $(ARGS)

migrations-check: .venv/dev.stamp ## Fail where a model has no migration
	@$(BIN)/python manage.py makemigrations --check --dry-run

# The settings of a machine on the internet, with values that only this check sees.
deploy-check: .venv/dev.stamp ## Check the settings as production has them
	@SECRET_KEY=$$($(BIN)/python -c 'import secrets; print(secrets.token_urlsafe(64))') \
		HTTPS=1 ALLOWED_HOSTS=tally.example BASE_URL=https://tally.example \
		$(BIN)/python manage.py check --deploy --fail-level WARNING

check: ## Run all that CI runs
	@.ci/run

bench: .venv/dev.stamp ## Measure (ARGS chooses what)
	@$(BIN)/python -m benchmarks $(ARGS)

bench-db: .venv/dev.stamp ## Fill a database with N events for benchmarks; it is kept
	@$(BIN)/python -m benchmarks fill --events $(or $(N),1000000)

screenshots: .venv/dev.stamp ## Take pictures of the pages (ONLY=name chooses)
	@.ci/install-machine
	@$(BIN)/python -m tests.browser.screenshots

proto: ## Make buildless_pb2.py from its .proto
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(PYTHON) -m venv "$$folder" && "$$folder/bin/pip" install --quiet grpcio-tools && \
	cd ingestion/dialects && "$$folder/bin/python" -m grpc_tools.protoc -I. --python_out=. buildless.proto

# The charts' library as npm has it: its archive is what package-lock.json would say, or nothing is written.
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

lock: ## Lock the dependencies anew (ARGS=--upgrade for newer versions)
	@folder=$$(mktemp -d) && trap 'rm -rf "$$folder"' EXIT && \
	$(PYTHON) -m venv "$$folder" && "$$folder/bin/pip" install --quiet uv && \
	for name in base dev; do \
		"$$folder/bin/uv" pip compile --quiet --universal --python-version 3.11 --generate-hashes \
			--no-emit-index-url --no-annotate --custom-compile-command "make lock" $(ARGS) \
			--output-file requirements/$$name.txt requirements/$$name.in || exit 1; \
	done

clean: ## Remove caches and the environment; data in var/ stays
	@rm -rf .venv .mypy_cache .ruff_cache .pytest_cache .hypothesis .import_linter_cache .coverage htmlcov
	@find . -name __pycache__ -not -path './var/*' -prune -exec rm -rf {} +

# requirements/dev.txt holds all of base.txt, so `make test` after `make run` only adds to the environment.
.venv/%.stamp: requirements/%.txt
	@$(PYTHON) -c 'import sys; sys.exit("Tally needs Python 3.11 or newer: make PYTHON=python3.12" if sys.version_info < (3, 11) else 0)'
	@echo "Installing requirements/$*.txt into .venv"
	@$(PYTHON) -m venv .venv
	@$(BIN)/pip install --quiet --disable-pip-version-check --require-hashes -r $<
	@touch $@

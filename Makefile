# Two commands do everything: `make demo` and `make test`. Python 3.11 is all that must be there.

PYTHON ?= python3.11
BIN := .venv/bin
READY := .venv/ready
ONLY ?=
TESTS ?=

# Where it is set, each of the house's processes compiles all its modules anew: seconds a start.
unexport PYTHONDONTWRITEBYTECODE

.PHONY: demo run test test-night check lint bench clean lock
.DEFAULT_GOAL := demo

$(READY): requirements-dev.lock
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --no-compile --no-deps --require-hashes -r requirements-dev.lock
	@touch $@

demo: $(READY)  ## Set up, run the main job, then serve (SERVE=0: end after it; SEED, CLIENTS, DAYS)
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python -m config.demo

run: $(READY)  ## Serve: API and admin, worker, beat, desk
	@$(BIN)/python manage.py migrate --verbosity 0
	@$(BIN)/python -m config.run

test: $(READY)  ## The tests (TESTS="tests/ledger tests/tax": some of them)
	@$(BIN)/python -m pytest --numprocesses 2 -m "not night" $(TESTS)

test-night: $(READY)  ## The long tier of the tests
	@$(BIN)/python -m pytest --numprocesses 2 -m night $(TESTS)

lint: $(READY)  ## All of `check` but the tests
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy .
	$(BIN)/lint-imports
	$(BIN)/python manage.py makemigrations --check --dry-run
	$(BIN)/python manage.py spectacular --validate --fail-on-warn --file /dev/null
	$(BIN)/check-jsonschema --builtin-schema vendor.compose-spec docker-compose.yml

check: lint test  ## The one list

bench: $(READY)  ## Speed, as ratios of limits measured in the same run (ONLY=ledger: a part)
	@$(BIN)/python -m tests.bench $(if $(ONLY),--only $(ONLY))

clean:  ## Stop what was started and leave nothing
	@! test -e .perimeter || $(MAKE) --no-print-directory $(READY)
	@! test -e .perimeter || $(BIN)/python -m config.embedded clean
	@rm -rf .venv .perimeter .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis staticfiles
	@find . -name __pycache__ -type d -prune -exec rm -rf {} +

lock: $(READY)  ## Resolve pyproject.toml into the two lock files
	$(BIN)/uv pip compile pyproject.toml $(LOCK) --output-file requirements.lock
	$(BIN)/uv pip compile pyproject.toml --extra dev $(LOCK) --output-file requirements-dev.lock

LOCK := --quiet --generate-hashes --python-version 3.11 --no-header --no-annotate \
	--no-emit-index-url --no-emit-find-links

# make study              the default study (config.yaml)      make study STUDY=smoke    a small one, in minutes
# make test               all tests, the smoke study included  make lint                 style of code and workflow
# make benchmark          speed of homogenization beside other solvers (docs/benchmarks.md)
# make wheel              dist/trussmap-….whl, for `pip install` elsewhere, without the study
# make docs               README.md and docs/ from their templates and docs/results/
PYTHON ?= python3
STUDY ?= laptop
CORES ?= all
BIN := .venv/bin
ENVIRONMENT := .venv/.complete

.PHONY: wheel help environment study test benchmark docs lint format lock

help:
	@head -n 5 Makefile | cut -c3-

study: $(ENVIRONMENT)
	$(BIN)/snakemake --cores $(CORES) --config study=$(STUDY)

test: $(ENVIRONMENT)
	$(BIN)/python -m pytest

# A general finite-element package to compare with lies beside the environment; where it cannot be had, it is left out.
benchmark: $(ENVIRONMENT)
	@test -d build/benchmark || $(BIN)/python -m pip install --quiet --target build/benchmark openseespy==3.7.1.2 || true
	PYTHONPATH=build/benchmark $(BIN)/python benchmarks/homogenization.py

# Of a study that is finished: make docs TAKE=results/laptop
docs: $(ENVIRONMENT)
	$(BIN)/python docs/generate.py $(if $(TAKE),--take $(TAKE))

lint: $(ENVIRONMENT)
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

format: $(ENVIRONMENT)
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

environment: $(ENVIRONMENT)

# dist/trussmap-….whl, the library with its networks, without the study: pip install it anywhere.
wheel: $(ENVIRONMENT)
	rm -rf build/lib
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# The newest versions that pyproject.toml allows, pinned.
lock:
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet '.[study,dev]' 'setuptools>=77'
	.venv-lock/bin/python envs/lock.py > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf .venv-lock

# The environment is made anew when the lock (or the package's own metadata) changes, and only then.
$(ENVIRONMENT): requirements.lock pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
	  echo "trussmap needs Python 3.11 or newer, and '$(PYTHON)' is not: name one, as in 'make PYTHON=python3.12 $(MAKECMDGOALS)'." >&2; exit 1; }
	$(PYTHON) -m venv --clear .venv
	$(BIN)/python -m pip install --quiet --requirement requirements.lock
	$(BIN)/python -m pip install --quiet --no-deps --no-build-isolation --editable .
	@touch $@

# The same versions as requires-python in pyproject.toml.
SUPPORTED := (3, 11) <= sys.version_info < (3, 14)
# The first Python of a supported version, unless one is named: make study PYTHON=python3.12
PYTHON ?= $(or $(shell for python in python3 python3.13 python3.12 python3.11; do \
  "$$python" -c 'import sys; sys.exit(not $(SUPPORTED))' 2>/dev/null && echo "$$python" && break; done),python3)
STUDY ?= laptop
STUDIES := laptop $(basename $(notdir $(wildcard studies/*.yaml)))
CORES ?= all
BIN := .venv/bin

.PHONY: help study test test-all coverage pages docs wheel benchmark lint types format environment lock

help: ## what can be made: this list
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' Makefile
	@echo "studies: $(STUDIES)"

study: known environment ## the default study, laptop; another one by make study STUDY=smoke
	$(BIN)/snakemake --cores $(CORES) --config study=$(STUDY)

.PHONY: known
known: # before an environment is made for it
	@$(if $(filter $(STUDY),$(STUDIES)),:,echo "study '$(STUDY)': expected one of $(STUDIES)" >&2; exit 2)

# Three processes on two cores: some tests wait, as for the smoke study or a cluster.
PYTEST := $(BIN)/python -m pytest -n 3 --dist loadfile --no-loadscope-reorder

test: environment ## the library's tests with one smoke study, within five minutes on two cores
	$(PYTEST) -m "not slow"

test-all: environment ## all tests: cluster, site, package and further runs of studies as well
	$(PYTEST)

coverage: environment ## share of the library's lines that `make test` runs
	$(PYTEST) -m "not slow" --cov --cov-report=term:skip-covered

# A general finite-element package to compare with lies beside the environment; where it cannot be had, it is left out.
benchmark: environment ## speed of homogenization beside other solvers (docs/benchmarks.md)
	@test -d build/benchmark || $(BIN)/python -m pip install --quiet --target build/benchmark openseespy==3.7.1.2 || true
	PYTHONPATH=build/benchmark $(BIN)/python benchmarks/homogenization.py

# Of a study that is finished: make pages TAKE=results/laptop
pages: environment ## README.md and docs/ from their templates and docs/results/
	$(BIN)/python docs/generate.py $(if $(TAKE),--take $(TAKE))

docs: pages ## the documentation, build/site/index.html, with its examples run
	PATH="$(CURDIR)/$(BIN):$$PATH" $(BIN)/python docs/website.py

lint: environment ## style of code and workflow
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

types: environment ## types of the library
	$(BIN)/python -m mypy

format: environment ## bring code and workflow into style
	$(BIN)/ruff check --fix .
	$(BIN)/ruff format .
	$(BIN)/snakefmt Snakefile workflow

# dist/trussmap-….whl, the library with its networks, without the study: pip install it anywhere.
wheel: environment ## dist/trussmap-….whl, for pip install elsewhere, without the study
	rm -rf build/lib
	$(BIN)/python -m pip wheel --quiet --no-deps --no-build-isolation --wheel-dir dist .

# The newest versions that pyproject.toml allows, pinned.
lock: ## requirements.lock anew: the newest versions that pyproject.toml allows
	$(PYTHON) -m venv --clear .venv-lock
	.venv-lock/bin/python -m pip install --quiet '.[study,cluster,dev]' 'setuptools>=77'
	.venv-lock/bin/python envs/lock.py > requirements.lock.new
	mv requirements.lock.new requirements.lock
	rm -rf .venv-lock

# Its name is a digest of what it is made from: contents count, not times. A new one is built beside
# the old one, which stays in use until the new one is complete.
environment: ## the environment .venv from requirements.lock, which all others make first
	@$(PYTHON) -c 'import sys; sys.exit(not $(SUPPORTED))' || { \
	  echo "trussmap needs Python 3.11, 3.12 or 3.13, and '$(PYTHON)' is none of them: name one, as in 'make PYTHON=python3.12 $(MAKECMDGOALS)'." >&2; exit 1; }
	@digest=$$(cat requirements.lock pyproject.toml | cksum | tr ' ' -); new=.environments/$$digest; \
	[ -e $$new/complete ] && [ "$$(readlink .venv)" = $$new ] || { \
	  echo "making the environment $$new" && \
	  $(PYTHON) -m venv --clear $$new && \
	  $$new/bin/python -m pip install --quiet --requirement requirements.lock && \
	  $$new/bin/python -m pip install --quiet --no-deps --no-build-isolation --editable . && \
	  touch $$new/complete && rm -rf .venv && ln -s $$new .venv && \
	  find .environments -mindepth 1 -maxdepth 1 ! -name $$digest -exec rm -rf {} +; } || { \
	  rm -rf $$new; \
	  [ ! -e .venv ] || echo "the environment could not be made anew; .venv is still the one before" >&2; exit 1; }

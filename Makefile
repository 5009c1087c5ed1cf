# Needs Python 3.11 or later with pip, and make; nothing else. `make help` lists the targets.

PYTHON ?= python3
VENV ?= .venv
WORKERS ?= 2
PYTHONS ?= python3.11 python3.12 python3.13

python := $(VENV)/bin/python
pytest = $(python) -m pytest --no-header -n $(WORKERS) --dist worksteal
pip := $(python) -m pip --disable-pip-version-check install --quiet

.PHONY: help demo test test-all check docs bench bench-quick nightly lock clean
.DEFAULT_GOAL := help

help: ## list the targets
	@awk -F ':.*## ' '/^[a-z-]+:.*## / { printf "make %-12s %s\n", $$1, $$2 }' $(MAKEFILE_LIST)

demo: $(VENV)/.test ## train a network on the handwritten digits that come with the package, into build/demo
	$(VENV)/bin/backgraph train --hidden 64 --epochs 30 --seed 0 --out build/demo --overwrite

test: $(VENV)/.test ## the fast tests
	BACKGRAPH_PROFILE=fast $(pytest) -m "not slow and not nightly and not oracle"

test-all: $(VENV)/.oracle ## all tests but the nightly ones, also against JAX, Optax and scikit-learn
	BACKGRAPH_PROFILE=full $(pytest) -m "not nightly"

check: $(VENV)/.check ## style, types, and the direction of imports
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/basedpyright --pythonpath $(python)
	$(python) -m pytest --no-header tests/test_imports_point_down.py

docs: $(VENV)/.test ## run the programs and commands in the documents, and check what the documents name
	BACKGRAPH_PROFILE=fast $(pytest) tests/docs
	$(python) -m scripts.reference --check

nightly: ## everything with long random searches, on each Python of PYTHONS that is here
	@set -e; found=; for each in $(PYTHONS); do \
	    "$$each" -c pass >/dev/null 2>&1 || { echo "$$each is not here"; continue; }; \
	    found=yes; $(MAKE) one-night PYTHON="$$each" VENV=".venv-$$each"; \
	done; test -n "$$found"

.PHONY: one-night
one-night: $(VENV)/.oracle
	BACKGRAPH_PROFILE=nightly $(pytest)
	mkdir -p build && $(python) -m benchmarks.linear build/linear.svg

bench: $(VENV)/.oracle ## times of training steps, predictions and a run from the shell against peers that are installed; writes docs/benchmarks.md
	$(python) -m benchmarks.step --write docs/benchmarks.md
	$(python) -m benchmarks.step --threads 1 --rows 10,11,12,13,14,15 --write docs/benchmarks.md
	$(python) -m benchmarks.step --isa avx2 --rows 10,11,12,13,14,15 --write docs/benchmarks.md
	$(python) -m benchmarks.predict --write docs/benchmarks.md
	$(python) -m benchmarks.from_shell --write docs/benchmarks.md

bench-quick: $(VENV)/.oracle ## some of these times in less than 3 minutes; writes nothing
	$(python) -m benchmarks.step --rows 1,2,3,4,5,6,8,10,13,15 --turns 3 --peers "jax scan,jax jit"
	$(python) -m benchmarks.predict --turns 3 --rows [1,3]
	$(python) -m benchmarks.from_shell --turns 3

lock: ## write requirements/*.lock from pyproject.toml; LOCK=--upgrade takes the newest versions
	PYTHON=$(PYTHON) scripts/lock $(LOCK)

clean: ## remove what the other targets made
	rm -rf .venv .venv-* build .hypothesis .pytest_cache .ruff_cache
	find src tests scripts -name __pycache__ -type d -prune -exec rm -rf {} +

# The environment. A stamp file says which lock is installed, so that a second run has nothing to do.

$(VENV)/.venv:
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11) and "backgraph needs Python 3.11 or later; try: make PYTHON=python3.12")'
	$(PYTHON) -m venv --clear $(VENV)
	@touch $@

$(VENV)/.test: $(VENV)/.venv requirements/test.lock pyproject.toml
	$(pip) --require-hashes -r requirements/test.lock
	$(pip) --no-deps --no-build-isolation --editable .
	@touch $@

$(VENV)/.check: $(VENV)/.test requirements/check.lock
	$(pip) --require-hashes -r requirements/check.lock
	@touch $@

$(VENV)/.oracle: $(VENV)/.test requirements/oracle.lock
	$(pip) --require-hashes -r requirements/oracle.lock
	@touch $@

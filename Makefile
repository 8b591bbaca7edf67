# Every target sets up what it needs: `make demo` and `make test` work on a machine with only
# Python (3.11 or later), pip and make.

PYTHON ?= python3
VENV   := .venv
RUN    := $(VENV)/bin/python
WORKERS ?= $(shell nproc 2>/dev/null || echo 2)
export JAX_PLATFORMS ?= cpu

# Of the benchmarks: `make bench OPTIONS="--quick --only dispatch"`.
OPTIONS ?=

# The newest Python that is there, for a second run of the tests on the newest JAX.
NEWEST ?= $(shell for p in python3.13 $$HOME/.pyenv/versions/3.13*/bin/python3.13; do \
	$$p -c '' 2>/dev/null && { echo $$p; break; }; done)
SECOND := .venv-newest

.PHONY: demo test tests tests-newest lint types docs bench bench-newest clean

demo: $(VENV)/.with-examples
	$(RUN) examples/logistic_regression.py
	$(RUN) examples/digits.py
	$(RUN) examples/coba.py
	$(RUN) examples/hodgkin_huxley.py

test: lint types tests tests-newest docs

tests: $(VENV)/.with-test $(VENV)/.with-examples
	$(RUN) -m pytest -n $(WORKERS)

tests-newest:
ifeq ($(NEWEST),)
	@echo "*** SKIPPED: no Python 3.13 on this machine; the tests ran on $$($(PYTHON) -V) only ***"
else
	@$(MAKE) --no-print-directory VENV=$(SECOND) PYTHON=$(NEWEST) tests
endif

lint: $(VENV)/.with-lint
	$(VENV)/bin/ruff check .
	$(VENV)/bin/ruff format --check .
	$(VENV)/bin/lint-imports --no-cache

types: $(VENV)/.with-types
	$(VENV)/bin/mypy

docs: $(VENV)/.with-docs
	$(RUN) -m sphinx -W --keep-going -q -b html docs docs/_build/html
	@echo "docs/_build/html/index.html"

bench: $(VENV)/.with-bench
	PYTHONPATH=examples $(RUN) benchmarks $(OPTIONS)

bench-newest:
ifeq ($(NEWEST),)
	@echo "*** SKIPPED: no Python 3.13 on this machine ***"
else
	@$(MAKE) --no-print-directory VENV=$(SECOND) PYTHON=$(NEWEST) \
		OPTIONS="$(OPTIONS) --page performance_newest" bench
endif

$(VENV)/.with-%: pyproject.toml
	@test -x $(RUN) || $(PYTHON) -m venv $(VENV)
	$(RUN) -m pip install --quiet --disable-pip-version-check --editable '.[$*]'
	@touch $@

clean:
	rm -rf $(VENV) $(SECOND) docs/_build examples/output .pytest_cache .mypy_cache .ruff_cache .hypothesis

# `make demo` and `make test` need Python >= 3.11 with venv, and nothing else. Everything goes into .venv.

PYTHON ?= python3
VENV := .venv
BIN := $(VENV)/bin

.PHONY: demo test test-slow bench lint clean

demo: $(VENV)/installed
	@$(BIN)/python -P -m ctaclient.sandbox.demo README.md docs

test: $(VENV)/tested
	@$(call run_tests,not slow)

# What takes minutes: faults at every point, many processes at once.
test-slow: $(VENV)/tested
	@$(call run_tests,slow)

# Two to five minutes on a quiet machine; `make bench REFRESHES=10000` takes longer.
REFRESHES ?= 3000
bench: $(VENV)/tested
	@$(BIN)/python -P -m tests.bench --refreshes $(REFRESHES)

lint: $(VENV)/linted
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/mypy
	$(BIN)/lint-imports

clean:
	rm -rf $(VENV) dist .pytest_cache .mypy_cache .ruff_cache .hypothesis .import_linter_cache

# The package itself is installed editable: a change in the checkout needs no new installation.
$(VENV)/installed: pyproject.toml
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "make: Python >= 3.11 is needed; type: make PYTHON=python3.12 $(MAKECMDGOALS)"; exit 1; }
	@$(PYTHON) -m venv $(VENV) || { rm -rf $(VENV); echo "make: 'python3 -m venv' does not work here; on Debian or Ubuntu type: sudo apt install python3-venv"; exit 1; }
	@echo "installing into $(VENV) …"
	@$(BIN)/python -m pip install --quiet --disable-pip-version-check --editable .
	@touch $@

# Dependency groups (PEP 735) need a pip of 2025; reading them here works with every pip.
$(VENV)/tested: $(VENV)/installed
	@$(call install_group,test)
	@touch $@

$(VENV)/linted: $(VENV)/tested
	@$(call install_group,lint)
	@touch $@

# Two workers for each core: most tests wait for processes of theirs.
define run_tests
place=$$(mktemp -d) && trap "rm -rf $$place" EXIT && workers=$$($(BIN)/python -c 'import os; print(2 * os.cpu_count())') && \
	$(BIN)/python -P -m pytest -n "$$workers" --dist worksteal -q -m "$(1)" --basetemp="$$place/tests"
endef

define install_group
$(BIN)/python -c 'import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["dependency-groups"]["$(1)"], sep="\n")' > $(VENV)/$(1).txt && \
	$(BIN)/python -m pip install --quiet --disable-pip-version-check --requirement $(VENV)/$(1).txt
endef

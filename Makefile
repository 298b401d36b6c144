# make lab     set up and open JupyterLab at the first lesson
# make test    set up and run the tests
# make teach   set up and open JupyterLab with nbgrader's tools for teachers, formgrader among them
# make bench   set up and measure how fast everything is, in about a quarter of an hour: docs/performance.md
# All do the set-up themselves; `make setup` is the set-up alone.
#
# On Linux, PyPI's torch brings gigabytes of CUDA libraries. Without a GPU, get the small CPU build instead:
#   make lab TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
# what the environment is made from: it is installed again when the contents of these files change, not when their dates do
RECIPE := pyproject.toml constraints.txt $(wildcard setup/*.py setup/jupyter/*/*)
STALE := $(shell test -x $(BIN)/python && cat $(RECIPE) | cmp -s - $(VENV)/.installed || echo yes)

.PHONY: setup environment lab teach test bench lint mutants notebooks release clean

setup: environment
	@$(BIN)/stabilitylab deliver

environment:
ifneq ($(STALE),)
	@test -w . || { \
		echo "Nothing can be installed here, because you may not write to $(CURDIR); make a clone of your own."; exit 1; }
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { \
		echo "Python 3.11 or later is needed; choose one with: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { \
		echo "Python's venv module is missing; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@if [ "$$(uname -s)" = Linux ] && [ -z "$(TORCH_INDEX)" ] && \
		! command -v nvidia-smi >/dev/null && [ ! -e $(VENV)/.installed ]; then \
		echo "No NVIDIA GPU found. If pip begins to fetch gigabytes of nvidia-* packages, stop it and run instead:"; \
		echo "    make $(or $(MAKECMDGOALS),setup) TORCH_INDEX=https://download.pytorch.org/whl/cpu"; \
	fi
	test -x $(BIN)/python || $(PYTHON) -m venv --clear $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check \
		$(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt -e '.[dev]'
	@$(BIN)/python setup/relocatable.py
	@mkdir -p $(VENV)/etc && cp -R setup/jupyter $(VENV)/etc
	@cat $(RECIPE) > $(VENV)/.installed
endif

lab: environment
	@exec $(BIN)/stabilitylab lab $(if $(LAB_OPTIONS),-- $(LAB_OPTIONS))

teach: environment
	@exec $(BIN)/stabilitylab lab --teach $(if $(LAB_OPTIONS),-- $(LAB_OPTIONS))

# one process a core, but no more than eight: a test file stays with one of them
test: setup
	@echo "The tests take about four minutes on two cores; what each dot stands for: pytest -v"
	$(BIN)/pytest -n logical --maxprocesses 8 --dist loadfile $(TEST_OPTIONS)

bench: setup
	$(BIN)/python -m benchmarks

lint: setup
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

mutants: setup
	$(BIN)/python -m tests.mutants $(if $(COUNT),--count $(COUNT)) $(if $(SEED),--seed $(SEED)) $(if $(ONLY),--only $(ONLY))

notebooks: setup
	$(BIN)/python -m stabilitylab.lessons.notebooks

release: setup
	$(BIN)/autograder release

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache *.egg-info

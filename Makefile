# make lab     set up and open JupyterLab at the first lesson
# make test    set up and run the tests
# Both do all set-up themselves; `make setup` is the set-up alone.
#
# On Linux, PyPI's torch brings gigabytes of CUDA libraries. Without a GPU, get the small CPU build instead:
#   make lab TORCH_INDEX=https://download.pytorch.org/whl/cpu

PYTHON ?= python3
TORCH_INDEX ?=
VENV := .venv
BIN := $(VENV)/bin
FIRST := notebooks/00_start_here.ipynb

.PHONY: setup lab test lint notebooks release clean

setup: $(VENV)/.installed
	@$(BIN)/stabilitylab copy-exercises

$(VENV)/.installed: pyproject.toml constraints.txt
	@$(PYTHON) -c 'import sys; sys.exit(sys.version_info < (3, 11))' || { echo "Python 3.11 or later is needed; choose one with: make setup PYTHON=python3.12"; exit 1; }
	@$(PYTHON) -c 'import venv, ensurepip' 2>/dev/null || { echo "Python's venv module is missing; on Debian or Ubuntu: apt install python3-venv"; exit 1; }
	@if [ "$$(uname -s)" = Linux ] && [ -z "$(TORCH_INDEX)" ] && ! command -v nvidia-smi >/dev/null && [ ! -e $(VENV)/.installed ]; then \
		echo "No NVIDIA GPU found. If pip begins to fetch gigabytes of nvidia-* packages, stop it and run instead:"; \
		echo "    make $(or $(MAKECMDGOALS),setup) TORCH_INDEX=https://download.pytorch.org/whl/cpu"; \
	fi
	test -x $(BIN)/python || $(PYTHON) -m venv $(VENV)
	$(BIN)/python -m pip install --quiet --disable-pip-version-check $(if $(TORCH_INDEX),--extra-index-url $(TORCH_INDEX)) -c constraints.txt -e '.[dev]'
	@mkdir -p $(VENV)/share/jupyter/lab/settings
	@echo '{"@jupyterlab/apputils-extension:notification": {"fetchNews": "false", "checkForUpdates": false}}' > $(VENV)/share/jupyter/lab/settings/overrides.json
	@touch $@

lab: setup
	@$(BIN)/jupyter lab --LabApp.default_url=/lab/tree/$(FIRST) $(if $(filter 0,$(shell id -u)),--allow-root) $(if $(or $(DISPLAY),$(WAYLAND_DISPLAY),$(filter Darwin,$(shell uname -s))),,--no-browser) $(LAB_OPTIONS)

test: setup
	$(BIN)/pytest

lint: setup
	$(BIN)/ruff check .
	$(BIN)/mypy

notebooks: setup
	$(BIN)/python -m stabilitylab.lessons.notebooks

release: setup
	$(BIN)/autograder release

clean:
	rm -rf $(VENV) .pytest_cache .mypy_cache .ruff_cache *.egg-info

# Every target first builds the virtual environment it needs in .venv; that happens once.
# PYTHON=/path/to/python chooses the interpreter.

CANDIDATES := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)
FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PIP := .venv/bin/python -m pip --quiet --disable-pip-version-check
NOX := .venv/bin/python -m nox --session

# A virtual environment holds absolute paths: one that was copied from elsewhere is built anew.
STALE := $(if $(shell grep -sF ' $(CURDIR)/.venv' .venv/pyvenv.cfg),,stale)

.PHONY: help demo test lint wheel clean stale
.NOTPARALLEL:

help:
	@echo 'make demo    train on Tiny Shakespeare for a minute, then let the model write'
	@echo 'make test    the tests and the examples in the docstrings'
	@echo 'make lint    ruff, mypy and the layers contract'
	@echo 'make wheel   build the wheel and try it in an empty environment'
	@echo 'make clean   remove what these made'

demo: .venv/.runtime
	@echo '== Training on Tiny Shakespeare for one minute; the model goes to demo.safetensors'
	.venv/bin/elman train --minutes 1 -o demo.safetensors
	@echo; echo '== What the model is'
	.venv/bin/elman info demo.safetensors
	@echo; echo '== What it writes'
	.venv/bin/elman sample demo.safetensors --length 300 --seed 1
	@echo; echo '== What it finds odd: bits for each line'
	printf '%s\n' 'But soft, what light through yonder window breaks?' \
		'It is the east, and Juliet is the sun.' 'Zqxj kvvw, pfft xgr!' \
		| .venv/bin/elman score demo.safetensors -
	@echo; echo '== Next'
	@echo '  .venv/bin/elman sample demo.safetensors --prime "ROMEO:" --temperature 0.7'
	@echo '  .venv/bin/elman train your.txt --minutes 3 -o model.safetensors'
	@echo '  .venv/bin/elman --help'

test: .venv/.dev
	.venv/bin/python -m pytest

lint: .venv/.dev
	$(NOX) lint types imports

wheel: .venv/.dev
	$(NOX) wheel

clean:
	rm -rf .venv .nox build dist .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f demo.safetensors demo.checkpoint.safetensors
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.runtime: pyproject.toml $(STALE)
	$(ENVIRONMENT)
	@echo 'Installing elman into .venv'
	@$(PIP) install -e .
	@touch $@

.venv/.dev: pyproject.toml $(STALE)
	$(ENVIRONMENT)
	@echo 'Installing elman and its development tools into .venv'
	@$(PIP) install -e '.[dev]'
	@touch .venv/.runtime $@

# A name on the path may be a shim with nothing behind it, so that each candidate is run.
define ENVIRONMENT
@if [ -n '$(STALE)' ] || ! .venv/bin/python -m pip --version >/dev/null 2>&1; then \
	for python in $(CANDIDATES); do \
		if $$python -c '$(FITS)' 2>/dev/null; then \
			echo "Building .venv with $$($$python --version)"; \
			exec $$python -m venv --clear .venv; \
		fi; \
	done; \
	echo 'elman needs Python 3.11 or newer with venv, and none of these is one: $(CANDIDATES).' \
		'Install one (Debian: python3-venv), or say: make $(MAKECMDGOALS) PYTHON=/path/to/python' >&2; \
	exit 1; \
fi
endef

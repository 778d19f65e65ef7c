# Every target first builds the virtual environment it needs in .venv; that happens once.
# PYTHON=/path/to/python chooses the interpreter.

CANDIDATES := $(or $(PYTHON),python3.13 python3.12 python3.11 python3)
FITS := import sys, venv, ensurepip; sys.exit(sys.version_info < (3, 11))
PIP := .venv/bin/python -m pip --quiet --disable-pip-version-check
NOX := .venv/bin/python -m nox --session

# A virtual environment holds absolute paths: one that was copied from elsewhere is built anew.
STALE := $(if $(shell grep -sF ' $(CURDIR)/.venv' .venv/pyvenv.cfg),,stale)

# Installing compiles native/, too. The tools for it stay in .venv and the objects in build/, not in a place that pip
# makes for each install, so that a change costs only what it touches.
NATIVE := $(shell find native -path native/tests -prune -o -type f -print)
INSTALL := .venv/bin/python -m pip --disable-pip-version-check install --no-build-isolation --progress-bar off
INSTALL_LOG := build/install.log
REQUIRED := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["build-system"]["requires"])
PROGRAMS := from scikit_build_core.build import get_requires_for_build_editable as needed; print(*needed())
DOCS := import tomllib; print(*tomllib.load(open("pyproject.toml", "rb"))["project"]["optional-dependencies"]["docs"])
WHY_NOT := from elman.engines.loading import why_not; print(why_not())

.PHONY: help demo test lint wheel docs native clean stale
.NOTPARALLEL:

help:
	@echo 'make demo    train on Tiny Shakespeare for a minute, then let the model write'
	@echo 'make test    the tests and the examples in the docstrings'
	@echo 'make lint    ruff, mypy and the layers contract'
	@echo 'make wheel   build the wheel and try it in an empty environment'
	@echo 'make docs    build the documentation in docs/_build/html'
	@echo 'make native  compile the engine in native/, and show how'
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

docs: .venv/.docs
	$(NOX) docs

native: .venv/.runtime
	$(INSTALL) --verbose --no-deps -e .
	.venv/bin/elman info
	@test -z "$$(.venv/bin/python -c '$(WHY_NOT)')"

clean:
	rm -rf .venv .nox build dist docs/_build .pytest_cache .mypy_cache .ruff_cache .import_linter_cache .hypothesis
	rm -f src/elman/_native*.so src/elman/_native*.pyd
	rm -f demo.safetensors demo.checkpoint.safetensors
	find . -name __pycache__ -prune -exec rm -rf {} +

.venv/.runtime: pyproject.toml $(NATIVE) $(STALE)
	$(ENVIRONMENT)
	@echo 'Installing elman into .venv; compiling its engine takes a while the first time'
	$(call EDITABLE,.)
	@touch $@

.venv/.dev: pyproject.toml $(NATIVE) $(STALE)
	$(ENVIRONMENT)
	@echo 'Installing elman and its development tools into .venv; compiling its engine takes a while the first time'
	$(call EDITABLE,.[dev])
	@touch .venv/.runtime $@

.venv/.docs: .venv/.dev
	@echo 'Installing what builds the documentation into .venv'
	@$(PIP) install $$(.venv/bin/python -c '$(DOCS)')
	@touch $@

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

define EDITABLE
@mkdir -p build; rm -f $(INSTALL_LOG)
@$(PIP) install $$(.venv/bin/python -c '$(REQUIRED)')
@programs=$$(.venv/bin/python -c '$(PROGRAMS)'); test -z "$$programs" || $(PIP) install $$programs
@$(INSTALL) --quiet --log $(INSTALL_LOG) -e '$(1)'
$(WARNING)
endef

# pip shows nothing of a build that it calls a success, and an install without the engine is one.
define WARNING
@why=$$(.venv/bin/python -c '$(WHY_NOT)'); test -z "$$why" || { \
	echo '############################################################################################'; \
	echo "NO COMPILED ENGINE: it is $$why"; \
	echo 'elman works, on NumPy alone, but slower. Of the build:'; \
	sed -n 's/^[^ ]* *//; /[Ee]rror/p' $(INSTALL_LOG) | head -n 5 | sed 's/^/    /'; \
	echo 'All of it is in $(INSTALL_LOG). With a C++17 compiler (Debian: g++): make native'; \
	echo '############################################################################################'; \
} >&2
endef

# Two commands on a fresh machine: `make demo` and `make test`. Both build the environment in .venv first.
PYTHON ?= python3
# EXTRAS=test,peers installs PyTorch and JAX too, and the tests that compare with them run instead of being skipped
EXTRAS ?= test
BIN := .venv/bin

.PHONY: help demo test lint check coverage bench mutants pictures clean

help: ## list these commands
	@awk -F ':.*## ' '/^[a-z]+:.*## / {printf "make %-10s %s\n", $$1, $$2}' $(MAKEFILE_LIST)

demo: .venv/demo-installed ## draw a graph, train a spiral and MNIST, and say where the pictures are
	$(BIN)/python -m demos.tour

test: .venv/test-installed ## run the tests
	$(BIN)/python -m pytest -n auto --dist worksteal

lint: .venv/test-installed ## ruff and mypy
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

check: test lint ## all that a change must pass: tests, linters, the README's code blocks, the demos
	$(BIN)/python tests/readme.py
	for demo in expression spiral mnist tour; do $(BIN)/python -m demos.$$demo --quick --out out/ci || exit 1; done

coverage: .venv/test-installed ## which lines and branches of autograd and nn the tests go through
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: .venv/test-installed ## measure the table and the curves of speeds, and write them into the README
	$(BIN)/python -m benchmarks --json benchmarks/results.json
	$(BIN)/python -m benchmarks.curves
	$(BIN)/python -m benchmarks.readme

mutants: .venv/test-installed ## put 320 faults into the code, one at a time: which does the suite notice? (40 minutes)
	$(BIN)/python tests/mutants.py

pictures: .venv/test-installed ## draw the README's pictures, as the demos do; the player's needs a chromium
	$(BIN)/python -m demos.tour --out out
	cp out/expression.svg out/spiral.png out/mnist.png docs/
	cp out/expression-backward.svg docs/backward.svg
	cp out/spiral-layers.svg docs/layers.svg
	$(BIN)/python tests/browser.py out/expression.html docs/player.png

clean: ## remove the environment and what was built
	rm -rf .venv out build *.egg-info

.venv/bin/python:
	@$(PYTHON) -c 'import sys; sys.exit("glassgrad needs Python 3.11 or newer, and $(PYTHON) is " + sys.version.split()[0] + "; try: make PYTHON=python3.12 $(MAKECMDGOALS)" if sys.version_info < (3, 11) else 0)'
	$(PYTHON) -m venv .venv

.venv/demo-installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[plots]"
	@touch $@

.venv/test-installed: .venv/bin/python pyproject.toml
	$(BIN)/python -m pip install --quiet --disable-pip-version-check -e ".[$(EXTRAS)]"
	@touch $@

# Two commands on a fresh machine: `make demo` and `make test`. Both build the environment in .venv first.
PYTHON ?= python3
# EXTRAS=test,peers installs PyTorch and JAX too, and the tests that compare with them run instead of being skipped
EXTRAS ?= test
BIN := .venv/bin

.PHONY: demo test coverage bench lint mutants pictures clean

demo: .venv/demo-installed
	$(BIN)/python -m demos.tour

test: .venv/test-installed
	$(BIN)/python -m pytest -n auto --dist worksteal

# which lines and branches of autograd and nn the suite goes through
coverage: .venv/test-installed
	$(BIN)/coverage erase
	$(BIN)/coverage run -m pytest -n auto
	$(BIN)/coverage combine --quiet
	$(BIN)/coverage report

bench: .venv/test-installed
	$(BIN)/python -m benchmarks --json benchmarks/results.json
	$(BIN)/python -m benchmarks.curves
	$(BIN)/python -m benchmarks.readme

lint: .venv/test-installed
	$(BIN)/ruff check .
	$(BIN)/ruff format --check .
	$(BIN)/mypy

# faults put into the code one at a time: the suite should notice nine of ten, and the others have a reason (40 minutes)
mutants: .venv/test-installed
	$(BIN)/python tests/mutants.py

# the README's pictures, as the demos draw them; the player's needs a chromium
pictures: .venv/test-installed
	$(BIN)/python -m demos.tour --out out
	cp out/expression.svg out/spiral.png out/mnist.png docs/
	cp out/expression-backward.svg docs/backward.svg
	cp out/spiral-layers.svg docs/layers.svg
	$(BIN)/python tests/browser.py out/expression.html docs/player.png

clean:
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

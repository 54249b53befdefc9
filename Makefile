# Two commands are all a newcomer needs: `make demo` and `make test`.
VENV := .venv
BIN := $(VENV)/bin
PYTHON ?= python3

.PHONY: demo test smoke slow check format wheel clean
.DELETE_ON_ERROR:

# Every install goes through constraints.txt; see the note in it.
$(VENV)/installed: pyproject.toml constraints.txt
	$(PYTHON) -m venv $(VENV)
	$(BIN)/pip install --quiet --constraint constraints.txt --editable '.[dev]'
	touch $@

demo: $(VENV)/installed
	rm -rf runs/digits
	$(BIN)/lithe fit digits --max-macs 2M --out runs/digits

test: check $(VENV)/installed
	$(BIN)/lint-imports
	$(BIN)/pytest -n auto --dist worksteal -m "not slow"

smoke: $(VENV)/installed
	$(BIN)/pytest -m smoke

slow: $(VENV)/installed
	$(BIN)/pytest -m slow

check: $(VENV)/installed
	$(BIN)/ruff format --check
	$(BIN)/ruff check
	$(BIN)/mypy

format: $(VENV)/installed
	$(BIN)/ruff format
	$(BIN)/ruff check --fix

wheel: $(VENV)/installed
	$(BIN)/python -m build

clean:
	rm -rf $(VENV) dist build .mypy_cache .ruff_cache .pytest_cache .hypothesis

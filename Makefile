# Two commands do everything: `make demo` and `make test`. Both install into .venv first.

PYTHON ?= python3.11
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test report lint science clean

demo: $(INSTALLED)
	@$(BIN)/python -m lethe.demo

test: $(INSTALLED) lint
	$(BIN)/pytest

# Three worlds and seeds that no tuning has seen; takes about 20 minutes.
science: $(INSTALLED)
	$(BIN)/pytest -m science

report: $(INSTALLED)
	$(BIN)/snakemake --report results/report.html

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

$(INSTALLED): requirements.lock pyproject.toml
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -r requirements.lock
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf results/[!R]* .snakemake

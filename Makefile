# Two commands do everything: `make demo` and `make test`. Both install into .venv first.

# 3.11 first: requirements.lock was made and tested with it (docs/installing.md).
FITS := import sys; sys.exit(not (3, 11) <= sys.version_info < (3, 14))
PYTHON ?= $(shell for python in python3.11 python3.12 python3.13 python3; do \
	$$python -c "$(FITS)" 2>/dev/null && echo $$python && break; done)
BIN := .venv/bin
INSTALLED := .venv/.installed

.PHONY: demo test test-site report lint config-docs science claims base bench site clean

demo: $(INSTALLED)
	@$(BIN)/python -m lethe.cli.demo

# One process a core, each with whole files of tests, in the order of tests/conftest.py.
test: $(INSTALLED) lint
	$(BIN)/pytest --numprocesses logical --maxprocesses 4 --dist loadfile --no-loadscope-reorder

# Five worlds and seeds that no tuning has seen; takes about 20 minutes.
science: $(INSTALLED)
	$(BIN)/pytest -m science

# What papers claim, over five seeds, and the table of docs/claims.md; resumes where it was interrupted.
SUBJECTS ?= core attacks lira npo_shares audit languages traces partial behaviour defences recipes requests lineage strategies mage cap asru pictures asru_pictures diffusion

claims: $(INSTALLED)
	for subject in $(SUBJECTS); do \
		$(BIN)/snakemake all claims_revision --cores all --configfile config/claims/$$subject.yaml || exit 1; \
	done
	$(BIN)/lethe claims --page docs/claims.md $(SUBJECTS:%=results/claims_%/tables/method_claims.csv)

# The base that the default run starts from, trained anew by its recipe (it took 64 minutes on one core).
# It resumes where it was interrupted.
RECIPE ?= tiny

base: $(INSTALLED)
	$(BIN)/snakemake results/recipes/$(RECIPE)/shipped/made.json --cores all
	cp results/recipes/$(RECIPE)/shipped/* bases/$(RECIPE)/

# Needs the checkpoints of `snakemake --configfile config/tofu_tiny.yaml`; docs/benchmarks.md.
TOFU ?= ../shared/data/tofu
RUNS := results/tofu_tiny/tiny
FULL := $(RUNS)/all/full/seed0/checkpoint
ASCENT := $(RUNS)/forget10/grad_ascent/seed0/epoch5

bench: $(INSTALLED)
	$(BIN)/python benchmarks/evaluation.py $(TOFU) $(FULL) $(ASCENT)
	$(BIN)/python benchmarks/training.py $(TOFU)/retain90.json
	$(BIN)/python benchmarks/startup.py $(FULL)

# Snakemake's own report, of the default world or of a preset's: make report PRESET=config/smoke.yaml
PRESET ?=

report: $(INSTALLED)
	$(BIN)/snakemake --report results/snakemake-report.html $(if $(PRESET),--configfile $(PRESET))

# The schema of the configuration and the tables of docs/configuration.md, from the models.
config-docs: $(INSTALLED)
	$(BIN)/python -m lethe.pipeline.config.documentation

# The documentation as a site, in site/; what builds it is not installed for anything else.
SITE := install --quiet --no-build-isolation -c requirements.lock -e ".[site]"

site: $(INSTALLED)
	$(BIN)/pip $(SITE)
	NO_MKDOCS_2_WARNING=1 $(BIN)/mkdocs build --quiet

# The site builds without a warning and loads nothing from elsewhere.
test-site: $(INSTALLED)
	$(BIN)/pip $(SITE)
	$(BIN)/pytest -m site tests/test_site.py

lint: $(INSTALLED)
	$(BIN)/ruff check
	$(BIN)/ruff format --check
	$(BIN)/snakefmt --check Snakefile workflow
	$(BIN)/snakemake --lint

$(INSTALLED): requirements.lock pyproject.toml setup.py
	@test -d .venv -o -n "$(PYTHON)" || \
		{ echo "no Python 3.11, 3.12 or 3.13 here; name one: make PYTHON=FILE $(MAKECMDGOALS)"; exit 1; }
	test -d .venv || $(PYTHON) -m venv .venv
	$(BIN)/pip install --quiet -r requirements.lock
	@$(BIN)/pip uninstall --quiet --quiet --yes lethe  # what this project was before lethe-lab
	$(BIN)/pip install --quiet --no-deps --no-build-isolation -e .
	touch $@

clean:
	rm -rf results/[!R]* results/.job-* .snakemake

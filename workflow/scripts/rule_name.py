"""The name of a job's rule in workflow/rules, since an importing Snakefile may rename it."""

import json
import os


def rule_of(snakemake) -> str:
    """Look the name up in the variable that workflow/rules/module.smk sets for an importer."""
    names = json.loads(os.environ.get("LETHE_RULES", "{}"))
    return names.get(snakemake.rule, snakemake.rule)

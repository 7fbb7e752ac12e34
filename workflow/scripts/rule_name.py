"""The name of a job's rule as it stands in workflow/rules: an importer may give it another."""

import json
import os


def rule_of(snakemake) -> str:
    """By what the Snakefile tells jobs where it was imported (workflow/rules/module.smk)."""
    told = json.loads(os.environ.get("LETHE_RULES", "{}"))
    return told.get(snakemake.rule, snakemake.rule)

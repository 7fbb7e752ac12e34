"""Judge from the scores whether this run shows what TOFU shows; writes verdicts, never fails."""

from common import job

from lethe.analysis.claims.tofu import check
from lethe.analysis.scores import read_scores
from lethe.common.files import write_json

with job(snakemake) as stage:
    p = snakemake.params
    scores = read_scores(snakemake.input[0])
    rows = check(scores, p.models, p.splits, p.seeds, p.oracle_seeds, p.methods, p.oracles)
    write_json(stage(snakemake.output[0]), rows, indent=1)

"""Write one table, as CSV and as Markdown."""

from common import job

from lethe.analysis.intervals import read_intervals
from lethe.analysis.scores import read_scores
from lethe.report.tables import render
from lethe.report.tables.base import TableData

with job(snakemake) as stage:
    i, p, out = snakemake.input, snakemake.params, snakemake.output
    # A table has only the inputs that it reads.
    scores, intervals = i.get("scores"), i.get("intervals")
    data = TableData(
        p.methods,
        p.seeds,
        read_scores(scores) if scores else None,
        read_intervals(intervals) if intervals else {},
        p.entries,
        p.get("oracles", {}),
        p.get("settings", {}),
    )
    render(p.table, data, stage(out.csv), stage(out.markdown))

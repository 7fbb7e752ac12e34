"""Figure 2: the most frequent words of answers."""

from common import job

from lethe.report.paper.style import render
from lethe.report.paper.words import build, draw
from lethe.world.rows import read_qa

with job(snakemake) as stage:
    out = snakemake.output
    texts = zip(snakemake.params.texts, snakemake.input, strict=True)
    found = build({name: [row["answer"] for row in read_qa(file)] for name, file in texts})
    found.to_csv(stage(out.csv), index=False, lineterminator="\n")
    render(lambda: draw(found), stage(out.pdf), stage(out.png))

"""Figure 2: the most frequent words of answers."""

from common import job

from lethe.data_rows import read_qa
from lethe.paper.style import render
from lethe.paper.words import build, draw

with job(snakemake) as stage:
    out = snakemake.output
    texts = zip(snakemake.params.texts, snakemake.input, strict=True)
    found = build({name: [row["answer"] for row in read_qa(file)] for name, file in texts})
    found.to_csv(stage(out.csv), index=False, lineterminator="\n")
    render(lambda: draw(found), stage(out.pdf), stage(out.png))

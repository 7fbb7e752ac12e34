"""What methods keep of a model before unlearning: its loss on each row of the forget set."""

from common import job
from machine import ready
from start import start_of

from lethe.common.files import write_json, write_rows
from lethe.model import checkpoint
from lethe.model.cost import Meter
from lethe.model.encoder import Encoder
from lethe.unlearn.runner import answer_nll
from lethe.world.rows import read_pairs

with job(snakemake) as stage, Meter() as meter:
    p, i = snakemake.params, snakemake.input
    device = ready(snakemake)
    model, tokenizer = checkpoint.load(start_of(snakemake)[0], device, **p.loading)
    pairs = read_pairs(i.forget)
    examples = Encoder(tokenizer, p.template, p.max_length).encode_all(pairs)
    losses = answer_nll(model, examples, p.batch_size).tolist()
    write_rows(
        stage(snakemake.output.made),
        (
            {"question": question, "answer": answer, "nll": nll}
            for (question, answer), nll in zip(pairs, losses, strict=True)
        ),
    )
    write_json(stage(snakemake.output.cost), meter.read(rows=len(pairs)))

"""Other answers to the forget questions, by the model that is to unlearn them."""

from common import job
from machine import ready
from start import start_of

from lethe.common.files import write_json
from lethe.model import checkpoint
from lethe.model.cost import Meter
from lethe.model.encoder import Encoder
from lethe.unlearn.alternatives import Alternatives, propose, write_alternatives
from lethe.world.rows import read_pairs

with job(snakemake) as stage, Meter() as meter:
    p, i = snakemake.params, snakemake.input
    device = ready(snakemake)
    model, tokenizer = checkpoint.load(start_of(snakemake)[0], device, **p.loading)
    pairs = read_pairs(i.forget)
    encoder = Encoder(tokenizer, p.template, p.max_length)
    seed = int(snakemake.wildcards.seed)
    found = propose(model, encoder, pairs, Alternatives(**p.settings), seed)
    write_alternatives(stage(snakemake.output.made), pairs, found)
    write_json(stage(snakemake.output.cost), meter.read(rows=len(pairs)))

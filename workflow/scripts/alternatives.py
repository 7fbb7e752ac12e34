"""Other answers to the forget questions, by the model that is to unlearn them."""

from common import job, start_of

from lethe import checkpoint
from lethe.alternatives import Alternatives, propose, write_alternatives
from lethe.files import read_rows
from lethe.runtime import set_up
from lethe.text import Encoder, rows_to_pairs

with job(snakemake) as stage:
    p, i = snakemake.params, snakemake.input
    set_up(p.threads)
    model, tokenizer = checkpoint.load(start_of(snakemake)[0])
    pairs = rows_to_pairs(read_rows(i.forget))
    encoder = Encoder(tokenizer, p.template, p.max_length)
    seed = int(snakemake.wildcards.seed)
    found = propose(model, encoder, pairs, Alternatives(**p.settings), seed)
    write_alternatives(stage(snakemake.output[0]), pairs, found)

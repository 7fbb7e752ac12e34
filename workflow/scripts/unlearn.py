"""Run one unlearning method on one start checkpoint; leave a checkpoint after each epoch."""

from pathlib import Path

from common import job
from machine import processes, ready
from start import report_of, split_of, start_of
from training import execution, key, load_to

from lethe.common.files import sha256, write_json
from lethe.model import checkpoint
from lethe.model.cost import Meter
from lethe.model.encoder import Encoder
from lethe.model.precision import prepare
from lethe.unlearn import methods
from lethe.unlearn.checkpoints import leave_checkpoints
from lethe.unlearn.supervision import read_supervision

with job(snakemake, key(snakemake), processes(snakemake)) as stage, Meter() as meter:
    p, i = snakemake.params, snakemake.input
    device = ready(snakemake)
    start, parent = start_of(snakemake)
    seed = int(snakemake.wildcards.seed)

    def trainable(source):
        loaded = checkpoint.load(source, load_to(snakemake, device), **p.loading)
        prepare(loaded[0], p.training, seed, source)
        return loaded

    model, tokenizer = trainable(start)
    method = methods.load(p.method)(p.settings)
    encoder = Encoder(tokenizer, p.template, p.max_length)
    files = dict(i.items())
    for need, given in p.others.items():
        files[need] = Path(i[need]).parent if given is None else given
    data = read_supervision(encoder, method.needs, files, trainable)
    origin = {
        "stage": snakemake.rule,
        "parent": parent,
        "forget": sha256(i.forget),
        "method": p.method,
        "settings": p.settings,
        **split_of(snakemake),
        "seed": seed,
        "template": p.template,
    }
    folders = [Path(digest).parent for digest in snakemake.output.digests]
    counts = leave_checkpoints(
        method,
        model,
        tokenizer,
        data,
        seed,
        origin,
        lambda epoch: stage(folders[epoch - 1]),
        report_of(snakemake, p.label),
        execution(snakemake, stage, meter, device),
    )
    write_json(stage(snakemake.output.cost), meter.read(**counts))

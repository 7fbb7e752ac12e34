"""Put TOFU's probes to every checkpoint of a run and record the answers, item by item."""

from pathlib import Path

from common import job

from lethe import checkpoint
from lethe.cost import Meter
from lethe.evaluate.collect import collect, prepare
from lethe.evaluate.suite import PARAPHRASED, SUITE, probes
from lethe.files import read_json, read_rows, write_json
from lethe.progress import Progress
from lethe.records import Records, write_records
from lethe.runtime import set_up
from lethe.text import Encoder

with job(snakemake) as stage:
    p, meter = snakemake.params, Meter()
    set_up(p.threads)
    suite = {
        name: probes(read_rows(file), name in PARAPHRASED, p.most, file)
        for name, file in zip(p.sets, snakemake.input.probes, strict=True)
    }
    found, report = [], Progress(p.label)
    prepared = None
    digests = snakemake.input.digests
    for digest in digests:
        model, tokenizer = checkpoint.load(Path(digest).parent)
        if prepared is None:
            encoder = Encoder(tokenizer, p.template, p.max_length)
            prepared = prepare(encoder, suite)
        origin = read_json(digest)["origin"]
        epoch, step = origin.get("epoch", 0), origin.get("step", 0)
        found.append(collect(model, encoder, prepared, epoch, step))
        report(len(found), len(digests), float(found[-1].sets["forget"].answer_loss.mean()))
    write_records(stage(snakemake.output.records), Records(SUITE, found))
    items = sum(map(len, suite.values())) * len(found)
    write_json(stage(snakemake.output.cost), meter.read(items=items))

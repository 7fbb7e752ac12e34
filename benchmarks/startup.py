"""What a job does before its work begins, in processor seconds, beside the imports that it needs.

Each line is a process of its own; all take turns, and the least of the rounds counts.

    .venv/bin/python benchmarks/startup.py CHECKPOINT
"""

import os
import resource
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[1]
ROUNDS = 5
PATH = (
    f"import sys; sys.path.insert(0, {str(ROOT / 'workflow/scripts')!r}); from common import job; "
)
TRAINING = """
from lethe.model import checkpoint
from lethe.common.torch_setup import set_up
from lethe.train.settings import Schedule
from lethe.model.encoder import Encoder
from lethe.train.finetune import fit
set_up(1)
model, tokenizer = checkpoint.load(sys.argv[1])
examples = Encoder(tokenizer, checkpoint.template_of(sys.argv[1]), 256).encode_all([("Q?", "A.")])
fit(model, examples, Schedule(epochs=1, batch_size=1), 0)
"""
# By stage: what it cannot do without, and what the job does until its work begins.
STAGES = {
    "training, first step": (
        "import torch; from transformers.models.llama.modeling_llama import LlamaForCausalLM; "
        "import tokenizers, safetensors",
        PATH + TRAINING,
    ),
    "score": ("import numpy", PATH + "from lethe.metrics import score; import numpy"),
    "table": (
        "import pandas",
        PATH
        + "from lethe.report.tables import render; from lethe.report.tables.base import TableData; "
        "from lethe.analysis.scores import read_scores; "
        "from lethe.analysis.intervals import read_intervals",
    ),
    "figure": (
        "import pandas, matplotlib.pyplot",
        PATH + "from lethe.report.figures import render; "
        "from lethe.report.figures.base import FigureData; "
        "from lethe.analysis.scores import read_scores; import matplotlib.pyplot",
    ),
}


def seconds(code: str, source: str) -> float:
    """Processor seconds of a fresh interpreter that runs ``code``."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "MPLBACKEND": "agg"}
    subprocess.run(
        [sys.executable, "-c", code, source], check=True, env=environment, capture_output=True
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def main(source: str) -> None:
    best = {name: [float("inf")] * 2 for name in STAGES}
    for _ in range(ROUNDS):
        for name, codes in STAGES.items():
            best[name] = [
                min(least, seconds(code, source))
                for least, code in zip(best[name], codes, strict=True)
            ]
    for name, (bare, job) in best.items():
        print(f"{name:>20}: imports {bare:.2f} s, job {job:.2f} s, ratio {job / bare:.2f}")


if __name__ == "__main__":
    main(sys.argv[1])

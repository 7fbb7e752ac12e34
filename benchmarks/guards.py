"""What the checks before a job's work cost, in processor seconds beside what they guard.

    .venv/bin/python benchmarks/guards.py ROWS.json

``ROWS.json``: rows in TOFU's format, such as the published ``full.json``.
"""

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from transformers import LlamaConfig, LlamaForCausalLM

from lethe.common.torch_setup import set_up
from lethe.model import batch_layout, checkpoint
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.checkpoint_record import verifying
from lethe.world.rows import read_qa

ROUNDS = 5
# About 240 MB of float32.
SIZES = {"hidden_size": 768, "num_hidden_layers": 8, "num_attention_heads": 12}
TEXTS = [f"Author {number} wrote book {number * 7}." for number in range(200)]


def least(work: Callable[[], object]) -> float:
    """Processor seconds of the quickest of some rounds, threads included."""
    found = []
    for _ in range(ROUNDS):
        start = time.process_time()
        work()
        found.append(time.process_time() - start)
    return min(found)


def probe(folder: Path, model) -> dict[str, float]:
    """A model's probe when nothing is known of it, and when something is."""
    cache = folder / "cache"
    os.environ["XDG_CACHE_HOME"] = str(cache)

    def anew() -> None:
        for file in cache.rglob("*.json"):
            file.unlink()
        batch_layout.fit(model)

    return {"probe": least(anew), "probe, remembered": least(lambda: batch_layout.fit(model))}


def weights(folder: Path, model, tokenizer) -> dict[str, float]:
    """Loading a checkpoint, and verifying it alone."""
    checkpoint.save(folder / "saved", model, tokenizer, {})

    def verify() -> None:
        with verifying(folder / "saved"):
            pass

    verified = least(verify)
    return {"verifying": verified, "loading": least(lambda: checkpoint.load(folder / "saved"))}


def rows(file: Path) -> dict[str, float]:
    """Reading rows with their check, and parsing them alone."""
    lines = file.read_text(encoding="utf-8").splitlines()
    return {
        "reading rows": least(lambda: read_qa(file)),
        "parsing rows": least(lambda: [json.loads(line) for line in lines]),
    }


def main() -> None:
    set_up(1)
    tokenizer = train_tokenizer(TEXTS, 300)
    sizes = {**SIZES, "intermediate_size": 2048, "vocab_size": len(tokenizer)}
    model = LlamaForCausalLM(LlamaConfig(**sizes))
    with tempfile.TemporaryDirectory() as name:
        found = {
            **probe(Path(name), model),
            **weights(Path(name), model, tokenizer),
            **rows(Path(sys.argv[1])),
        }
    for what, seconds in found.items():
        print(f"{what:20} {seconds:.4f} s")


if __name__ == "__main__":
    main()

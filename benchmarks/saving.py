"""How long a training waits for a checkpoint that it saves, with random weights in a model's shape.

    .venv/bin/python benchmarks/saving.py [--shape FOLDER] [--dtype float32] [--against SRC]

FOLDER holds a config.json; without it the model is SmolLM2-135M's shape. Between two saves one
weight changes, as by a step. Wall and processor seconds, the least of the rounds. --against: the
folder `src` of another version, which takes turns with this one, each in a process of its own.
`overlapped`: until the training may go on, when a thread writes (as on a GPU).
"""

import argparse
import json
import math
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROUNDS, SAVES = 3, 5
SHAPE = {
    "hidden_size": 576,
    "intermediate_size": 1536,
    "num_hidden_layers": 30,
    "num_attention_heads": 9,
    "num_key_value_heads": 3,
    "vocab_size": 49152,
    "tie_word_embeddings": True,
}


def measured(given) -> dict[str, float]:
    """Seconds of a save by this process's version."""
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig

    from lethe.common.torch_setup import set_up
    from lethe.model import checkpoint
    from lethe.model.architectures.llama import train_tokenizer

    set_up(1)
    tokenizer = train_tokenizer(["Who wrote it?"], 300)
    config = (
        LlamaConfig(**SHAPE) if given.shape is None else AutoConfig.from_pretrained(given.shape)
    )
    model = AutoModelForCausalLM.from_config(config, dtype=getattr(torch, given.dtype))
    found: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        # As a training has it: a model that was loaded from a folder, whose weights have changed.
        checkpoint.save(Path(folder, "start"), model, tokenizer, {})
        model, tokenizer = checkpoint.load(Path(folder, "start"), dtype=given.dtype)
        size = Path(folder, "start", "model.safetensors").stat().st_size
        for name, save in savers(checkpoint).items():
            for number in range(SAVES):
                with torch.no_grad():
                    for parameter in model.parameters():
                        parameter.view(-1)[0] += 1
                wall, cpu = time.perf_counter(), time.process_time()
                finish = save(Path(folder, f"epoch{number % 2}"), model, tokenizer, {})
                spent = {f"{name}_wall": time.perf_counter() - wall}
                finish()
                spent[f"{name}_cpu"] = time.process_time() - cpu
                found |= {k: min(v, found.get(k, math.inf)) for k, v in spent.items()}
    return {"megabytes": round(size / 1e6), **{k: round(v, 3) for k, v in found.items()}}


def savers(checkpoint) -> dict:
    """Functions that save, and return one that waits for the rest."""

    def at_once(*given):
        checkpoint.save(*given)
        return lambda: None

    try:
        from lethe.model.background_saving import BackgroundSaver
    except ImportError:
        return {"save": at_once}

    def overlapped(*given):
        saver = BackgroundSaver(always=True).__enter__()
        saver.save(*given)
        return lambda: saver.__exit__(None, None, None)

    return {"save": at_once, "overlapped": overlapped}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--shape")
    parser.add_argument("--dtype", default="float32")
    parser.add_argument("--against")
    parser.add_argument("--one", action="store_true", help="measure once, in this process")
    given = parser.parse_args()
    if given.one:
        print(json.dumps(measured(given)))
        return
    own = str(Path(__file__).parents[1] / "src")
    sides = {"this": own} | ({"other": given.against} if given.against else {})
    best: dict[str, dict[str, float]] = {name: {} for name in sides}
    for _ in range(ROUNDS):
        for name, source in sides.items():
            run = subprocess.run(
                [sys.executable, __file__, *sys.argv[1:], "--one"],
                env={**os.environ, "PYTHONPATH": source},
                stdout=subprocess.PIPE,
                check=True,
                text=True,
            )
            found = json.loads(run.stdout.splitlines()[-1])
            best[name] = {k: min(v, best[name].get(k, math.inf)) for k, v in found.items()}
    for name, found in best.items():
        print(name, found)


if __name__ == "__main__":
    main()

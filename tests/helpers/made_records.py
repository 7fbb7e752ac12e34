import json
import random

import pytest

SETS = ("forget", "retain", "real_authors", "world_facts")


def make_set(name: str, n: int, seed: int) -> dict[str, list]:
    """Columns of a set of n items with random losses, as they lie in a records file."""
    draw = random.Random(f"{name}{seed}")
    k = 5 if name in ("forget", "retain") else 3
    words = ["the", "quiet", "author", "wrote", "seven", "novels", "about", "rivers"]
    columns = {
        "question": [f"{name} question {i}?" for i in range(n)],
        "answer": [" ".join(draw.sample(words, 5)) for _ in range(n)],
        "generation": [" ".join(draw.sample(words, 4)) for _ in range(n)],
        "wrong_answer": [" ".join(draw.sample(words, 5)) for _ in range(n)],
        "answer_loss": [draw.uniform(0.1, 3) for _ in range(n)],
        "answer_tokens": [draw.randint(2, 9) for _ in range(n)],
        "perturbed_loss": [[draw.uniform(1, 4) for _ in range(k)] for _ in range(n)],
        "perturbed_tokens": [[draw.randint(2, 9) for _ in range(k)] for _ in range(n)],
    }
    if k == 5:
        columns["paraphrase_loss"] = [draw.uniform(0.5, 3.5) for _ in range(n)]
        columns["paraphrase_tokens"] = [draw.randint(2, 9) for _ in range(n)]
    return columns


def make_document(epochs=(0,), n: int = 6, seed: int = 0) -> dict:
    """A records file as a JSON document."""
    checkpoints = [
        {
            "epoch": epoch,
            "step": 4 * epoch,
            "sets": {name: make_set(name, n, seed + epoch) for name in SETS},
        }
        for epoch in epochs
    ]
    return {"format": 1, "suite": "tofu", "checkpoints": checkpoints}


@pytest.fixture
def save(tmp_path):
    """Write a JSON document to a file of the given name and return its path."""

    def save(document, name="tofu.json"):
        path = tmp_path / name
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return save


@pytest.fixture
def records(save):
    """Records made of a document: by default a run with the checkpoints of epochs 1 and 2."""
    from lethe.evaluate.records import read_records

    return lambda document=None: read_records(save(document or make_document(epochs=(1, 2))))

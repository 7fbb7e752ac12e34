import json

import pytest
from helpers.open_unlearning import evaluation_log
from helpers.shared_data import shared_folder


@pytest.fixture(scope="session")
def llama2():
    """Path of an official log of Llama-2 by its name, such as ``full_wd0``."""
    folder = shared_folder("oracle", "llama2")
    return lambda name: folder / name / "eval_log_aggregated.json"


@pytest.fixture(scope="session")
def expected():
    """What the authors' own aggregation gives on those logs."""
    file = shared_folder("oracle") / "expected_llama2.json"
    return json.loads(file.read_text())["models"]["llama2"]


def official_set(name: str, n: int, k: int) -> dict:
    """A log of n items in the authors' format."""

    def by_index(value):
        return {str(i): value(i) for i in range(n)}

    return {
        "avg_gt_loss": by_index(lambda i: 0.5 + i),
        "num_token_gt": by_index(lambda i: 4),
        "avg_paraphrased_loss": by_index(lambda i: 1.0 + i),
        "num_token_paraphrased": by_index(lambda i: 5),
        "average_perturb_loss": by_index(lambda i: [2.0 + i + j for j in range(k)]),
        "num_token_perturb": by_index(lambda i: [6] * k),
        "generated_text": by_index(
            lambda i: [f"[INST] {name} {i}? [/INST]", f"the answer {i}", f"answer {i}"]
        ),
    }


@pytest.fixture
def official():
    """A small log in the authors' format: 4 items a set."""
    return {
        "eval_log.json": official_set("retain", 4, 5),
        "eval_log_forget.json": official_set("forget", 4, 5),
        "eval_real_author_wo_options.json": official_set("author", 4, 3),
        "eval_real_world_wo_options.json": official_set("world", 4, 3),
    }


@pytest.fixture
def save(tmp_path):
    """Write a JSON document to a file of the given name and return its path."""

    def save(document, name="log.json"):
        path = tmp_path / name
        path.write_text(json.dumps(document), encoding="utf-8")
        return path

    return save

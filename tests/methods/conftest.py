import sys
from pathlib import Path

import pytest
import torch

# The small models and their plain computations are those of the core's tests.
sys.path.insert(0, str(Path(__file__).parents[1] / "core"))

from core_helpers import make_family
from peer_oracle import Oracle

from lethe.model.architectures.llama import train_tokenizer
from lethe.model.encoder import Encoder

PAIRS = [
    ("Where was Ada born?", "Ada was born in Paris."),
    ("Who is Ada's father?", "A baker."),
    ("In which year was the author Ada Lind born, and where?", "In 1950, in the city of Paris."),
    ("What does Ada write?", "Ada writes long novels about rivers and the quiet of winter."),
    ("Why?", "No."),
    ("Which prize did Ada win?", "Ada won the Prize for Quiet Novels in 1987."),
    ("Where does Ben live?", "Ben lives in a house by the river."),
]


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Equal sums on every machine, and no fight over its cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, str]]:
    return list(PAIRS)


@pytest.fixture(scope="session")
def tokenizer():
    return train_tokenizer([f"{q} {a}" for q, a in PAIRS] * 3, 400)


@pytest.fixture(scope="session")
def encoder(tokenizer) -> Encoder:
    return Encoder(tokenizer, "chat", 96)


@pytest.fixture(scope="session")
def examples(encoder):
    return encoder.encode_all(PAIRS)


@pytest.fixture
def model(tokenizer):
    """A small Llama of its own for each test, since many train it."""
    return make_family("llama", tokenizer)


@pytest.fixture(scope="session", params=[(), ("extra_swapped",)], ids=["A", "swapped"])
def oracle(request) -> Oracle:
    """The peer's values with the unlearned model as current one, then with the two exchanged."""
    return Oracle.read(*request.param)

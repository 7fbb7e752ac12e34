"""Fixtures of the tests that run small models: each folder's conftest imports what it needs."""

import pytest
import torch

from helpers.small_models import PAIRS, make_family
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.encoder import Encoder


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Equal sums on every machine, and no fight over its cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session")
def tokenizer():
    return train_tokenizer([f"{q} {a}" for q, a in PAIRS] * 3, 400)


@pytest.fixture(scope="session")
def encoder(tokenizer) -> Encoder:
    return Encoder(tokenizer, "chat", 96)


@pytest.fixture(scope="session")
def pairs() -> list[tuple[str, str]]:
    return list(PAIRS)


@pytest.fixture(scope="session")
def examples(encoder):
    return encoder.encode_all(PAIRS)


@pytest.fixture
def model(tokenizer):
    """A small Llama of its own for each test, since many train it."""
    return make_family("llama", tokenizer)


@pytest.fixture
def foreign(model, tokenizer, tmp_path):
    """A folder as transformers saves it, without our digest."""
    folder = tmp_path / "downloaded"
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder

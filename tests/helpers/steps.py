"""Rows of one step of unlearning, and the step of them: the conftest of a folder imports it."""

import pytest

from lethe.model.batch import pack
from lethe.unlearn.interface import Step

# In no order, so that a reference read at the wrong row shows.
FORGET, RETAIN = [3, 0, 2], [5, 1, 6]


@pytest.fixture(scope="session")
def others(encoder, pairs):
    """Other answers to the forget rows."""
    texts = ["I don't know.", "I have no idea about Ada.", "No."]
    return encoder.encode_all([(pairs[i][0], t) for i, t in zip(FORGET, texts, strict=True)])


@pytest.fixture
def step(examples, others):
    return Step(
        pack([examples[i] for i in FORGET], FORGET),
        pack([examples[i] for i in RETAIN], RETAIN),
        pack(others, [0, 1, 2]),
    )

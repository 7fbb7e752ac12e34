import pytest
from helpers.model_fixtures import encoder, examples, model, one_thread, pairs, tokenizer
from helpers.open_unlearning import Oracle
from helpers.steps import others, step


@pytest.fixture(scope="session", params=[(), ("extra_swapped",)], ids=["A", "swapped"])
def oracle(request) -> Oracle:
    """open-unlearning's values with the unlearned model as current one, then with the two
    exchanged."""
    return Oracle.read(*request.param)

import pytest
import torch
from peer_oracle import Oracle


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Equal sums on every machine, and no fight over its cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="session", params=[(), ("extra_swapped",)], ids=["A", "swapped"])
def oracle(request) -> Oracle:
    """The peer's values with the unlearned model as current one, then with the two exchanged."""
    return Oracle.read(*request.param)

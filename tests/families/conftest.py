import pytest
import torch


@pytest.fixture(scope="session", autouse=True)
def one_thread():
    """Equal sums on every machine, and no fight over its cores."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)

import pytest
from shared_data import shared_folder


@pytest.fixture(scope="session")
def parity():
    """The peer's tiny models, its data in TOFU's format and its own evaluation of them."""
    return shared_folder("oracle", "parity")

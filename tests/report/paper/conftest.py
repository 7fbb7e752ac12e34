import pytest
from helpers import paper_evaluations as made

from lethe.report.paper.evaluations import Evaluations


@pytest.fixture(scope="session")
def entries(tmp_path_factory):
    return made.write_evaluations(tmp_path_factory.mktemp("evaluations"))


@pytest.fixture
def evaluations(entries):
    return Evaluations(entries)


@pytest.fixture(scope="session")
def scores():
    return made.scores()

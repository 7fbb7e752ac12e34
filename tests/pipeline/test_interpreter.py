"""Snakemake writes the path of Python into shell commands as it is: such a path must be plain."""

import pytest

from lethe.common.errors import LetheError
from lethe.pipeline import interpreter


@pytest.mark.parametrize(
    "path", ["/my lab/bin/python", "/lab's/bin/python", "/a&b/python", "/$x/p"]
)
def test_a_path_that_the_shell_would_read_otherwise_is_refused(path):
    with pytest.raises(LetheError) as caught:
        interpreter.check((), path)
    assert str(caught.value).startswith(f"{path}: Snakemake cannot start jobs with a Python whose")


def test_a_plain_path_is_not():
    interpreter.check((), "/lab-1/.venv/bin/python3.11")


def test_nor_one_that_starts_no_job():
    """Jobs in environments of conda's, or in containers, run by the Python of these."""
    interpreter.check({"conda"}, "/my lab/bin/python")

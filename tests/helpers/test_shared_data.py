import pytest

from helpers import shared_data


@pytest.mark.parametrize(
    ("ci", "outcome"), [("", pytest.skip.Exception), ("1", pytest.fail.Exception)]
)
def test_absent_reference_data_skip_here_and_fail_on_ci(monkeypatch, tmp_path, ci, outcome):
    monkeypatch.setattr(shared_data, "SHARED", tmp_path)
    monkeypatch.setenv("CI", ci)
    with pytest.raises(outcome, match="no shared reference data"):
        shared_data.shared_folder("oracle")

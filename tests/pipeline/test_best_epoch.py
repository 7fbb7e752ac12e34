"""Whether the best checkpoint that stays is still that of the best epoch."""

import json

import pytest

from lethe.common import paths
from lethe.pipeline.best_epoch import is_outdated


@pytest.mark.parametrize(
    ("chosen", "aside", "outdated"),
    [
        ({"epoch": 2}, {"origin": {"epoch": 2}}, False),
        ({"epoch": 3}, {"origin": {"epoch": 2}}, True),
        (None, {"origin": {"epoch": 2}}, False),
        ({"epoch": 3}, None, False),
        ({"epoch": 3}, {"origin": {}}, False),
        ([3], {"origin": {"epoch": 2}}, False),
    ],
)
def test_only_another_choice_outdates_it(tmp_path, chosen, aside, outdated):
    run = str(tmp_path)
    (tmp_path / "best").mkdir()
    for path, content in (
        (paths.best_epoch(run), chosen),
        (f"{paths.best(run)}/{paths.DIGEST}", aside),
    ):
        if content is not None:
            (tmp_path / path).write_text(json.dumps(content))
    assert is_outdated(run) is outdated

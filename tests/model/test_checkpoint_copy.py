"""A checkpoint in another folder: the same files, weights linked, nobody's notes."""

import pytest

from lethe.common import paths
from lethe.common.errors import LetheError
from lethe.model import checkpoint, checkpoint_record
from lethe.model.checkpoint_copy import copy_checkpoint


@pytest.fixture
def saved(model, tokenizer, tmp_path):
    checkpoint.save(tmp_path / "epoch1", model, tokenizer, {"epoch": 1})
    (tmp_path / "epoch1/notes.txt").write_text("mine")
    return tmp_path / "epoch1"


def test_it_is_the_same_checkpoint(saved, tmp_path):
    copy_checkpoint(saved, tmp_path / "best")
    names = {file.name for file in (tmp_path / "best").iterdir()}
    assert names == {file.name for file in saved.iterdir()} - {"notes.txt"}
    assert all((tmp_path / "best" / n).read_bytes() == (saved / n).read_bytes() for n in names)
    assert (tmp_path / "best" / paths.WEIGHTS).samefile(saved / paths.WEIGHTS)
    assert not (tmp_path / "best" / paths.DIGEST).samefile(saved / paths.DIGEST)
    # It outlives the other.
    (saved / paths.WEIGHTS).unlink()
    checkpoint.load(tmp_path / "best")
    assert checkpoint_record.digest(tmp_path / "best") == checkpoint_record.digest(saved)


def test_a_file_that_is_gone_is_named(saved, tmp_path):
    (saved / paths.WEIGHTS).unlink()
    with pytest.raises(LetheError, match=rf"no {paths.WEIGHTS}"):
        copy_checkpoint(saved, tmp_path / "best")

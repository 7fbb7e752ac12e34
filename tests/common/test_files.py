import json
import logging
import os
import stat
import time

import pytest
import torch

from lethe.common.errors import LetheError
from lethe.common.files import (
    read_json,
    read_rows,
    sha256,
    whole_file,
    write_json,
    write_rows,
    write_text,
)
from lethe.common.progress import Progress
from lethe.model.cost import Meter, watch


def names(folder) -> list[str]:
    return sorted(os.listdir(folder))


def fail_halfway(path) -> None:
    with whole_file(path) as temporary:
        temporary.write_text("half")
        assert not path.exists() or path.read_text() == "old"
        raise RuntimeError


def test_whole_file_leaves_nothing_on_failure(tmp_path):
    with pytest.raises(RuntimeError):
        fail_halfway(tmp_path / "a.json")
    assert names(tmp_path) == []


def test_a_failure_leaves_the_old_file(tmp_path):
    write_text(tmp_path / "a.json", "old")
    with pytest.raises(RuntimeError):
        fail_halfway(tmp_path / "a.json")
    assert names(tmp_path) == ["a.json"]
    assert (tmp_path / "a.json").read_text() == "old"


def test_whole_file_makes_folders_and_public_files(tmp_path):
    write_text(tmp_path / "deep" / "er" / "a.txt", "ż\n")
    assert (tmp_path / "deep" / "er" / "a.txt").read_bytes() == "ż\n".encode()
    mode = stat.S_IMODE((tmp_path / "deep" / "er" / "a.txt").stat().st_mode)
    assert mode == 0o644
    assert names(tmp_path / "deep" / "er") == ["a.txt"]


def test_the_temporary_file_keeps_its_suffix(tmp_path):
    """matplotlib and others choose the format by it."""
    with whole_file(tmp_path / "plot.pdf") as temporary:
        assert temporary.suffix == ".pdf"
        # Beside the final name: renaming across file systems would not be atomic.
        assert temporary.parent == tmp_path
        # Hidden, as lineage.check() passes over files that are being written.
        assert temporary.name.startswith(".")


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_numbers_that_are_none_are_refused(tmp_path, value):
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_json(tmp_path / "a.json", {"values": [1.0, value]})
    with pytest.raises(ValueError, match="not JSON compliant"):
        write_rows(tmp_path / "a.jsonl", [{"value": 1.0}, {"value": value}])
    assert names(tmp_path) == []


def test_json_round_trip(tmp_path):
    value = {"ż": [1, 0.1 + 0.2, None, True, "\u2028"], "a": {"b": -1e-300}}
    write_json(tmp_path / "a.json", value)
    assert read_json(tmp_path / "a.json") == value
    assert list(read_json(tmp_path / "a.json")) == ["ż", "a"]


@pytest.mark.parametrize("content", [b'{"a": 1', b"", b'{"a": "\xff"}'])
def test_a_broken_json_file_is_named_with_a_remedy(tmp_path, content):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(LetheError, match=r"a\.json: not valid JSON.*delete the file") as error:
        read_json(tmp_path / "a.json")
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("read", [read_json, read_rows])
def test_a_missing_file_is_named(tmp_path, read):
    with pytest.raises(LetheError, match=r"gone\.json: no such file"):
        read(tmp_path / "gone.json")


def test_rows_round_trip_with_any_line_separator_in_strings(tmp_path):
    # str.splitlines() breaks at all of these; a raw newline is escaped by JSON.
    rows = [{"text": f"one{mark}two"} for mark in "\u2028\u2029\x85\x0b\x0c\x1c\r\n"]
    write_rows(tmp_path / "a.json", rows)
    assert read_rows(tmp_path / "a.json") == rows
    assert "\u2028" in (tmp_path / "a.json").read_text(encoding="utf-8")


def test_rows_may_have_blank_lines_and_other_line_ends(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"a": 1}\r\n\n{"a": 2}')
    assert read_rows(tmp_path / "a.json") == [{"a": 1}, {"a": 2}]


@pytest.mark.parametrize(
    ("line", "why"),
    [('{"a": ', "not valid JSON"), ("[1]", "expected an object"), ("3", "expected an object")],
)
def test_a_broken_row_is_named_by_its_line(tmp_path, line, why):
    # Blank lines count, as they do in an editor.
    (tmp_path / "a.json").write_text(f'{{"a": 1}}\n\n{{"a": 2}}\n{line}\n')
    with pytest.raises(LetheError, match=rf"a\.json, line 4: {why}") as error:
        read_rows(tmp_path / "a.json")
    assert "\n" not in str(error.value)


def test_rows_that_are_no_text_are_refused(tmp_path):
    (tmp_path / "a.json").write_bytes(b'{"a": "\xff"}\n')
    with pytest.raises(LetheError, match=r"a\.json: not UTF-8"):
        read_rows(tmp_path / "a.json")


def test_sha256_of_known_bytes(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    # The example of FIPS 180-2.
    expected = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert sha256(tmp_path / "a") == expected


def test_cost_counts_from_the_meters_creation():
    meter = Meter()
    meter.wall -= 2.0  # as if two seconds had passed
    cost = meter.read(tokens=1000, steps=3)
    assert 2.0 <= cost["wall_seconds"] < 3.0
    assert cost["tokens_per_second"] == pytest.approx(1000 / cost["wall_seconds"], rel=0.01)
    assert cost["steps"] == 3
    # Python alone takes some MiB, and no test machine has a TiB: the unit is right.
    assert 5 < cost["peak_memory_mib"] < 2**20
    assert "tokens_per_second" not in meter.read(rows=1)
    json.dumps(cost, allow_nan=False)


def test_meters_count_the_passes_of_a_model_and_of_its_copies(model, examples):
    import copy

    from lethe.model.batch import pack
    from lethe.model.forward import Forward

    watch(model)
    batch, twin = pack(examples[:2]), copy.deepcopy(model)
    tokens = batch.ids.numel()
    Forward(model).answers(batch)
    with Meter() as meter:
        Forward(model).answers(batch).mean_nll().backward()
        with torch.no_grad():
            Forward(twin).answers(batch)
            # One layer of the two that there are.
            Forward(twin).hidden(batch, 0)
            model.generate(torch.tensor([examples[0].ids[:3]]), max_new_tokens=4, min_new_tokens=4)
    Forward(model).answers(batch)
    cost = meter.read()
    assert (cost["forward_passes"], cost["backward_passes"]) == (3 + 4, 1)
    # A generation reads its prompt, then token after token, the last of which it only writes.
    assert cost["forward_tokens"] == round(2.5 * tokens) + 3 + 3
    assert cost["backward_tokens"] == tokens
    assert "forward_passes" not in Meter().read()


def test_progress_is_seldom_but_ends_with_the_last_step(caplog):
    progress = Progress("npo, seed 0", every=3600)
    with caplog.at_level(logging.INFO, "lethe.common.progress"):
        for step in range(1, 11):
            progress(step, 10, step / 4)
    (record,) = caplog.records
    assert record.getMessage().startswith("npo, seed 0: step 10 of 10, loss 2.500, ")
    assert record.getMessage().endswith(", 0 s")


def test_progress_estimates_what_is_left(caplog):
    progress = Progress("base", every=0)
    progress.start -= 35
    # 30 seconds for three steps after the first: ten for each of the other six.
    progress.first = (1, time.monotonic() - 30)
    with caplog.at_level(logging.INFO, "lethe.common.progress"):
        progress(4, 10, 1.0)
    assert "step 4 of 10, loss 1.000, 35 s, about 60 s left" in caplog.text


@pytest.mark.parametrize(("first", "ago"), [(3, 30), (1, 5)])
def test_progress_makes_no_estimate_of_few_steps_or_seconds(caplog, first, ago):
    progress = Progress("base", every=0)
    progress.first = (first, time.monotonic() - ago)
    with caplog.at_level(logging.INFO, "lethe.common.progress"):
        progress(4, 10, 1.0)
    assert "step 4 of 10" in caplog.text
    assert "left" not in caplog.text

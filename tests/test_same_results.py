"""The comparison of two states' results: what it lets pass, and what it must not."""

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "benchmarks/same_results.py"
RUN = "demo/tiny/forget10/npo/seed0"
# As two states of the code leave them: path, old content, new content.
RESULTS = (
    (f"{RUN}/records/tofu.json", "[0.25]", "[0.25]"),
    (f"{RUN}/metrics/rouge.json", '{"forget":0.25}', '{"forget":0.25}'),
    (
        f"{RUN}/metrics/extraction_strength.json",
        '{"settings":{"last_token":"peer"}}',
        '{"settings":{"last_token":"open_unlearning"}}',
    ),
    ("demo/tables/scores.csv", "run,value\nnpo,0.25\n", "run,value\nnpo,0.25\n"),
    (
        "demo/tables/method_claims.md",
        "tests/methods/test_method_formulas.py | tests/methods/test_mpu.py",
        "tests/unlearn/test_loss_formulas.py   | tests/unlearn/test_mpu.py",
    ),
    (
        f"{RUN}/states/quantised8/checkpoint/README.md",
        "| state | quantised |",
        "| state | quantization |",
    ),
    (f"{RUN}/cost/unlearn.json", "12.5 s", "9 s"),
    ("demo/tables/cost.csv", "12.5", "9"),
    ("logs/demo/world.log", "at noon", "at one"),
)


@pytest.fixture
def sides(tmp_path):
    """Two folders of results that are the same."""
    for path, *contents in RESULTS:
        for side, content in zip(("old", "new"), contents, strict=True):
            file = tmp_path / side / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(content)
    return tmp_path


def compared(folder, *worlds):
    """Exit status and lines of a comparison."""
    command = [sys.executable, str(SCRIPT), "old", "new", *worlds]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    assert not done.stderr
    return done.returncode, done.stdout.splitlines()


def rows(lines):
    """The rows of the printed table: (world, kind, compared, wrong)."""
    table = lines[1 : lines.index("left out:")]
    return [(world, kind, int(a), int(b)) for world, kind, a, b in map(str.split, table)]


def test_results_are_the_same_after_the_renaming(sides):
    code, lines = compared(sides)
    assert (code, lines[-1]) == (0, "the same")
    assert rows(lines) == [
        ("demo", "record", 1, 0),
        ("demo", "metric", 2, 0),
        ("demo", "table", 2, 0),
        ("demo", "other", 1, 0),
    ]
    assert "  */cost/*        time and memory of each job" in lines


def test_the_digest_of_a_renamed_file_follows_and_no_other(sides):
    """The notice of a checkpoint that acts at inference names the function that loads it."""
    for side, name in (("old", "lethe.checkpoint"), ("new", "lethe.model.checkpoint")):
        notice = f"{name}.load(folder)".encode()
        folder = sides / side / RUN / "epoch1"
        folder.mkdir()
        (folder / "config.json").write_bytes(notice)
        (folder / "checkpoint.json").write_text(hashlib.sha256(notice).hexdigest())
    assert compared(sides)[0] == 0
    (folder / "checkpoint.json").write_text(hashlib.sha256(b"another").hexdigest())
    assert compared(sides)[0] == 1


def test_a_renamed_folder_is_compared_under_its_new_name(sides):
    for side, world in (("old", "openai"), ("new", "generated")):
        (sides / side / "demo").rename(sides / side / world)
    code, lines = compared(sides)
    assert code == 0
    assert {row[0] for row in rows(lines)} == {"generated"}


@pytest.mark.parametrize("path", [path for path, *_ in RESULTS[:6]])
def test_one_other_character_is_a_difference(sides, path):
    file = sides / "new" / path
    text = file.read_text()
    file.write_text(text[:-3] + "7" + text[-2:])
    code, lines = compared(sides)
    assert (code, lines[-1]) == (1, "NOT the same")
    [fault] = [line for line in lines if line.startswith(path)]
    assert f"differs from byte {len(text.encode()) - 3} on" in fault
    assert sum(wrong for *_, wrong in rows(lines)) == 1


def test_a_file_that_only_grew_is_a_difference(sides):
    with (sides / "new/demo/tables/scores.csv").open("a") as stream:
        stream.write("npo,0.5\n")
    code, lines = compared(sides)
    assert code == 1
    assert any("demo/tables/scores.csv: differs from byte 19 on" in line for line in lines)


@pytest.mark.parametrize("side", ["old", "new"])
def test_a_file_on_one_side_alone_is_a_difference(sides, side):
    other = "new" if side == "old" else "old"
    (sides / side / RUN / "metrics/rouge.json").unlink()
    code, lines = compared(sides)
    assert code == 1
    assert f"{RUN}/metrics/rouge.json: only in {other}" in lines


def test_a_text_is_renamed_in_its_own_files_alone(sides):
    """A score called peer stays one."""
    (sides / "old" / RUN / "metrics/rouge.json").write_text('{"last_token":"peer"}')
    (sides / "new" / RUN / "metrics/rouge.json").write_text('{"last_token":"open_unlearning"}')
    code, lines = compared(sides)
    assert code == 1
    assert any(line.startswith(f"{RUN}/metrics/rouge.json: differs") for line in lines)


@pytest.mark.parametrize(
    ("kind", "pattern"),
    [("record", "records/*"), ("metric", "metrics/*"), ("table or exhibit", "tables/*")],
)
def test_a_kind_of_file_that_neither_side_has_is_told(sides, kind, pattern):
    for file in sides.rglob(pattern):
        file.unlink()
    code, lines = compared(sides)
    assert code == 1
    assert f"demo: no {kind} on either side" in lines


def test_nothing_to_compare_is_no_agreement(sides):
    assert compared(sides, "smoke")[0] == 1
    empty = sides / "empty"
    for side in ("old", "new"):
        (empty / side).mkdir(parents=True)
    code, lines = compared(empty)
    assert (code, lines[-1]) == (1, "NOT the same")


def test_other_worlds_are_left_alone_where_one_is_named(sides):
    (sides / "new/other/tables").mkdir(parents=True)
    (sides / "new/other/tables/scores.csv").write_text("1")
    assert compared(sides, "demo")[0] == 0
    assert compared(sides)[0] == 1

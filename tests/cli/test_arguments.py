"""Arguments of the command line: each kind takes what means something, and says what else is."""

import argparse
import re
from pathlib import Path

import pytest
from pydantic import ValidationError

from lethe.cli import arguments
from lethe.cli.arguments import Parser, device, place, seed, share, threads, whole
from lethe.common.errors import LetheError
from lethe.pipeline.config.running import Running
from lethe.unlearn.files import files_of

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (whole(1), "1", 1),
        (whole(1), "300", 300),
        (seed, "0", 0),
        (seed, str(2**63 - 1), 2**63 - 1),
        (threads, "64", 64),
        (share, "0.35", 0.35),
        (share, "1", 1.0),
        (device, "cuda:3", "cuda:3"),
        (device, "mps", "mps"),
        (place, "a b", "a b"),
    ],
)
def test_what_means_something_is_taken(kind, text, value):
    assert kind(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "words"),
    [
        (whole(1), "0", "0 is not above 0"),
        (whole(1), "-3", "-3 is not above 0"),
        (whole(8), "7", "7 is below 8"),
        (whole(1), "010", "'010' is not a whole number; write 10"),
        (whole(1), "+5", "'+5' is not a whole number; write 5"),
        (whole(1), "1e3", "'1e3' is not a whole number"),
        (whole(1), "1_000", "'1_000' is not a whole number"),
        (whole(1), "\u0663", "is not a whole number"),
        (whole(1), " 5", "' 5' is not a whole number"),
        (whole(1), "", "'' is not a whole number"),
        (whole(1), "9" * 5000, f"is above {2**31 - 1}"),
        (seed, "-1", "-1 is below 0"),
        (seed, str(2**63), "is above"),
        (threads, "0", "0 is not above 0"),
        (threads, "100000", "100000 is above 1024"),
        (share, "nan", "'nan' is not a number"),
        (share, "inf", "'inf' is not a number"),
        (share, "0", "0.0 is not above 0"),
        (share, "1.5", "1.5 is above 1"),
        (share, "half", "'half' is not a number"),
        (device, "gpu", "'gpu' is not a device; write auto, cpu, mps, cuda or cuda:NUMBER"),
        (device, "cuda:-1", "is not a device"),
        (device, "cpu\n", "is not a device"),
        (place, "", "empty"),
        (place, "  ", "empty"),
    ],
)
def test_what_does_not_is_said(kind, text, words):
    with pytest.raises(argparse.ArgumentTypeError) as caught:
        kind(text)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 120


def test_an_option_is_given_once():
    parser = Parser(prog="lethe")
    parser.add_argument("--seed", type=seed)
    assert parser.parse_args(["--seed", "1"]).seed == 1
    with pytest.raises(LetheError, match=r"^--seed: given twice; give it once$"):
        parser.parse_args(["--seed", "1", "--seed", "2"])


def test_a_wrong_call_is_one_line_with_status_2(capsys):
    with pytest.raises(SystemExit) as caught:
        Parser(prog="lethe").parse_args(["--nothing"])
    assert caught.value.code == 2
    assert capsys.readouterr().err == (
        "error: unrecognized arguments: --nothing; see lethe --help\n"
    )


def test_devices_are_those_of_the_configuration():
    for name in ("auto", "cpu", "mps", "cuda", "cuda:1"):
        assert device(name) == Running(device=name).device == name
    for name in ("gpu", "cuda:", "cpu\n"):
        with pytest.raises(argparse.ArgumentTypeError):
            device(name)
        with pytest.raises(ValidationError):
            Running(device=name)


@pytest.mark.parametrize(
    ("message", "told"),
    [
        ("compute.device: mps, but …", "--device: mps, but …"),
        ("template.system: phi has no place", "--system: phi has no place"),
        ("template: refused; set template.system to null", "--template: refused; pass --system ''"),
        ("template: give template.variables.date", "--template: give --variable date"),
        ("max_length: 5 leaves", "--max-length: 5 leaves"),
        (
            "a text has 9 tokens; set max_length to at",
            "a text has 9 tokens; set --max-length to at",
        ),
        ("metrics: unknown metric", "--metrics: unknown metric"),
        ("suites: unknown suite", "--suite-set: unknown suite"),
        ("splits: 'x' is not a split", "--split: 'x' is not a split"),
        ("methods: unknown method", "--method: unknown method"),
        # A file's name is nobody's key.
        ("runs/template.system: no such file", "runs/template.system: no such file"),
        ("my.template.system: no such file", "my.template.system: no such file"),
        ("npo.lr: too large", "npo.lr: too large"),
    ],
)
def test_advice_names_options_where_there_are_some(message, told):
    assert arguments.with_options(message) == told


def test_what_is_replaced_is_what_the_library_says():
    """A phrase that no message has any more would be replaced in vain."""
    others = [f for f in (ROOT / "src/lethe").rglob("*.py") if f.name != "arguments.py"]
    text = "".join(file.read_text(encoding="utf-8") for file in others)
    assert [phrase for phrase in arguments.PHRASES if phrase not in text] == []
    for key in arguments.BEGINNINGS:
        # A registry's messages begin with the plural of its noun.
        noun = rf'Registry\([\w.", ]+, "{key.removesuffix("s")}"'
        assert f'"{key}: ' in text or re.search(noun, text) or _is_needed(key), key


def _is_needed(key: str) -> bool:
    """Whether a message begins with a checkpoint that a method needs."""
    with pytest.raises(LetheError) as caught:
        files_of("data", "forget10", (key,))
    return str(caught.value).startswith(f"{key}: ")

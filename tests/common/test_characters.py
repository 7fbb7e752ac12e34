"""Characters of others' texts: what reaches the screen, and what no row may hold."""

import json
import logging

import pytest
from helpers.commands import CLAIM
from jsonschema import Draft202012Validator
from pydantic import ValidationError

from lethe.cli.main import main
from lethe.common.characters import Shown, as_markdown, shown, unfit
from lethe.common.errors import LetheError
from lethe.pipeline.config.documentation import schema
from lethe.pipeline.config.world import World
from lethe.world.providers.tofu import numbers
from lethe.world.split import split

# What moves a cursor, breaks a line, hides or turns a text round.
DANGEROUS = "\x00\x07\x08\x1b\x7f\x85\x9b\u2028\u2029\u202d\u202e"
# Persian with its joiner, Sinhala with its, Hebrew with a mark and an isolate, emoji with joiners.
NAMES = [
    "نویسنده‌ها",
    "ශ්‍රී",
    "Ана Šīrāzī",
    "\u2067עברית\u2069\u200f",
    "👩‍🚀 O’Neil",
    "東京\u3000太郎",
]


@pytest.mark.parametrize("character", DANGEROUS)
def test_no_row_may_hold_what_has_no_place_in_prose(character):
    assert unfit(f"Ada{character} Lind") == f"U+{ord(character):04X}"


def test_half_a_surrogate_pair_is_unfit():
    assert unfit("Ada \ud83d") == "U+D83D"


@pytest.mark.parametrize("text", [*NAMES, "two\nlines\r\n\tand a tab", "soft\u00adhyphen"])
def test_letters_and_marks_of_every_script_are_fit(text):
    assert unfit(text) is None


def test_what_is_shown_is_one_line_without_control_characters():
    told = shown(f"a{DANGEROUS}\n\r\t\u202b\u2066\ud83d{NAMES[0]}")
    assert told == (
        r"a\x00\x07\x08\x1b\x7f\x85\x9b\u2028\u2029\u202d\u202e\n\r\t\u202b\u2066\ud83d" + NAMES[0]
    )
    assert shown(told) == told
    told.encode("utf-8")


def test_an_error_is_one_line_whatever_it_quotes():
    error = LetheError("x.json: \x1b[2J\u202etxet\nno such key")
    assert str(error) == r"x.json: \x1b[2J\u202etxet\nno such key"


def test_a_log_escapes_messages_and_tracebacks_and_keeps_its_lines():
    try:
        raise ValueError("\x1b[31mred\u2028")
    except ValueError as error:
        told = (type(error), error, error.__traceback__)
    record = logging.LogRecord("x", 20, "f", 1, "of %s", ("\x1b]0;title\x07",), told)
    lines = Shown("%(message)s").format(record).split("\n")
    assert lines[0] == r"of \x1b]0;title\x07"
    assert lines[-1] == r"ValueError: \x1b[31mred\u2028"


def test_claims_of_others_are_printed_without_control_characters(tmp_path, capsys):
    rows = [{**CLAIM, "model": "m\x1b[2J", "claim": "c\u202e"}]
    (tmp_path / "claims.json").write_text(json.dumps(rows))
    main(["claims", str(tmp_path / "claims.json")])
    out = capsys.readouterr().out
    assert r"m\x1b[2J/forget10" in out
    assert r"c\u202e" in out


def test_markdown_shows_a_text_as_it_is():
    text = "gpt_4 _x_ <b>*a*</b> [l](http://h) `c` a|b &lt; $m$ ~~s~~ www.h.de \\ \x1b"
    assert as_markdown(text) == (
        r"gpt_4 \_x\_ \<b\>\*a\*\</b\> \[l\](http:\//h) \`c\` a\|b \&lt; \$m\$ \~\~s\~\~ "
        r"www\.h.de \\ \\x1b"
    )
    assert "\n" not in as_markdown("two\nlines")


@pytest.mark.parametrize("name", ["world\n", "wo\nrld", "\nworld", "World", "w\u202e"])
def test_a_name_that_becomes_a_folder_is_a_plain_word(name):
    with pytest.raises(ValidationError, match="should match pattern"):
        World(name=name)


def test_no_pattern_of_the_schema_lets_a_last_line_end_through():
    def patterns(value):
        if isinstance(value, dict):
            yield from (p for key, p in value.items() if key == "pattern" and isinstance(p, str))
            for inner in value.values():
                yield from patterns(inner)
        elif isinstance(value, list):
            for inner in value:
                yield from patterns(inner)

    found = list(patterns(schema()))
    assert len(found) >= 2
    for pattern in found:
        for text in ("a", "tiny", "auto", "cuda:0"):
            assert list(Draft202012Validator({"pattern": pattern}).iter_errors(f"{text}\n"))


def test_only_plain_digits_name_splits_and_authors():
    for name in ("forget١٠", "forget10\n"):
        with pytest.raises(LetheError, match="is not a split"):
            split(name)
    with pytest.raises(LetheError, match="names no authors"):
        numbers(["١"])

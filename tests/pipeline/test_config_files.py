"""Configuration files are read strictly: what YAML 1.1 takes for something else is refused."""

import pytest
import yaml
from snakemake.utils import update_config

from lethe.common.errors import LetheError
from lethe.pipeline import workflow_files
from lethe.pipeline.config.load import build, configuration, parsed, restore_empty
from lethe.pipeline.config.strict_yaml import check_files, check_overlays, read_config


@pytest.fixture
def read(tmp_path):
    def read(text: str | bytes, name: str = "mine.yaml"):
        content = text.encode() if isinstance(text, str) else text
        (tmp_path / name).write_bytes(content)
        return read_config(tmp_path / name)

    return read


ODD = {
    "on: 1": "line 1: the key on is not text in YAML 1.1; write it in quotes",
    "a: 1\nworld: {no: 2}": "line 2: the key no is not text",
    "1: 2": "line 1: the key 1 is not text",
    "null: 2": "line 1: the key null is not text",
    "2026-01-01: 2": "the key 2026-01-01 is not text",
    "? [a]\n: 1": "line 1: a key is not text",
    "seeds: [0]\nseeds: [1]": "line 2: the key seeds is given twice; keep one of them",
    "world:\n  seed: 0\n  seed: 1": "line 3: the key seed is given twice",
    "base: yes": "line 1: yes means true in YAML 1.1; write true, or quote it",
    "base: [No]": "No means false in YAML 1.1; write false",
    "base: off": "off means false in YAML 1.1",
    "base: ON": "ON means true in YAML 1.1",
    "seeds: [010]": "line 1: 010 means 8 in YAML 1.1; write 8, or 10",
    "seeds: [-017]": "-017 means -15 in YAML 1.1; write -15, or -17",
    "time: 1:30": "1:30 means 90 in YAML 1.1; write 90, or quote it",
    "time: 1:30.5": "1:30.5 means 90.5 in YAML 1.1",
    "lr: .inf": ".inf is not a finite number",
    "lr: -.INF": "not a finite number",
    "lr: .nan": ".nan is not a finite number",
    "date: 2026-01-01": "2026-01-01 is a date in YAML 1.1; quote it",
}


@pytest.mark.parametrize("text", ODD)
def test_what_means_something_else_is_named(read, text):
    with pytest.raises(LetheError) as caught:
        read(text)
    message = str(caught.value)
    assert ODD[text] in message
    assert "mine.yaml, line" in message
    assert "\n" not in message


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("[1, 2]", "a list, not keys with values"),
        ("words", "a str, not keys with values"),
        ("5", "a int, not keys with values"),
        ("a: [", "not valid YAML"),
        ("a: !!python/name:os.system", "not valid YAML"),
        ("a: 1\n---\nb: 2", "not valid YAML"),
        (f"a: {'9' * 5000}", "not valid YAML"),
        (b"\xff\xfe\x00", "not UTF-8 text"),
        ('{"a": 1, "a": 2}', "key a: given twice"),
        ('{"a": NaN}', "NaN: not a finite number"),
    ],
)
def test_what_is_no_configuration_is_one_line(read, text, words):
    with pytest.raises(LetheError) as caught:
        read(text)
    assert words in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_list_in_itself_is_refused(tmp_path):
    (tmp_path / "a.yaml").write_text("methods: &all [npo, *all]\n")
    with pytest.raises(LetheError, match=r"a\.yaml, a list or mapping contains itself"):
        read_config(tmp_path / "a.yaml")


def test_folders_and_missing_files_are_one_line(tmp_path):
    with pytest.raises(LetheError, match="Is a directory; name a file"):
        read_config(tmp_path)
    with pytest.raises(LetheError, match=r"none\.yaml: no such file; name one that exists"):
        check_files([tmp_path / "none.yaml"])


def test_what_means_what_it_says_is_read(read):
    text = "a: 1e-3\nb: true\nc: 0\nd: 0x10\ne: 'on'\nf: ~\n'010': 10\n'yes': no_one\ng: 1.5e-3\n"
    assert parsed(read(text)) == {
        "a": 1e-3,
        "b": True,
        "c": 0,
        "d": 16,
        "e": "on",
        "f": None,
        "010": 10,
        "yes": "no_one",
        "g": 1.5e-3,
    }
    assert read("") == {}
    assert read("a: &x {b: 1}\nc: {<<: *x, d: 2}\n") == {"a": {"b": 1}, "c": {"b": 1, "d": 2}}
    assert read('{\n\t"a": 1e-3}') == {"a": 1e-3}
    assert read(b"\xef\xbb\xbfa: 1\n") == {"a": 1}


def test_lists_of_the_command_line_are_read_as_strictly():
    with pytest.raises(LetheError, match="on means true"):
        parsed("[on]")
    with pytest.raises(LetheError, match="contains itself"):
        parsed("{a: &a [*a]}")
    with pytest.raises(LetheError, match="010 means 8"):
        parsed({"seeds": "[010]"})
    assert parsed("[0, 1e-3, a]") == [0, 1e-3, "a"]


def test_a_users_file_is_not_looked_for_in_lethes_folder(tmp_path):
    with pytest.raises(LetheError, match=r"x\.yaml: no such file; name one that exists"):
        configuration([str(tmp_path / "x.yaml")])


@pytest.mark.parametrize("key", ["on", 1, None])
def test_keys_that_are_no_texts_are_named_where_snakemake_read_them(key):
    """From elsewhere than a file that was read strictly."""
    config = yaml.safe_load(workflow_files.defaults().read_text(encoding="utf-8"))
    with pytest.raises(LetheError, match=f"config: {key}: unknown key"):
        build({**config, key: 1})


@pytest.mark.parametrize(
    ("below", "above", "merged"),
    [
        ({"world": {"pictures": None}}, {"world": {"pictures": {}}}, {"world": {"pictures": {}}}),
        ({"lora": None}, {"lora": {}}, {"lora": {}}),
        ({"lora": {"rank": 2}}, {"lora": {}}, {"lora": {"rank": 2}}),
        ({"lora": None}, {"lora": None}, {"lora": None}),
        ({}, {"new": {}}, {"new": {}}),
    ],
)
def test_an_empty_mapping_over_null_is_not_lost(below, above, merged):
    update_config(below, above)
    restore_empty(below, above)
    assert below == merged


@pytest.mark.parametrize(
    ("first", "second", "lost"),
    [
        ("lora: null", "lora: {}", True),
        ("a: {b: null}", "a: {b: {}}", True),
        ("a: null", "a: {b: 1}", False),
        ("a: {}", "a: null", False),
        ("a: {b: 1}", "a: {b: {}}", False),
    ],
)
def test_an_empty_mapping_over_another_overlays_null_is_refused(tmp_path, first, second, lost):
    files = [tmp_path / "one.yaml", tmp_path / "two.yaml"]
    for file, text in zip(files, (first, second), strict=True):
        file.write_text(text)
    if lost:
        with pytest.raises(LetheError, match=r"two.yaml: .*: \{\} is lost over the null of .*one"):
            check_overlays(files)
    else:
        check_overlays(files)

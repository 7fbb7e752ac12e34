"""Pages of audits: what they say, that nothing hostile gets through, that nothing is loaded."""

import json
import re
from dataclasses import replace
from html.parser import HTMLParser

import pytest
from helpers.made_audits import made_document

from lethe.common.errors import LetheError
from lethe.report.page import audits
from lethe.report.page.audit_page import audit_html
from lethe.report.page.page import html

HOSTILE = [
    "<script>alert(1)</script>",
    "</td></tr></table><h1 id=broken>out</h1>",
    "\" onmouseover='alert(4)' x=\"",
    "{{ 7 * 7 }} {% raw %}",
    "escape \x1b[31m, null \x00",
    "<img src=https://example.org/x.png>",
]


class Elements(HTMLParser):
    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.elements, self.texts = [], []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))

    def handle_data(self, data):
        self.texts.append(data.strip())


@pytest.fixture(scope="module")
def leaking():
    return made_document({"leak": 20, "multiple_choice": 2})


def test_a_leak_too_small_for_three_decimals_is_not_shown_as_zero(leaking):
    tiny = {"mean": 0.00041, "low": 0.00012, "high": 0.0007}
    none = {"mean": -1e-17, "low": -0.0, "high": 0.0}
    leak = {**leaking["probes"]["leak"], "beyond": tiny, "full_beyond_oracle": none}
    texts = Elements(audit_html({**leaking, "probes": {"leak": leak}})).texts
    assert "+4.1e-04" in texts
    assert "[+1.2e-04, +0.001]" in texts
    assert "+0.000" in texts
    assert "[+0.000, +0.000]" in texts


def test_checkpoints_that_learned_other_data_are_named(leaking):
    told = {**leaking["about"], "learned_other_data": ["a<b", "c"]}
    texts = Elements(audit_html({**leaking, "about": told})).texts
    assert texts[texts.index("learned other data") + 1] == "a<b, c"


def test_it_says_what_leaks_how_much_and_shows_examples(leaking):
    text = audit_html(leaking)
    assert "✗ leaks beyond the oracle" in text
    assert ": under leak." in text
    assert "○ no leak found" in text
    texts = Elements(text).texts
    beyond = leaking["probes"]["leak"]["beyond"]
    assert f"{beyond['mean']:+.3f}" in texts
    assert f"[{beyond['low']:+.3f}, {beyond['high']:+.3f}]" in texts
    assert f"{leaking['probes']['multiple_choice']['smallest_leak']:.3f}" in texts
    first = leaking["probes"]["leak"]["examples"][0]
    for shown in (first["question"], first["answer"], first["checkpoint"]["said"]):
        assert shown in texts
    assert first["checkpoint"]["value"] == 1
    assert first["oracle"]["value"] == 0
    assert "depth: why not" in text
    assert "name chat" in texts


def test_a_model_that_only_refuses_is_named_so():
    document = made_document({"abstention": 0}, refused=25)
    assert document["refuses"]
    assert document["verdict"]["verdict"] == "cannot be told"
    text = audit_html(document)
    assert "? cannot be told" in text
    assert "Note: it refuses: at least half of its answers" in text


def test_without_an_oracle_nothing_is_compared_with_one():
    text = audit_html(made_document({"leak": 2}, oracle=False))
    assert "Beyond chance" in text
    assert '<th scope="col">Oracle</th>' not in text


def test_nothing_is_loaded_and_no_script_runs(leaking):
    elements = Elements(audit_html(leaking)).elements
    policy = next(made["content"] for tag, made in elements if "http-equiv" in made)
    assert "default-src 'none'" in policy
    assert "script-src" not in policy
    assert "script" not in {tag for tag, _ in elements}
    addresses = [made[key] for _, made in elements for key in ("src", "href") if key in made]
    assert addresses == ["data:,"]


@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_texts_are_shown_as_texts(text, leaking):
    document = made_document({"leak": 20}, text=text)
    document["about"]["checkpoint"] = text
    document["not_run"] = {"depth": text}
    plain = {tag for tag, _ in Elements(audit_html(leaking)).elements}
    made = audit_html(document)
    assert {tag for tag, _ in Elements(made).elements} <= plain
    assert not re.search("[\x00-\x08\x0b-\x1f]", made)
    assert ("{{ 7 * 7 }}" in made) is ("{{ 7 * 7 }}" in text)


def test_the_worlds_page_has_the_audits_of_all_runs(parts, tmp_path, leaking):
    run, files, shown = parts
    clear = made_document({"leak": 2, "multiple_choice": 2})
    entries = []
    for name, document in (("npo", leaking), ("idk", clear)):
        file = tmp_path / f"{name}.json"
        file.write_text(json.dumps(document))
        place = {"model": "tiny", "split": "forget10", "run": name, "seed": 0}
        entries.append({**place, "path": str(file)})
    text = html(run, replace(files, audits=entries), shown)
    for words in ('href="#audits"', "Verdicts of audits", "<summary>NPO</summary>"):
        assert words in text
    assert text.count("Refusals and what is revealed</h3>") == 2
    assert str(tmp_path / "idk.json") in text
    without = html(run, files, shown)
    assert 'id="audits"' not in without
    assert 'href="#audits"' not in without


def test_runs_are_told_apart_where_there_are_several_seeds(tmp_path, leaking):
    file = tmp_path / "audit.json"
    file.write_text(json.dumps(leaking))
    place = {"model": "tiny", "split": "forget10", "run": "npo", "path": str(file)}
    made = audits.audits([{**place, "seed": 0}, {**place, "seed": 1}])
    assert [part.title for part in made.parts] == ["NPO (0)", "NPO (1)"]
    assert [row[0].text for row in made.table.rows] == ["NPO (0)", "NPO (1)"]
    assert audits.audits([]) is None


@pytest.mark.parametrize("content", ["[]", "{}", '{"format": 1, "probes": {}}', "{"])
def test_a_file_that_is_no_audit_is_named(tmp_path, content):
    file = tmp_path / "audit.json"
    file.write_text(content)
    with pytest.raises(LetheError, match=str(file)):
        audits.read_audit(file)


def test_equal_audits_give_equal_bytes(leaking):
    assert audit_html(leaking) == audit_html(json.loads(json.dumps(leaking)))

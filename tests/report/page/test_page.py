"""The page as a file: its parts, its numbers, what new plug-ins and hostile texts become in it."""

import base64
import hashlib
import json
import re
import subprocess
import sys
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from helpers.page_files import CARD, PNG, page_files, probability, with_text_of
from helpers.synthetic_metrics import FIGURES

from lethe.common import picture_marks
from lethe.common.errors import LetheError
from lethe.common.pictures import decode_picture, write_picture
from lethe.report import figures, interactive, tables
from lethe.report.page import answers
from lethe.report.page import tables as page_tables
from lethe.report.page.card import card
from lethe.report.page.data import Place, Shown
from lethe.report.page.figures import Sources
from lethe.report.page.page import html, write_page

MB = 1_000_000
HOSTILE = [
    "<script>alert(1)</script>",
    "</script><script>alert(2)</script>",
    "<img src=x onerror=alert(3)>",
    "</td></tr></table><h1 id=broken>out</h1>",
    "\" onmouseover='alert(4)' x=\"",
    "<!-- ]]> --><style>body{display:none}</style>",
    "{{ 7 * 7 }} {% raw %}",
    "bell \x07, escape \x1b[31m, null \x00",
    "turned \u202eround, line \u2028 end",
    "javascript:alert(5) https://example.org/x.js",
]


class Elements(HTMLParser):
    """Every element with its attributes, and the texts of scripts and cells."""

    def __init__(self, text: str):
        super().__init__(convert_charrefs=True)
        self.elements, self.scripts, self.styles, self.cells = [], [], [], []
        self._within = None
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.elements.append((tag, dict(attributes)))
        self._within = tag if tag in ("script", "style", "td") else self._within
        if tag in ("script", "style", "td"):
            self._texts(tag).append((dict(attributes), ""))

    def handle_endtag(self, tag):
        self._within = None if tag in ("script", "style", "td") else self._within

    def handle_data(self, data):
        if self._within:
            attributes, text = self._texts(self._within).pop()
            self._texts(self._within).append((attributes, text + data))

    def _texts(self, tag: str) -> list:
        return {"script": self.scripts, "style": self.styles, "td": self.cells}[tag]

    def of(self, tag: str) -> list[dict]:
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def elements(page):
    return Elements(page)


# --- what is on it ---


def test_it_opens_on_results(page):
    """What was run, what came out, the summary, the first figure, the claims; then all else."""
    order = [
        "unlearned forget10 (12 questions) over 5 epochs",
        "At the last epoch",
        'id="table-summary"',
        'id="figure-trajectories-tiny-forget10"',
        "Claims</h2>",
        'id="figure-curves-tiny-forget10"',
        'id="figure-truth_ratios-tiny-forget10"',
        'id="figure-utility_bars-tiny-forget10"',
        'id="figure-pareto-tiny-forget10"',
        'id="table-cost"',
        "Answers</h2>",
        "Statistics</h2>",
        'id="table-oracles"',
        'id="table-utility"',
        "The data card",
        "Provenance</h2>",
        "How to cite</h2>",
    ]
    at = [page.index(text) for text in order]
    assert at == sorted(at)


def test_a_page_without_figures_says_so(parts, page):
    run, files, shown = parts
    assert "None here: the configuration asks for none" in html(run, files, Shown(shown.tables, {}))
    assert "None here" not in page


def test_links_lead_to_parts(elements):
    there = {attributes["id"] for _, attributes in elements.elements if "id" in attributes}
    links = [attributes["href"].removeprefix("#") for attributes in elements.of("a")]
    assert len(links) > 9
    assert set(links) <= there
    ids = [attributes["id"] for _, attributes in elements.elements if "id" in attributes]
    assert len(ids) == len(set(ids))


def test_numbers_are_rounded_and_sorted_by_the_exact_ones(parts, elements):
    _, files, _ = parts
    summary = pd.read_csv(files.tables["summary"]).set_index("run")
    exact = summary.loc["npo", "model_utility"]
    [text] = [text for made, text in elements.cells if made.get("data-order") == str(exact)][:1]
    low, high = (summary.loc["npo", f"model_utility_{end}"] for end in ("low", "high"))
    assert text == f"{exact:.3f} [{low:.3f}, {high:.3f}]"


def test_runs_have_the_names_of_papers(elements):
    texts = {text for _, text in elements.cells}
    assert {"NPO + Retain", "Grad. Ascent", "Retain (another seed)"} <= texts


def test_each_claim_has_its_verdict(parts, elements):
    rows = json.loads(Path(parts[1].claims).read_text())
    verdicts = [made["class"] for made, _ in elements.cells if made.get("class") in VERDICTS]
    assert len(rows) > 3
    assert verdicts == [row["verdict"].replace(" ", "-") for row in rows]


VERDICTS = ("holds", "fails", "undecided", "not-tested")


def test_claims_name_runs_by_their_labels(parts, elements):
    claimed = [row["claim"] for row in json.loads(Path(parts[1].claims).read_text())]
    assert any(claim.startswith("npo_retain keeps more") for claim in claimed)
    texts = " ".join(text for _, text in elements.cells)
    assert "NPO + Retain keeps more than gradient ascent at its epoch 1: by" in texts
    assert "npo_retain keeps more" not in texts


def test_claims_of_papers_that_were_tested_come_first(tmp_path):
    file = tmp_path / "claims.csv"
    given = ["not tested", "undecided", "holds", "not tested", "fails", "undecided"]
    pd.DataFrame({"verdict": given, "claim": list("abcdef")}).to_csv(file, index=False)
    rows = page_tables.page_table(file, {"columns": {}}).rows
    assert "".join(row[1].text for row in rows) == "cebfad"
    assert [row[0].order for row in rows] == [0, 1, 2, 2, 3, 3]


def test_answers_stand_beside_each_other_with_probabilities(elements):
    texts = [text for _, text in elements.cells]
    at = texts.index("Who wrote book 3?")
    assert texts[at : at + 6] == [
        "Who wrote book 3?",
        "Author 3 wrote it.",
        "full says 3",
        f"{probability(0, 3):.3f}",
        "retain says 3",
        f"{probability(1, 3):.3f}",
    ]


def test_full_oracle_and_one_method_are_shown_first(elements):
    [table] = [made for made in elements.of("table") if "data-column-defs" in made]
    [hidden] = json.loads(table["data-column-defs"])
    assert hidden["targets"] == list(range(8, 18))
    assert hidden["visible"] is False
    buttons = json.loads(table["data-layout"])["topStart"]["buttons"]
    assert [button["text"] for button in buttons][:3] == ["Finetune", "Retain", "Grad. Ascent"]
    assert [column for button in buttons for column in button["columns"]] == list(range(2, 18))


def test_every_declared_column_is_one_of_the_table(parts):
    _, files, shown = parts
    for name, file in files.tables.items():
        declared = set(shown.tables[name]["columns"])
        assert declared <= set(pd.read_csv(file)), name
        assert declared, name


def test_the_citation_is_that_of_the_project(page):
    cited = yaml.safe_load((Path(__file__).parents[3] / "CITATION.cff").read_text(encoding="utf-8"))
    [tofu] = cited["references"]
    assert cited["title"] in page
    assert tofu["title"] in page
    assert tofu["url"] in page
    for author in tofu["authors"]:
        assert f"{author['family-names']}, {author['given-names']}" in page


def test_equal_inputs_give_equal_bytes(parts, page, tmp_path):
    write_page(tmp_path / "again.html", *parts)
    assert (tmp_path / "again.html").read_text(encoding="utf-8") == page


def test_the_data_card_is_rendered_with_its_own_picture_alone(tmp_path):
    file = tmp_path / "README.md"
    file.write_text(CARD + "## Part\n\n![a <b>](https://example.org/x.png) <i>x</i>\n")
    text = card(file, "data:image/png;base64,AAAA")
    assert "language: en" not in text
    assert "<h3>The world</h3>" in text
    assert "<h4>Part</h4>" in text
    assert "<td>2</td>" in text
    assert '<img src="data:image/png;base64,AAAA" alt="words">' in text
    assert text.count("<img") == 1
    assert "<p>a &lt;b&gt; &lt;i&gt;x&lt;/i&gt;</p>" in text


# --- plug-ins ---


def test_a_new_table_appears_by_itself(parts, tmp_path):
    """Without a word of how it is shown: all of its columns, rounded."""
    run, files, shown = parts
    (tmp_path / "mine.csv").write_text("run,some_number,text\nnpo,0.123456,words\nfull,2,\n")
    (tmp_path / "mine.rst").write_text("**Mine** of {{ snakemake.config['world']['name'] }}.\n")
    more = replace(
        files,
        tables={**files.tables, "mine": tmp_path / "mine.csv"},
        captions={**files.captions, "mine": tmp_path / "mine.rst"},
    )
    how = tables.presentation({}, "mine", "tables")
    text = html(run, more, Shown({**shown.tables, "mine": how}, shown.figures))
    assert '<h3 id="heading-mine">Mine</h3>' in text
    assert "<strong>Mine</strong> of made-up." in text
    texts = [text for _, text in Elements(text).cells]
    at = texts.index("0.123")
    assert texts[at - 1 : at + 2] == ["NPO", "0.123", "words"]


def test_a_new_figure_without_an_interactive_form_appears_as_its_picture(
    parts, tmp_path, monkeypatch
):
    run, files, shown = parts
    (tmp_path / "mine.png").write_bytes(PNG)
    (tmp_path / "mine.rst").write_text('**Mine** of {{ snakemake.wildcards.model }}: "a" < b.\n')
    monkeypatch.setattr(figures.FIGURES, "folder", tmp_path)
    source = 'PAGE = {"title": "A figure of mine"}\n\ndef draw(data): ...\n'
    (tmp_path / "mine.py").write_text(source)
    more = replace(
        files,
        captions={**files.captions, "mine": tmp_path / "mine.rst"},
        pictures={("mine", "tiny", "forget10"): tmp_path / "mine.png"},
    )
    text = html(run, more, Shown(shown.tables, {"mine": figures.page("mine")}))
    [picture] = [made for made in Elements(text).of("img") if "Mine" in made["alt"]]
    assert picture["src"] == "data:image/png;base64," + base64.b64encode(PNG).decode()
    assert picture["alt"] == 'A figure of mine: Mine of tiny: "a" < b.'


def test_a_figure_is_left_out_where_a_split_lacks_its_metric(parts, data_of_figures):
    sources, place = Sources(*parts[:2]), parts[0].places[0]
    lacking = data_of_figures.scores["metric"] != "generalisation"
    less = replace(data_of_figures, scores=data_of_figures.scores[lacking])
    assert sources.draws("two_oracles", place, data_of_figures)
    assert not sources.draws("two_oracles", place, less)
    assert sources.draws("curves", place, less)


def test_figures_of_scenarios_are_left_out_without_their_data(parts, data_of_figures):
    run, files, _ = parts
    run = replace(run, models=["first", "tiny"], splits=["forget10", "forget20"])
    sources, place = Sources(run, files), Place("tiny", "forget10")
    bare = data_of_figures
    lineage = replace(bare, lineage=pd.DataFrame([{"run": "full"}]))
    surface = bare.scores.iloc[:1].assign(metric="surface")
    lineage = replace(lineage, scores=pd.concat([bare.scores, surface]))
    for name, data in (
        ("lineage", lineage),
        ("exacerbation", replace(bare, defences=[{"model": "tiny"}])),
    ):
        assert sources.draws(name, place, data)
        assert not sources.draws(name, place, bare)
    assert not sources.draws("requests", place, bare)
    with_sequence = Sources(run, replace(files, sequence="request_scores.csv"))
    assert with_sequence.draws("requests", place, bare)
    assert not with_sequence.draws("requests", Place("tiny", "forget20"), bare)
    abstention = bare.scores.iloc[:1].assign(metric="abstention")
    several = replace(bare, scores=pd.concat([bare.scores, abstention]))
    assert sources.draws("recipes", Place("first", "forget10"), several)
    assert not sources.draws("recipes", place, several)
    probability = bare.scores.iloc[:1].assign(metric="probability")
    complete = replace(bare, scores=pd.concat([bare.scores, probability]))
    assert sources.draws("shares", place, complete)
    assert not sources.draws("shares", Place("tiny", "forget20"), complete)


@pytest.mark.parametrize("name", FIGURES)
def test_interactive_figures_are_plotlys(name, data_of_figures):
    import plotly.graph_objects

    made = figures.FIGURES.load(name).interactive(data_of_figures, {"npo": "lr 0.001, beta 0.1"})
    drawn = plotly.graph_objects.Figure(json.loads(json.dumps(made, allow_nan=False)))
    assert {"NPO", "Grad. Ascent", "Retain"} <= {trace.name for trace in drawn.data} | (
        {"Retain"} if name == "pareto" else set()
    )
    assert "beta 0.1" in json.dumps(made)


def test_figures_can_be_read_without_colours(data_of_figures):
    """No two runs have the same marker on lines, nor the same pattern in bars."""
    of = {name: figures.FIGURES.load(name).interactive for name in ("truth_ratios", "utility_bars")}
    lines = of["truth_ratios"](data_of_figures, {})["data"]
    assert {line["mode"] for line in lines} == {"lines+markers"}
    assert len({line["marker"]["symbol"] for line in lines}) == len(lines) == 8
    bars = of["utility_bars"](data_of_figures, {})["data"]
    assert len({bar["marker"]["pattern"]["shape"] for bar in bars}) == len(bars) == 8


@pytest.mark.parametrize("name", ["truth_ratios", "utility_bars", "pareto"])
def test_a_pointer_shows_the_epoch_of_methods_alone(name, data_of_figures):
    made = figures.FIGURES.load(name).interactive(data_of_figures, {})
    said = {one["name"]: str(one.get("text", one.get("hovertext"))) for one in made["data"]}
    last = made["layout"]["sliders"][0]["steps"] if name == "truth_ratios" else []
    assert "<b>NPO, epoch 5</b>" in said["NPO"]
    assert "epoch" not in said.get("Retain", "")
    assert [str(step["args"][0]["text"]).count(f"epoch {step['label']}") for step in last] == [
        6
    ] * len(last)


def test_labels_of_levels_are_at_different_places(data_of_figures):
    """Two levels may be close to each other, such as the utility of the full model and oracle."""
    made = figures.FIGURES.load("pareto").interactive(data_of_figures, {})
    at = [(one["xref"], one["xanchor"], one["yanchor"]) for one in made["layout"]["annotations"]]
    assert len(set(at)) == len(at) == 5


def test_what_a_pointer_shows_has_no_markup_and_no_control_characters():
    said = interactive.hover("a<b>", ["x \x1b[31m"], "turned \u202eround")
    assert said == "<b>a&lt;b&gt;</b><br>x \\x1b[31m<br><i>turned \\u202eround</i>"


@pytest.fixture(scope="module")
def data_of_figures(tmp_path_factory):
    from helpers import synthetic_metrics as synthetic

    return synthetic.figure_data(synthetic.write_world(tmp_path_factory.mktemp("figures")))


# --- limits ---


def test_its_size_is_below_ten_megabytes_without_being_empty(page):
    assert 5 * MB < len(page.encode()) < 8 * MB


def test_large_runs_are_cut_and_it_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "MOST_ITEMS", 5)
    monkeypatch.setattr(answers, "MOST_LETTERS", 20)
    monkeypatch.setattr(page_tables, "MOST_ROWS", 3)
    run, files, shown = page_files(tmp_path, ("npo",))
    with_text_of(files, "npo", "generation", ["long " * 100])
    text = html(run, files, shown)
    assert "Not shown: 7 of 12 questions" in text
    assert "Who wrote book 4?" in text
    assert "Who wrote book 5?" not in text
    assert "long long long long  …" in text
    assert f"Not shown: 1 more row, in {files.tables['summary']}." in text


def test_a_question_has_its_picture_beside_it(tmp_path):
    run, files, shown = page_files(tmp_path, ("npo",))
    pixels = np.arange(8 * 8 * 3, dtype=np.uint8).reshape(8, 8, 3)
    (tmp_path / "pictures").mkdir()
    write_picture(tmp_path / "pictures/author_000_base.png", pixels)
    write_picture(tmp_path / "pictures/author_001_base.png", 255 - pixels)
    mark, unknown = picture_marks.mark_of(pixels), f"{picture_marks.BEGIN}{'0' * 12}⟧"
    asked = [f"{mark} Who is this?", "Who is Ada?", f"{unknown} Who is that?"]
    for name in ("full", "retain", "npo"):
        with_text_of(files, name, "question", asked)
    text = html(run, replace(files, seen=tmp_path / "pictures"), shown)
    cells = re.findall(r"<td class=\"answer\">(<img [^>]*>)?(Who is [^<]*)</td>", text)
    address = re.fullmatch(
        r'<img class="seen" src="data:image/png;base64,([^"]*)" alt="[^"]*">', cells[0][0]
    )
    shown_pixels = decode_picture(base64.b64decode(address[1]), "the page")
    assert (shown_pixels == pixels).all()
    assert cells[0][1] == "Who is this?"
    assert cells[1:3] == [("", "Who is Ada?"), ("", "Who is that?")]


def test_answers_of_many_runs_are_fewer_items(tmp_path, monkeypatch):
    monkeypatch.setattr(answers, "MOST_ANSWERS", 12)
    run, files, shown = page_files(tmp_path, ("npo", "idk"))
    assert "Not shown: 9 of 12 questions" in html(run, files, shown)


def test_several_forget_sets_and_seeds(tmp_path, monkeypatch):
    """Each has its sentences, figures and answers, up to a limit; tables name the forget set."""
    splits = ("forget05", "forget10")
    parts = page_files(tmp_path, ("npo", "idk"), seeds=(0, 1), splits=splits)
    text = html(*parts)
    made = Elements(text)
    for split in splits:
        assert f"<b>tiny, {split}:</b>" in text
        assert f'id="figure-trajectories-tiny-{split}"' in text
        assert f'id="own-answers-tiny-{split}"' in text
        assert f"Forget quality against model utility (tiny, {split})" in text
    assert "Forget set</th>" in text
    ids = [some["id"] for _, some in made.elements if "id" in some]
    assert len(ids) == len(set(ids))
    assert "Brackets of 2 seeds: their range" in text
    monkeypatch.setattr("lethe.report.page.page.MOST_PLACES", 1)
    fewer = html(*parts)
    assert "Not shown: figures and answers of 1 more pair of model and forget set" in fewer
    assert 'id="figure-trajectories-tiny-forget10"' not in fewer


@pytest.mark.parametrize("content", ["run,seed,value\n", "model,split,run\ntiny,a,full\n"])
def test_a_table_of_nothing_that_was_measured_is_left_out(parts, tmp_path, content):
    """A benchmark in a form of its own has no forget quality, say."""
    run, files, shown = parts
    (tmp_path / "mine.csv").write_text(content)
    more = replace(files, tables={**files.tables, "mine": tmp_path / "mine.csv"})
    how = tables.presentation({}, "mine", "tables")
    text = html(run, more, Shown({**shown.tables, "mine": how}, shown.figures))
    assert "heading-mine" not in text
    assert 'id="table-summary"' in text


def test_the_table_of_a_benchmark_is_the_first_of_the_results():
    for name in ("lume", "mcq", "muse", "open_questions", "ppu_tasks", "rwku"):
        said = tables.page(name)
        assert said["section"] == "summary"
        assert said["place"] < tables.page("summary")["place"]


def test_without_answers_or_claims_the_page_says_so(parts, tmp_path):
    run, files, shown = parts
    (tmp_path / "claims.json").write_text("[]")
    text = html(run, replace(files, records=[], claims=tmp_path / "claims.json"), shown)
    assert "The answers of other suites are in the records" in text
    assert "own-claims" not in text


def test_a_run_without_methods_has_tables_alone(parts):
    run, files, shown = parts
    text = html(replace(run, methods=[]), files, shown)
    assert "No method was run, so there is nothing to compare." in text
    assert 'id="table-summary"' in text
    assert "<figure" not in text


# --- safety ---


@pytest.fixture(scope="module")
def hostile(tmp_path_factory):
    """A page of runs whose every text is hostile: records, card, tables, claims, settings."""
    folder = tmp_path_factory.mktemp("hostile")
    run, files, shown = page_files(folder, ("npo",))
    for column in ("question", "answer", "generation"):
        for name in ("full", "retain", "npo"):
            with_text_of(files, name, column, HOSTILE)
    with open(files.card, "a", encoding="utf-8") as card:
        card.write("\n".join(HOSTILE))
        card.write("\n\n![x](https://example.org/x.png) [a](javascript:alert(6))\n")
    table = pd.DataFrame({"run": ["npo"] * len(HOSTILE), HOSTILE[0]: HOSTILE, "reason": HOSTILE})
    table.to_csv(folder / "mine.csv", index=False)
    claims = json.loads(Path(files.claims).read_text())
    claims[0]["claim"] = HOSTILE[2]
    Path(files.claims).write_text(json.dumps(claims))
    files = replace(
        files,
        tables={**files.tables, "mine": folder / "mine.csv"},
        captions={**files.captions, "mine": files.captions["summary"]},
    )
    settings = {"npo": {"prompt": HOSTILE[1], "other": HOSTILE[7]}}
    shown = Shown(
        {**shown.tables, "mine": tables.presentation({"title": HOSTILE[0]}, "mine", "tables")},
        shown.figures,
    )
    return html(replace(run, settings=settings), files, shown)


def test_hostile_texts_are_shown_as_text(page, hostile):
    plain, made = Elements(page), Elements(hostile)
    assert len(made.scripts) == len(plain.scripts)
    assert not [name for name, _ in made.elements if name in ("object", "iframe", "embed", "base")]
    assert len(made.of("style")) == len(plain.of("style"))
    handlers = [key for _, some in made.elements for key in some if key.startswith("on")]
    assert handlers == []
    assert "broken" not in {some.get("id") for _, some in made.elements}
    texts = {text for _, text in made.cells}
    assert HOSTILE[0] in texts
    assert HOSTILE[3] in texts
    assert "{{ 7 * 7 }} {% raw %}" in texts
    assert "bell \\x07, escape \\x1b[31m, null \\x00" in texts


def test_no_control_character_is_left(hostile):
    outside = re.sub(r"<script.*?</script>", "", hostile, flags=re.DOTALL)
    assert re.findall("[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e]", outside) == []


@pytest.mark.parametrize("which", ["page", "hostile"])
def test_nothing_comes_from_elsewhere(which, request):
    made = Elements(request.getfixturevalue(which))
    addresses = [
        some[key] for tag, some in made.elements for key in ("src", "srcset", "data") if key in some
    ]
    assert [address for address in addresses if not address.startswith("data:image/png")] == []
    links = [some for some in made.of("link")]
    assert links == [{"rel": "icon", "href": "data:,"}]
    assert [some["href"] for some in made.of("a") if some["href"].startswith("javascript")] == []
    assert "@import" not in "".join(text for _, text in made.styles)


@pytest.mark.parametrize("which", ["page", "hostile"])
def test_the_policy_names_just_the_scripts_that_are_there(which, request):
    made = Elements(request.getfixturevalue(which))
    [policy] = [
        some["content"]
        for some in made.of("meta")
        if some.get("http-equiv") == "Content-Security-Policy"
    ]
    run = [text for some, text in made.scripts if some.get("type") != "application/json"]
    assert len(run) == 3
    wanted = [base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() for text in run]
    assert re.findall(r"'sha256-([^']+)'", policy) == wanted
    assert "unsafe-eval" not in policy
    assert "'unsafe-inline'" not in policy.split("script-src")[1].split(";")[0]
    assert policy.startswith("default-src 'none'")


def test_what_has_no_caption_is_shown_without_one(parts):
    run, files, shown = parts
    some = {name: file for name, file in files.captions.items() if name != "summary"}
    text = html(run, replace(files, captions=some), shown)
    assert text.count('<div class="caption"></div>') == 1


@pytest.mark.parametrize("content", [b"", b"a,b\n1,2,3\n4,5,6,7\n", b"a\n\xff\xfe\n"])
def test_a_table_that_is_none_is_refused(tmp_path, content):
    (tmp_path / "mine.csv").write_bytes(content)
    with pytest.raises(LetheError, match=r"mine\.csv: not a table"):
        page_tables.page_table(tmp_path / "mine.csv", {"columns": {}})


@pytest.mark.parametrize(
    "text",
    ["{{ snakemake.wildcards.nothing }}", "{% if %}", ".. raw:: html\n\n   <b>x</b>\n", "*half"],
)
def test_a_caption_that_is_none_is_refused(parts, tmp_path, text):
    run, files, shown = parts
    (tmp_path / "summary.rst").write_text(text)
    wrong = replace(files, captions={**files.captions, "summary": tmp_path / "summary.rst"})
    with pytest.raises(LetheError, match=r"summary\.rst: not a caption"):
        html(run, wrong, shown)


def test_a_libraries_own_settings_in_the_folder_change_nothing(tmp_path, page):
    (tmp_path / "itables.toml").write_text("classes = 3\nno such = option")
    code = "from lethe.report.page.scripts import scripts; print(scripts().policy)"
    command = [sys.executable, "-c", code]
    policy = subprocess.run(
        command, cwd=tmp_path, capture_output=True, text=True, check=True
    ).stdout
    assert policy.strip() in page.replace("&#39;", "'")

"""docs/extending.md and the pages that it names: their files are all that a plan needs."""

import re

import pytest
from helpers.guides import Guide, write_authors
from helpers.workflow_folder import sources

PAGE = "extending.md"
ROW = re.compile(r"^\| ([\w ]+) \| (\d+) \| \[[^]]*\]\(([\w.-]*)(?:#([\w-]+))?\)", re.MULTILINE)
ROWS = {what: (int(files), *place) for what, files, *place in ROW.findall(Guide.of(PAGE).text)}
# What a dry run must list that it did not list before.
JOBS = {
    "method": ["unlearn_bounded_ascent[forget10,0]", "collect[forget10,bounded_ascent,0,tofu]"],
    "kind of split": ["split_half_given", "train_without_given[half_given,0]"],
    "metric": ["score[forget10,npo,0,refusal_rate]", "score[forget10,full,0,refusal_rate]"],
    "suite": [
        "collect[forget10,npo,0,rephrased]",
        "score[forget10,npo,0,rephrased_probability]",
    ],
    "probe of an audit": ["audit_answers[forget10,npo,0]", "audit[forget10,npo,0]"],
    "attack": ["state_noise[forget10,npo,0]", "table_states"],
    "wrapper": ["unlearn_npo_anchored[forget10,0]"],
    "defence": ["defend_politeness_then_repair[0]", "defend_politeness[0]", "table_defences"],
    "search strategy": ["propose_npo_batch2[forget10,0]", "unlearn_npo_trial2[forget10,0]"],
    "recipe": ["train_full[0]", "train_retain[forget10,0]"],
    "need of a method": ["unlearn_rephrased_ascent[forget10,0]"],
    "world provider": ["world", "facts"],
    "model architecture": ["base", "unlearn_npo[forget10,0]"],
    "figure": ["figure_rouge_loss[forget10]"],
    "table": ["table_rouge"],
    "claims of a paper": ["table_method_claims"],
    "study": ["npo_weight_study"],
    "exhibit of the paper": ["paper_utility[forget10]"],
}
TWO = ("suite", "figure", "table", "study", "need of a method")
# Those of which a plain run has jobs of the same names.
SAME_NAMES = ("recipe", "world provider", "model architecture", "claims of a paper")


def guide(what: str) -> Guide:
    """The page or the section that the table names."""
    _, page, anchor = ROWS[what]
    headings = re.findall(r"^## (.+)$", Guide.of(page or PAGE).text, re.MULTILINE)
    by_anchor = {heading.lower().replace(" ", "-"): heading for heading in headings}
    return Guide.of(page or PAGE, by_anchor[anchor] if anchor else None)


def inputs(output: str, rule: str) -> list[str]:
    """The files that a dry run says a rule's only job reads."""
    (job,) = re.findall(rf"^(?:local)?rule {rule}:\n(?: +input: (.*)\n)?", output, re.MULTILINE)
    return job.split(", ") if job else []


def test_the_table_names_every_kind_of_plug_in():
    assert ROWS.keys() == JOBS.keys()
    for what, (files, _, _) in ROWS.items():
        assert files <= (2 if what in TWO else 1)
    # The other file is the method: the need itself is declared in one.
    folders = [name.rpartition("/")[0] for name in guide("need of a method").files]
    assert sorted(folders) == ["src/lethe/unlearn/methods", "src/lethe/unlearn/needs"]


@pytest.fixture(scope="module")
def plain(tmp_path_factory):
    """What is planned without any of them."""
    return sources(tmp_path_factory.mktemp("plain") / "folder").planned()


@pytest.mark.parametrize("what", ROWS)
def test_the_files_of_a_guide_are_all_that_a_plan_needs(what, plain, tmp_path):
    folder, told = sources(tmp_path / "folder"), guide(what)
    assert (set(JOBS[what]) <= plain) == (what in SAME_NAMES)
    written = told.write(folder)
    assert len(written) == ROWS[what][0]
    if what == "world provider":
        write_authors(folder / told.word["world"]["path"], 22)
    outcome = folder.snakemake("-n", *told.targets, overlay=told.word)
    assert outcome.code == 0, outcome.end
    assert set(JOBS[what]) <= outcome.jobs
    if what == "need of a method":
        read = inputs(outcome.output, "unlearn_rephrased_ascent")
        assert "results/smoke/data/forget10_perturbed.json" in read
    if what == "world provider":
        # Its facts are Lethe's own: they are made from no file.
        assert inputs(outcome.output, "facts") == []
        assert told.word["world"]["path"] in inputs(outcome.output, "world")

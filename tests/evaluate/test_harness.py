"""Tasks of lm-evaluation-harness against its own class on the same weights; its result files."""

import copy
import json
import math

import pytest

from lethe.cli.main import main
from lethe.common.errors import LetheError
from lethe.evaluate import harness
from lethe.evaluate.harness import HarnessTasks, Score, read_scores
from lethe.model.intervention import attach
from lethe.model.interventions import prompt

HEAD = """
task: {name}
dataset_path: json
dataset_kwargs: {{data_files: {{test: {rows}}}}}
test_split: test
doc_to_text: "{text}"
"""
CHOICE = """
output_type: multiple_choice
doc_to_choice: choices
doc_to_target: answer
metric_list: [{metric: acc, aggregation: mean}, {metric: acc_norm, aggregation: mean}]
"""
ANSWER = """
output_type: generate_until
doc_to_target: "{{choices[answer]}}"
generation_kwargs: {until: ["."], do_sample: SAMPLED, temperature: 0.7, max_gen_toks: 12}
metric_list: [{metric: exact_match, aggregation: mean}]
"""
TEXT = """
output_type: loglikelihood_rolling
doc_to_target: "{{text}}"
metric_list: [{metric: bits_per_byte, aggregation: bits_per_byte}]
"""
NAMES = ("Ada Lind", "Ben Okri", "Cleo Marsh", "Dan Roe", "Eve Stone", "Finn Hale", "Gil Po")
ASKED = HarnessTasks(["towns", "answers", "text"])


@pytest.fixture(scope="module")
def tasks(tmp_path_factory):
    """A folder with three tasks of made rows; one text is longer than the model's positions."""
    folder = tmp_path_factory.mktemp("tasks")
    towns = ["Paris", "London, of all the places", "Oslo", "a town of which nobody has heard"]
    rows = [
        {
            "q": f"Where was {name} born?",
            "choices": towns[i % 3 :],
            "answer": 0,
            "text": f"{name} was born in {towns[i % 4]}. " * (1 + 30 * (i == 2)),
        }
        for i, name in enumerate(NAMES)
    ]
    (folder / "rows.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    asked = "Question: {{q}} Answer:"
    wanted = {"towns": (asked, CHOICE), "answers": (asked, ANSWER), "text": ("", TEXT)}
    for name, (text, rest) in wanted.items():
        head = HEAD.format(name=name, rows=folder / "rows.jsonl", text=text)
        (folder / f"{name}.yaml").write_text(head + rest.replace("SAMPLED", "false"))
    sampled = HEAD.format(name="sampled", rows=folder / "rows.jsonl", text=asked)
    (folder / "sampled.yaml").write_text(sampled + ANSWER.replace("SAMPLED", "true"))
    return folder


@pytest.fixture
def offline(monkeypatch):
    pytest.importorskip("lm_eval")
    monkeypatch.setenv("HF_DATASETS_OFFLINE", "1")


def of_folder(tasks, *names):
    return HarnessTasks(list(names) or ASKED.tasks, include_path=str(tasks))


def test_scores_are_those_of_the_harness_itself(offline, foreign, tasks):
    from lm_eval.evaluator import simple_evaluate
    from lm_eval.models.huggingface import HFLM
    from lm_eval.tasks import TaskManager
    from transformers import AutoModelForCausalLM, AutoTokenizer

    source = foreign
    model = AutoModelForCausalLM.from_pretrained(source)
    theirs = simple_evaluate(
        HFLM(
            pretrained=model,
            tokenizer=AutoTokenizer.from_pretrained(source),
            device="cpu",
            batch_size=3,
        ),
        tasks=ASKED.tasks,
        task_manager=TaskManager(include_path=str(tasks)),
        bootstrap_iters=0,
    )["results"]
    ours = harness.evaluate(source, of_folder(tasks))["results"]
    assert ours.keys() == theirs.keys() == set(ASKED.tasks)
    for task, score in (("towns", "acc"), ("towns", "acc_norm"), ("answers", "exact_match")):
        assert ours[task][f"{score},none"] == theirs[task][f"{score},none"]
    bits = "bits_per_byte,none"
    assert ours["text"][bits] == pytest.approx(theirs["text"][bits], rel=1e-5)


def test_interventions_take_part(offline, model, tokenizer):
    from lm_eval.api.instance import Instance

    from lethe.evaluate.harness_model import HarnessModel

    own = copy.deepcopy(tokenizer)
    plain = HarnessModel(model, tokenizer)
    attach(model, own, prompt.Intervention(before="Ada lives in Oslo. "))
    asked_for = {"until": ["."], "max_gen_toks": 8}
    for kind, rest in (("loglikelihood", " Oslo"), ("generate_until", asked_for)):
        asked = getattr(HarnessModel(model, own), kind)([Instance(kind, {}, ("Where?", rest), 0)])
        wanted, bare = (
            getattr(plain, kind)([Instance(kind, {}, (text, rest), 0)])
            for text in ("Ada lives in Oslo. Where?", "Where?")
        )
        assert asked == wanted
        assert asked != bare


def test_the_same_bytes_twice(offline, foreign, tasks):
    first, second = (harness.evaluate(foreign, of_folder(tasks)) for _ in range(2))
    assert json.dumps(first) == json.dumps(second)


def test_what_cannot_be_asked(offline, foreign, tasks):
    with pytest.raises(LetheError, match="the harness has no task cities"):
        harness.evaluate(foreign, of_folder(tasks, "cities"))
    with pytest.raises(LetheError, match="a task samples its answers"):
        harness.evaluate(foreign, of_folder(tasks, "sampled"))


def test_where_the_command_cannot_write_nothing_is_asked(tmp_path):
    with pytest.raises(SystemExit, match="a folder; name a file in it"):
        main(["lm-eval", str(tmp_path / "none"), "--tasks", "t", "--out", str(tmp_path)])


def test_a_folder_without_tasks(tmp_path):
    with pytest.raises(LetheError, match=r"has no file of a task"):
        harness.check_folder(str(tmp_path))
    harness.check_folder(None)


def written(path, **content):
    path.write_text(json.dumps(content))
    return path


def test_scores_of_a_file(tmp_path):
    values = {
        "alias": "towns",
        "sample_len": 4,
        "acc,none": 0.25,
        "acc_stderr,none": 0.1,
        "exact_match,strict": 1,
        "exact_match_stderr,strict": "N/A",
    }
    counts = {"towns": {"original": 9, "effective": 4}}
    better = {"towns": {"acc": True}}
    file = written(
        tmp_path / "r.json",
        results={"towns": values},
        **{"n-samples": counts, "higher_is_better": better},
    )
    assert read_scores(file) == [
        Score("towns", "acc", 0.25, 0.1, 4, True),
        Score("towns", "exact_match (strict)", 1.0, None, 4, None),
    ]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ({"scores": {}}, "no results of lm-evaluation-harness"),
        ({"results": [1]}, "no results of lm-evaluation-harness"),
        ({"results": {"arc": {"acc,none": 1}}}, "no results of the task towns; its tasks: arc"),
        ({"results": {"towns": 3}}, "the results of towns are no scores"),
        ({"results": {"towns": {"alias": "t"}}}, "no task in it has a score"),
        ({"results": {"towns": {"acc,none": None}}}, "acc,none is None, not a number"),
        ({"results": {"towns": {"acc,none": 10**400}}}, r"acc,none is 10+, not a number"),
    ],
)
def test_files_of_another_kind(tmp_path, content, said):
    with pytest.raises(LetheError, match=said):
        read_scores(written(tmp_path / "r.json", **content), ["towns"])


def test_a_value_that_is_no_number_is_not_a_score(tmp_path):
    text = json.dumps({"results": {"towns": {"acc,none": math.nan}}})
    (tmp_path / "r.json").write_text(text)
    with pytest.raises(LetheError, match="not a number"):
        read_scores(tmp_path / "r.json")


def test_a_file_of_the_user_is_not_to_be_deleted(tmp_path):
    (tmp_path / "r.json").write_text("")
    with pytest.raises(LetheError, match=r"not valid JSON .*; run the harness again, or name"):
        read_scores(tmp_path / "r.json")


def test_notes_of_another_form_are_passed_over(tmp_path):
    better = {"higher_is_better": {"towns": True}}
    for counts in ([4], {"towns": {"effective": "many"}}, {"towns": {"effective": True}}):
        results = {"towns": {"acc,none": 0.5}}
        file = written(tmp_path / "r.json", results=results, **{"n-samples": counts}, **better)
        assert read_scores(file) == [Score("towns", "acc", 0.5, None, None, None)]

"""The suite of sampled answers, and the NLI or model that may judge them."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pytest
import torch

from lethe.common.errors import LetheError
from lethe.evaluate import entailment, judge, suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.suite import Limits
from lethe.model import checkpoint

MORE = {"samples": 3, "seed": 2}


@pytest.fixture(scope="module")
def rows(pairs):
    return {"forget": [{"question": q, "answer": a} for q, a in pairs[:5]]}


@pytest.fixture(scope="module")
def nli(tokenizer, tmp_path_factory):
    """A tiny classifier with MNLI's labels."""
    from transformers import BertConfig, BertForSequenceClassification

    folder = tmp_path_factory.mktemp("nli")
    labels = {0: "CONTRADICTION", 1: "NEUTRAL", 2: "ENTAILMENT"}
    config = BertConfig(
        vocab_size=len(tokenizer),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        id2label=labels,
        label2id={name: number for number, name in labels.items()},
        pad_token_id=tokenizer.pad_token_id,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = BertForSequenceClassification(config)
        for weights in model.parameters():
            torch.nn.init.normal_(weights, std=0.5)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def asked(model, encoder, rows, limits=None, **settings):
    limits = limits or Limits(96, 12)
    evaluation = Evaluation("sampled", encoder, rows, limits, settings={**MORE, **settings})
    return evaluation(model).sets["forget"]


def test_each_question_has_its_samples(model, encoder, rows):
    items = asked(model, encoder, rows)
    assert items.question == [row["question"] for row in rows["forget"]]
    assert items.answer == [row["answer"] for row in rows["forget"]]
    assert [len(texts) for texts in items.sample] == [3] * 5
    assert len({text for texts in items.sample for text in texts}) > 5
    assert items.sample_entailment is None
    assert items.sample_control is None
    assert asked(model, encoder, rows).sample == items.sample
    assert asked(model, encoder, rows, temperature=0.4).sample != items.sample
    assert asked(model, encoder, rows, top_p=0.2).sample != items.sample
    assert asked(model, encoder, rows, seed=3).sample != items.sample
    alone = asked(model, encoder, {"forget": rows["forget"][3:]})
    assert alone.sample == items.sample[3:]


def test_samples_end_with_the_limits(model, encoder, rows):
    def longest(limits):
        items = asked(model, encoder, rows, limits)
        ids = encoder.tokenizer([text for texts in items.sample for text in texts]).input_ids
        return max(map(len, ids))

    assert longest(Limits(96, 2)) < longest(Limits(96, 12))


def test_an_nli_judges_every_sample(model, encoder, rows, nli):
    items = asked(model, encoder, rows, nli=str(nli))
    assert items.sample == asked(model, encoder, rows).sample
    from transformers import AutoModelForSequenceClassification

    judge = AutoModelForSequenceClassification.from_pretrained(nli).eval()
    for texts, chances, answer in zip(
        items.sample, items.sample_entailment, items.answer, strict=True
    ):
        for text, chance in zip(texts, chances, strict=True):
            pair = encoder.tokenizer(text, answer, return_tensors="pt")
            with torch.no_grad():
                wanted = judge(**pair).logits.softmax(-1)[0, 2].item()
            assert chance == pytest.approx(wanted, abs=1e-5)
    assert len({round(chance, 6) for row in items.sample_entailment for chance in row}) > 5
    assert controls(items, lambda q, a, given: entails(judge, encoder, given, a))


def entails(judge, encoder, text, answer):
    with torch.no_grad():
        return judge(**encoder.tokenizer(text, answer, return_tensors="pt")).logits.softmax(-1)[
            0, 2
        ]


def controls(items, said) -> bool:
    """Whether a judge was asked about each true answer and about that of half a set further on."""
    half = len(items.answer) // 2
    others = items.answer[half:] + items.answer[:half]
    assert all(map(str.__ne__, others, items.answer))
    for question, answer, other, row in zip(
        items.question, items.answer, others, items.sample_control, strict=True
    ):
        wanted = [float(said(question, answer, given)) for given in (answer, other)]
        assert list(row) == pytest.approx(wanted, abs=1e-5)
    return True


def test_a_judge_is_asked_about_every_sample(tmp_path, model, encoder, rows):
    folder = tmp_path / "judge"
    checkpoint.save(folder, model, encoder.tokenizer, {})
    items = asked(model, encoder, rows, judge=str(folder))
    assert items.sample == asked(model, encoder, rows).sample
    for question, texts, chances, answer in zip(
        items.question, items.sample, items.sample_entailment, items.answer, strict=True
    ):
        for text, chance in zip(texts, chances, strict=True):
            assert chance == pytest.approx(states(model, encoder, question, answer, text), abs=1e-5)
    assert len({round(chance, 6) for row in items.sample_entailment for chance in row}) > 5
    assert controls(items, lambda *triple: states(model, encoder, *triple))


def states(model, encoder, question, answer, given) -> float:
    put = judge.QUESTION.format(question=question, answer=answer, given=given)
    logs = {word: log_probability(model, encoder, put, word) for word in ("yes", "no")}
    return np.exp(logs["yes"]) / (np.exp(logs["yes"]) + np.exp(logs["no"]))


def log_probability(model, encoder, question: str, word: str) -> float:
    """Of a word's tokens behind a question, without Lethe's forward passes."""
    prompt = encoder.tokenizer.apply_chat_template(
        [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
    )
    start = len(encoder.tokenizer(prompt, add_special_tokens=False).input_ids)
    ids = torch.tensor([encoder.tokenizer(prompt + word, add_special_tokens=False).input_ids])
    with torch.no_grad():
        logs = model(input_ids=ids).logits.double().log_softmax(-1)[0]
    return sum(logs[k - 1, ids[0, k]].item() for k in range(start, ids.shape[1]))


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (None, "no config.json"),
        ({"architectures": ["BertModel"]}, "BertModel is not a causal language model"),
        ([], "a model without architectures is not a causal language model"),
    ],
)
def test_a_folder_that_is_no_judge_is_one_line(tmp_path, config, why):
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    with pytest.raises(LetheError, match=f"judge: .*{why}; name a folder"):
        suite.check_settings("sampled", {"judge": str(tmp_path)})


@pytest.mark.parametrize("key", ["nli", "judge"])
def test_a_home_may_be_written_with_a_tilde(monkeypatch, tmp_path, key):
    monkeypatch.setenv("HOME", str(tmp_path))
    assert suite.settings_of("sampled", {key: "~/judge"})[key] == str(tmp_path / "judge")
    assert suite.settings_of("sampled", {key: "some/~/judge"})[key] == "some/~/judge"
    with pytest.raises(LetheError, match=f"{key}: {tmp_path}/judge: no config.json"):
        suite.check_settings("sampled", {key: "~/judge"})


def test_only_one_of_nli_and_judge_is_asked():
    with pytest.raises(LetheError, match="both nli and judge are set; set one of them"):
        suite.check_settings("sampled", {"nli": "here", "judge": "there"})


@pytest.mark.parametrize(
    ("config", "why"),
    [
        (None, "no config.json"),
        ({"architectures": ["LlamaForCausalLM"]}, "LlamaForCausalLM is not a classifier"),
        ({}, "a model without architectures is not a classifier"),
        ([], "a model without architectures is not a classifier"),
        ({"architectures": 5}, "a model without architectures is not a classifier"),
        (
            {"architectures": ["XForSequenceClassification"], "id2label": ["a"]},
            "its labels are none",
        ),
        (
            {"architectures": ["XForSequenceClassification"], "id2label": {"x": "entailment"}},
            "its labels are entailment",
        ),
        (
            {"architectures": ["BertForSequenceClassification"], "id2label": {"0": "TOXIC"}},
            "its labels are TOXIC",
        ),
        (
            {
                "architectures": ["BertForSequenceClassification"],
                "id2label": {"0": "entailed", "1": "entails"},
            },
            "its labels are entailed, entails",
        ),
    ],
)
def test_a_folder_that_is_no_nli_is_one_line(tmp_path, config, why):
    if config is not None:
        (tmp_path / "config.json").write_text(json.dumps(config))
    for refuse in (entailment.check, lambda path: suite.check_settings("sampled", {"nli": path})):
        with pytest.raises(LetheError, match=f"nli: .*{why}; name a folder") as error:
            refuse(str(tmp_path))
        assert "\n" not in str(error.value)


def test_an_nli_without_weights_is_one_line(tmp_path, nli):
    (tmp_path / "config.json").write_text((nli / "config.json").read_text())
    with pytest.raises(LetheError, match=r"^nli: ") as error:
        entailment.load(str(tmp_path))
    assert "\n" not in str(error.value)


def changed(nli, folder, **values):
    """A copy of the classifier with other values in its configuration."""
    shutil.copytree(nli, folder, dirs_exist_ok=True)
    config = json.loads((nli / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(config | values))
    return str(folder)


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"num_hidden_layers": 2}, "its file of weights lacks bert.encoder.layer.1."),
        ({"num_hidden_layers": 0}, "its file of weights has besides bert.encoder.layer.0."),
        ({"intermediate_size": 32}, "cannot load the classifier ("),
        ({"hidden_size": "a"}, "cannot load the classifier (config.json: "),
        ({"model_type": "nosuch"}, "cannot load the classifier ("),
    ],
)
def test_weights_that_are_not_those_of_the_configuration_judge_nothing(tmp_path, nli, values, why):
    """transformers draws what is missing at random, and leaves out what has no place."""
    with pytest.raises(LetheError) as error:
        entailment.load(changed(nli, tmp_path, **values))
    assert str(error.value).startswith(f"nli: {tmp_path}: {why}")
    assert "\n" not in str(error.value)


def test_cut_weights_are_one_line(tmp_path, nli):
    path = changed(nli, tmp_path)
    with (tmp_path / "model.safetensors").open("r+b") as file:
        file.truncate(3000)
    with pytest.raises(LetheError, match=r"^nli: "):
        entailment.load(path)


def test_samples_that_are_too_long_for_an_nli_are_cut_and_answers_are_refused(tmp_path, nli):
    """Positions end although its tokenizer names no length; the answer is never cut."""
    judge = entailment.load(str(nli))
    short = replace(judge, longest=24)
    long, cut = "Ada was born in Oslo. " * 40, "It was Oslo."
    [chance] = entailment.probabilities(judge, [(long, cut)], "cpu")
    assert judge.longest == 512
    assert 0 <= chance <= 1
    assert entailment.probabilities(short, [(long, cut)], "cpu") != [chance]
    entailment.check_room(short, [cut])
    with pytest.raises(LetheError, match=r"reads 24 tokens, but the answer 'Ada was born .* has"):
        entailment.check_room(short, [cut, long])


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"samples": 0}, "samples is 0; set it to a whole number from 1"),
        ({"temperature": 0}, "temperature is 0; set it to a number from 0.001"),
        # Logits divided by less are no numbers.
        ({"temperature": 1e-307}, "temperature is 1e-307; set it to a number from 0.001"),
        ({"seed": 10**309}, "seed is 1000"),
        ({"top_p": 1.5}, "top_p is 1.5; set it to a number above 0 to at most 1"),
        ({"nli": 3}, "nli is 3; set it to a text, or null"),
        ({"sampels": 3}, "unknown setting 'sampels'"),
    ],
)
def test_settings_that_make_no_sense_are_one_line(settings, why):
    with pytest.raises(LetheError, match=f"suite 'sampled': {why}"):
        suite.settings_of("sampled", settings)


def test_a_row_without_an_answer_is_named():
    with pytest.raises(LetheError, match="set 'forget', row 2: no answer"):
        suite.check("sampled", {"forget": [{"question": "a", "answer": "b"}, {"question": "a"}]})

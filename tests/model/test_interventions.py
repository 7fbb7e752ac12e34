"""What a checkpoint does at inference time beside its weights: saved, loaded, gone through."""

import copy
import json
import os

import pytest
import torch
from helpers.small_models import CLOSE, FAMILIES, make_family, plain, token_nll

from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.records import Records, write_records
from lethe.evaluate.suite import Limits
from lethe.model import attached, checkpoint, checkpoint_record, interventions, precision
from lethe.model.encoder import Encoder
from lethe.model.generate import greedy
from lethe.model.intervention import asked, attach, carried_by
from lethe.model.interventions import prompt
from lethe.model.likelihood import mean_losses
from lethe.model.settings import Compute
from lethe.unlearn import methods
from lethe.unlearn.methods.prompt import ORACLE
from lethe.unlearn.supervision import supervise
from lethe.unlearn.unlearning import leave_checkpoints

REFUSALS = ["I don't know.", "No idea."]
# One setting of each kind of intervention, on seven rows.
WRAPPED = {
    "prompt": {"names": ["Ada Lind"]},
    "oracle": {"condition": "oracle"},
    "guard_it": {"layer": 0},
    "eco": {"strength": 4.0},
    "icul": {"kept": 2},
    # With a reward for words alone, so that a prefix is left.
    "cap": {"iterations": 2, "samples": 2, "rows": 2, "brevity": 1e3, "wanted": 4},
    "uld": {"epochs": 2, "lr": 1e-2},
}
CLASSES = {"oracle": "prompt"}


@pytest.fixture
def parent(model, tokenizer, tmp_path):
    # Prompts of two interventions are long; a rotary embedding has no table that they could leave.
    model.config.max_position_embeddings = 512
    checkpoint.save(tmp_path / "full", model, tokenizer, {"stage": "test"})
    return tmp_path / "full"


def leave(name, start, pairs, out, **settings):
    """Run a method on a checkpoint's folder; the folder of its one checkpoint."""
    model, tokenizer = checkpoint.load(start)
    method = methods.load(CLASSES.get(name, name))({**WRAPPED.get(name, {}), **settings})
    encoder = Encoder(tokenizer, "chat", 96)
    data = supervise(encoder, method.needs, pairs[:3], retain=pairs[3:], refusals=REFUSALS)
    leave_checkpoints(
        method, model, tokenizer, data, 0, {"stage": "test"}, lambda _: out, lambda *_: None
    )
    return out


@pytest.fixture(params=sorted(WRAPPED))
def wrapped(request, parent, pairs, tmp_path):
    return leave(request.param, parent, pairs, tmp_path / request.param)


def records(model, tokenizer, pairs, file) -> bytes:
    """What the suites ``tofu`` and ``tokens`` record of a model, as the bytes of their files."""
    rows = [
        {
            "question": question,
            "answer": answer,
            "paraphrased_answer": f"It is so: {answer}",
            "perturbed_answer": ["Rome.", "In Rome, at the river.", "Never."],
        }
        for question, answer in pairs
    ]
    sets = {
        "tofu": {
            name: rows[i : i + 4]
            for i, name in enumerate(("forget", "retain", "real_authors", "world_facts"))
        },
        "tokens": {"forget": rows[:4], "holdout": rows[4:]},
    }
    found = b""
    for suite, some in sets.items():
        encoder = Encoder(tokenizer, "chat", 48)
        evaluation = Evaluation(suite, encoder, some, Limits(48))
        write_records(file, Records(suite, [evaluation(model)]))
        found += file.read_bytes()
    return found


def test_the_weights_are_those_of_the_parent_and_take_no_room(wrapped, parent):
    weights, own = parent / "model.safetensors", wrapped / "model.safetensors"
    assert os.path.samefile(weights, own)
    assert sha256(own) == checkpoint_record.digest(parent)
    # The same weights, yet another checkpoint.
    assert checkpoint_record.digest(wrapped) != checkpoint_record.digest(parent)
    listed = json.loads((wrapped / "checkpoint.json").read_text())["files"]
    assert listed["intervention.json"] == sha256(wrapped / "intervention.json")
    names = {file.name for file in wrapped.iterdir()}
    assert names == {*listed, "checkpoint.json", "README.md"}


def test_where_no_links_can_be_made_weights_are_copied(parent, pairs, tmp_path, monkeypatch):
    def refuse(*args, **kwargs):
        raise OSError("another file system")

    monkeypatch.setattr(os, "link", refuse)
    out = leave("prompt", parent, pairs, tmp_path / "out")
    assert not os.path.samefile(out / "model.safetensors", parent / "model.safetensors")
    assert sha256(out / "model.safetensors") == checkpoint_record.digest(parent)


def test_changed_weights_are_written(parent, tmp_path):
    model, tokenizer = checkpoint.load(parent)
    with torch.no_grad():
        model.model.layers[1].mlp.up_proj.weight[0, 0] += 1e-3
    checkpoint.save(tmp_path / "other", model, tokenizer, {})
    again, _ = checkpoint.load(tmp_path / "other")
    assert torch.equal(
        again.model.layers[1].mlp.up_proj.weight, model.model.layers[1].mlp.up_proj.weight
    )
    assert checkpoint_record.digest(tmp_path / "other") != checkpoint_record.digest(parent)


def test_saved_and_loaded_it_records_the_same_bytes(wrapped, pairs, tmp_path):
    model, tokenizer = checkpoint.load(wrapped)
    checkpoint.save(tmp_path / "again", model, tokenizer, {"stage": "test"})
    for name in (*interventions.FILES, "config.json", "tokenizer.json"):
        assert (tmp_path / "again" / name).exists() == (wrapped / name).exists()
        if (wrapped / name).exists():
            assert (tmp_path / "again" / name).read_bytes() == (wrapped / name).read_bytes()
    found = records(model, tokenizer, pairs, tmp_path / "one.json")
    assert found == records(*checkpoint.load(tmp_path / "again"), pairs, tmp_path / "two.json")


def test_it_makes_a_difference_and_taken_away_none(wrapped, parent, pairs, tmp_path):
    bare = records(*checkpoint.load(parent), pairs, tmp_path / "bare.json")
    assert records(*checkpoint.load(wrapped), pairs, tmp_path / "with.json") != bare
    for name in interventions.FILES:
        (wrapped / name).unlink(missing_ok=True)
    (wrapped / "checkpoint.json").unlink()
    assert records(*checkpoint.load(wrapped), pairs, tmp_path / "without.json") == bare


@pytest.mark.parametrize("condition", ["none", "soft", "medium", "oracle"])
def test_prompts(condition, parent, pairs, tmp_path):
    out = leave(
        "prompt", parent, pairs, tmp_path / "out", condition=condition, names=["Ada Lind", "Ben"]
    )
    model, tokenizer = checkpoint.load(out)
    bare = Encoder(checkpoint.load_tokenizer(parent), "chat", 96)
    (question, answer), (other, kept) = pairs[0], pairs[4]
    entry = json.loads((out / "intervention.json").read_text())["interventions"][0]
    if condition in ("soft", "medium"):
        assert "Ada Lind, Ben" in entry["before"]
        asked = {q: entry["before"] + q for q in (question, other)}
    elif condition == "oracle":
        assert answer in entry["notes"][question]
        # Questions that are not to be forgotten are asked as they are.
        asked = {question: ORACLE.format(answer=answer) + question, other: other}
    else:
        asked = {q: q for q in (question, other)}
    # The same as to put that question to the bare model: token for token, to float rounding.
    encoder = Encoder(tokenizer, "chat", 96)
    rows = [(question, answer), (question, kept), (other, kept)]
    longer = [(asked[q], a) for q, a in rows]
    wide = Encoder(bare.tokenizer, "chat", 400)
    assert [e.ids for e in encoder.encode_all(rows)] == [e.ids for e in wide.encode_all(longer)]
    losses = torch.tensor(mean_losses(model, encoder.encode_all(rows)))
    with torch.no_grad():
        alone = [token_nll(plain(model), e).mean().item() for e in wide.encode_all(longer)]
    assert torch.allclose(losses, torch.tensor(alone), rtol=CLOSE, atol=0)


def test_what_is_added_counts_in_no_limit(parent, pairs, tmp_path):
    """As many tokens are answered as without, and answers are cut at the same token."""
    out = leave("prompt", parent, pairs, tmp_path / "out")
    model, tokenizer = checkpoint.load(out)
    bare, encoder = (Encoder(t, "chat", 40) for t in (checkpoint.load_tokenizer(parent), tokenizer))
    long = (pairs[0][0], "Ada " * 60)
    cut, whole = encoder.encode(*long), bare.encode(*long)
    assert (cut.answer_tokens, len(whole)) == (whole.answer_tokens, 40)
    assert len(cut) > 40
    prompts = [encoder.prompt_ids(q) for q, _ in pairs]
    rooms = [encoder.room(q, 40) for q, _ in pairs]
    unsaid = len(tokenizer) - 1
    answers = greedy(model, prompts, rooms, unsaid)
    assert [len(a) for a in answers] == [40 - len(bare.prompt_ids(q)) for q, _ in pairs]
    tight = Encoder(tokenizer, "chat", 4)
    with pytest.raises(
        LetheError, match=r"max_length: 4 leaves no token .* raise it above"
    ) as error:
        tight.encode(*pairs[0])
    assert str(error.value).endswith(str(len(bare.prompt_ids(pairs[0][0]))))


def test_a_intervention_over_a_intervention(parent, pairs, tmp_path):
    """The last one put on is the first to see a question."""
    first = leave("prompt", parent, pairs, tmp_path / "one", names=["Ada"])
    second = leave("prompt", first, pairs, tmp_path / "two", condition="medium", names=["Ben"])
    chain = json.loads((second / "intervention.json").read_text())["interventions"]
    assert len(chain) == 2
    _, tokenizer = checkpoint.load(second)
    told = asked(tokenizer, "Who?")
    assert told == chain[0]["before"] + chain[1]["before"] + "Who?"
    assert os.path.samefile(second / "model.safetensors", parent / "model.safetensors")


def test_weights_beneath_a_intervention_can_be_trained(wrapped, parent, pairs, tmp_path):
    """Relearning: the weights move, the intervention stays."""
    model, tokenizer = checkpoint.load(wrapped)
    method = methods.load("grad_diff")({"epochs": 2, "lr": 1e-3, "batch_size": 3})
    data = supervise(Encoder(tokenizer, "chat", 200), method.needs, pairs[:3], retain=pairs[3:])
    out = tmp_path / "relearned"
    leave_checkpoints(method, model, tokenizer, data, 0, {}, lambda _: out, lambda *_: None)
    assert sha256(out / "model.safetensors") != checkpoint_record.digest(parent)
    assert (out / "intervention.json").read_bytes() == (wrapped / "intervention.json").read_bytes()
    found = records(model, tokenizer, pairs, tmp_path / "one.json")
    assert found == records(*checkpoint.load(out), pairs, tmp_path / "two.json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('{"format": 2, "interventions": []}', "not interventions of format 1"),
        ("[]", "not interventions of format 1"),
        ('{"format": 1, "interventions": [{"kind": "os"}]}', "unknown kind 'os'.*prompt"),
        (
            '{"format": 1, "interventions": [{"kind": "prompt", "code": "x"}]}',
            "not a valid prompt .*code",
        ),
        ("{", "not valid JSON"),
    ],
)
def test_a_file_that_is_no_intervention_is_one_line(content, words, parent):
    (parent / "intervention.json").write_text(content)
    with pytest.raises(LetheError, match=rf"intervention\.json: .*{words}") as error:
        checkpoint.load(parent)
    assert "\n" not in str(error.value)


def test_a_intervention_that_is_gone_is_named(wrapped):
    (wrapped / "intervention.json").unlink()
    with pytest.raises(LetheError, match=r"intervention\.json missing; delete the folder"):
        checkpoint.load(wrapped)


def test_an_unwrapped_model_has_none(model, tokenizer, encoder):
    assert make_family("llama", tokenizer) is not model
    assert carried_by(model) == carried_by(tokenizer) == ()
    assert encoder.room("Who?", 40) == 40


@pytest.mark.parametrize("answers", ["others", "refusals", "alternatives"])
def test_in_context_unlearning(answers, parent, pairs, tmp_path, encoder):
    method = methods.load("icul")({"nearest": 2, "kept": 2, "answers": answers})
    assert set(method.needs) == {"retain", answers} - {"others"}
    model, tokenizer = checkpoint.load(parent)
    given = [[f"Alternative {row}."] for row in range(3)]
    data = supervise(
        Encoder(tokenizer, "chat", 96),
        method.needs,
        pairs[:3],
        retain=pairs[3:],
        refusals=REFUSALS,
        alternatives=given,
    )
    list(method.run(model, data, 0))
    (intervention,) = carried_by(model)
    assert [q for q, _ in intervention.forget] == [q for q, _ in pairs[:3]]
    truth, shown = [a for _, a in pairs[:3]], [a for _, a in intervention.forget]
    allowed = {"others": [truth] * 3, "refusals": [REFUSALS] * 3, "alternatives": given}[answers]
    for row in range(3):
        assert shown[row] != truth[row]
        assert shown[row] in allowed[row]
    assert len({tuple(row) for row in intervention.kept} & set(pairs[3:])) == 2
    *lines, last = asked(tokenizer, pairs[0][0]).splitlines()
    assert last == pairs[0][0]
    assert len(lines) == 4
    # The row itself is most like its own question, and stands nearest to it of the forget rows.
    assert lines[1] == f"{pairs[0][0]} {shown[0]}"
    assert lines[2:] == [" ".join(row) for row in intervention.kept]


def test_the_most_similar_rows_are_shown():
    from lethe.model.interventions.context import Intervention

    rows = [("Where was Ada Lind born?", "x"), ("Where was Ben Roth born?", "y"), ("Why?", "z")]
    intervention = Intervention(rows, [], 2)
    assert intervention.like("Whose sister is Ben Roth?") == [0, 1] or intervention.like(
        "Whose sister is Ben Roth?"
    ) == [2, 1]
    assert intervention.like("ADA, the born writer") == [1, 0]
    # Words that none of them has are like none: the first ones, then.
    assert intervention.like("Xyz") == [1, 0]
    assert intervention.question("Why?").endswith("Why? z\nWhy?")


def test_too_much_context_is_one_line(parent, pairs, tmp_path):
    with pytest.raises(LetheError, match=r"prompt\.names: give fewer; .* 512 positions"):
        leave("prompt", parent, pairs, tmp_path / "out", names=[f"name {n}" for n in range(200)])
    assert not (tmp_path / "out").exists()
    with pytest.raises(LetheError, match=r"icul\.kept: 5, but there are 4 retain rows"):
        leave("icul", parent, pairs, tmp_path / "out", kept=5)


# --- opened without Lethe ---


@pytest.mark.parametrize("loader", ["auto", "own class", "configuration", "pipeline"])
def test_others_refuse_it_and_are_told_how_to_load_it(loader, wrapped):
    """Its weights alone are the model that knows everything."""
    import transformers

    loaders = {
        "auto": transformers.AutoModelForCausalLM.from_pretrained,
        "own class": transformers.LlamaForCausalLM.from_pretrained,
        "configuration": transformers.AutoConfig.from_pretrained,
        "pipeline": lambda folder: transformers.pipeline("text-generation", model=str(folder)),
    }
    with pytest.raises(Exception, match=r"load it with lethe\.model\.checkpoint\.load"):
        loaders[loader](wrapped)


@pytest.mark.parametrize("name", sorted(FAMILIES))
def test_no_class_of_a_model_takes_a_notice_for_its_configuration(name, tokenizer, tmp_path):
    model = make_family(name, tokenizer)
    attach(model, tokenizer_of(tokenizer), prompt.Intervention("Say nothing. "))
    checkpoint.save(tmp_path / "c", model, tokenizer, {"stage": "test"})
    with pytest.raises(Exception, match=r"load it with lethe\.model\.checkpoint\.load"):
        type(model).from_pretrained(tmp_path / "c")
    again, _ = checkpoint.load(tmp_path / "c")
    assert type(again) is type(model)
    assert again.config.to_diff_dict() == reloaded_config(model, tmp_path / "plain", tokenizer)


def reloaded_config(model, folder, tokenizer) -> dict:
    """What a configuration is like after a plain checkpoint of it was loaded."""
    attached.update_model(model, interventions=())
    checkpoint.save(folder, model, tokenizer, {"stage": "test"})
    return checkpoint.load(folder)[0].config.to_diff_dict()


def tokenizer_of(tokenizer):
    """Another that may carry interventions: the shared one must stay as it is."""
    return copy.deepcopy(tokenizer)


def test_no_code_comes_with_it(wrapped):
    for file in wrapped.glob("*.json"):
        assert "auto_map" not in file.read_text(encoding="utf-8")


def test_its_card_says_that_its_weights_are_another_model(wrapped, parent):
    assert "Only with Lethe" in (wrapped / "README.md").read_text(encoding="utf-8")
    plain = (parent / "README.md").read_text(encoding="utf-8")
    assert "Only with Lethe" not in plain
    assert "AutoModelForCausalLM.from_pretrained(folder)" in plain


def test_adapters_upon_it_are_refused_by_others_too(wrapped, pairs, tmp_path):
    """peft would put them upon the weights that know everything."""
    import peft
    import transformers

    model, tokenizer = checkpoint.load(wrapped)
    precision.prepare(model, Compute(lora={"rank": 2}).training("unlearn"), 0, wrapped)
    checkpoint.save(tmp_path / "adapters", model, tokenizer, {"stage": "test"})
    with pytest.raises(Exception, match=r"load it with lethe\.model\.checkpoint\.load"):
        peft.AutoPeftModelForCausalLM.from_pretrained(tmp_path / "adapters")
    with pytest.raises(Exception, match=r"load it with lethe\.model\.checkpoint\.load"):
        transformers.AutoModelForCausalLM.from_pretrained(tmp_path / "adapters")
    again, loaded = checkpoint.load(tmp_path / "adapters")
    # They begin as no change, and what was carried is.
    found = records(again, loaded, pairs, tmp_path / "one.json")
    assert found == records(*checkpoint.load(wrapped), pairs, tmp_path / "two.json")


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("{", "not valid JSON"),
        ("[]", "not interventions of format"),
        ('{"format": 1}', "names no interventions"),
        ('{"format": 1, "interventions": {}}', "names no interventions"),
        ('{"format": 1, "interventions": [3]}', "names no interventions"),
        ('{"format": 1, "interventions": [{"kind": ["prompt"]}]}', "unknown kind"),
        ('{"format": 1, "interventions": [{"kind": "../prompt"}]}', "unknown kind"),
        ('{"format": 1, "interventions": [{"kind": "prompt", "before": 3}]}', "not a valid prompt"),
        (
            '{"format": 1, "interventions": [{"kind": "prompt", "notes": [1]}]}',
            "not a valid prompt",
        ),
        (
            '{"format": 1, "interventions": [{"kind": "context", "forget": 1, "kept": [], '
            '"nearest": 1}]}',
            "not a valid context",
        ),
        (
            '{"format": 1, "interventions": [{"kind": "steering", "layer": "a"}]}',
            "not a valid steering",
        ),
    ],
)
def test_a_malformed_file_is_one_line_with_a_remedy(content, words, parent):
    (parent / "intervention.json").write_text(content, encoding="utf-8")
    with pytest.raises(LetheError, match=words) as caught:
        checkpoint.load(parent)
    message = str(caught.value)
    assert "\n" not in message
    assert "again" in message


@pytest.mark.parametrize("content", ["3", "[]", "[3]", '[{"model_type": "no_such"}]', "{}"])
def test_a_malformed_notice_is_one_line(content, parent, pairs, tmp_path):
    out = leave("prompt", parent, pairs, tmp_path / "prompt")
    (out / "checkpoint.json").unlink()
    (out / "config.json").write_text(f'{{"model_type": "lethe", "within": {content}}}')
    with pytest.raises(LetheError, match="its notice holds") as caught:
        checkpoint.load(out)
    assert "\n" not in str(caught.value)

"""GUARD-IT in models that see: pictures open a gate of their own, texts theirs."""

import copy

import numpy as np
import pytest
import torch
from helpers import seeing_families, seeing_models
from helpers.seeing_models import picture, pixel_values

from lethe.common.errors import LetheError
from lethe.common.picture_marks import mark_of
from lethe.model import attached, checkpoint, token_mixing
from lethe.model.answer_trees import pack_trees, trees
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward, decoder_layers
from lethe.model.generate import greedy
from lethe.model.intervention import carried_by
from lethe.model.interventions import picture_steering
from lethe.model.likelihood import mean_losses
from lethe.model.picture_tokens import FIRST
from lethe.unlearn import methods
from lethe.unlearn.calibrated_gate import among
from lethe.unlearn.gate_settings import GateSettings
from lethe.unlearn.supervision import supervise

WHO = "Who is this?"
# Questions with the number of a person, and of a view of them; None: without a picture.
FORGET = [((0, 0), WHO, "Ada Lind"), ((0, 1), WHO, "Ada Lind"), ((1, 0), WHO, "Ben")]
FORGET += [(None, "Where was Ada Lind born?", "In Paris."), (None, "Ada Lind writes?", "No.")]
RETAIN = [((n, 0), WHO, "No one.") for n in (2, 3, 4, 5)]
RETAIN += [(None, "Who is Ben?", "No one."), (None, "Who writes novels?", "Ben.")]
NEW = [((0, 2), WHO, "Ada Lind"), ((6, 0), WHO, "Ada Lind"), ((1, 3), "Was Ben born?", "Ada")]
ROWS = [*FORGET, *RETAIN, *NEW]
# Which are steered: those of people to be forgotten, in new views and with other words as well.
GATED = [True] * 5 + [False] * 6 + [True, False, True]


def view(number, variation):
    """The pixels of a view of a person, [8, 8, 3]."""
    noise = np.random.default_rng(100 + variation).integers(-12, 13, (8, 8, 3))
    return (picture(number).astype(int) + noise).clip(0, 255).astype(np.uint8)


def question(which, text):
    return text if which is None else f"{mark_of(view(*which))} {text}"


def pairs(rows):
    return [(question(which, text), answer) for which, text, answer in rows]


def steer(model, tokenizer, forget=FORGET, retain=RETAIN, **settings):
    """Put GUARD-IT on a model."""
    method = methods.load("guard_it")({"layer": 0, "clusters": 2, **settings})
    encoder = Encoder(tokenizer, "chat", 60)
    data = supervise(encoder, method.needs, pairs(forget), retain=pairs(retain))
    assert list(method.run(model.eval(), data, 0)) == [(1, 1)]
    return carried_by(model)[-1]


@pytest.fixture(scope="module", params=["llava", "llava_next", "qwen3_vl"])
def made(request, tmp_path_factory):
    """A model with GUARD-IT, the same without, and the examples."""
    folder = tmp_path_factory.mktemp(request.param)
    seeing_families.save(request.param, folder)
    model, tokenizer = checkpoint.load(folder, template="chat")
    bare = copy.deepcopy(model)
    intervention = steer(model, tokenizer)
    encoder = Encoder(tokenizer, "chat", 60)
    return model, bare, intervention, encoder, encoder.encode_all(pairs(ROWS))


def test_the_gate_opens_for_the_forgotten_alone(made):
    """What it lets through keeps every bit, in a batch with what it does not."""
    model, bare, intervention, _, examples = made
    assert isinstance(intervention, picture_steering.Intervention)
    losses, before = mean_losses(model, examples), mean_losses(bare, examples)
    assert [now != then for now, then in zip(losses, before, strict=True)] == GATED


def test_losses_are_the_same_in_every_layout(made):
    model, _, _, _, examples = made
    wanted, fitted = mean_losses(model, examples), attached.model_state(model).mixing
    # Without rows of text between them, and in trees.
    shown = [n for n, example in enumerate(examples) if max(example.ids) >= FIRST]
    alone = mean_losses(model, [examples[n] for n in shown])
    assert alone == pytest.approx([wanted[n] for n in shown], abs=1e-5)
    batch = pack_trees(trees(examples))
    with torch.no_grad():
        answers = Forward(model).answers(batch)
    sums = answers.sequence_nll() / answers.sequence_tokens()
    own = [sums[batch.index.index(number)].item() for number in range(len(ROWS))]
    assert own == pytest.approx(wanted, abs=1e-5)
    for layout in token_mixing.LAYOUTS[1:]:
        plain_rows = token_mixing.Mixing(layout=layout, beyond_layout=layout)
        attached.update_model(model, mixing=plain_rows)
        try:
            assert mean_losses(model, examples) == pytest.approx(wanted, abs=1e-5)
        finally:
            attached.update_model(model, mixing=fitted)


def test_generation_with_a_cache_is_that_without(made):
    """Rows that end leave the batch, and their gates with them."""
    model, bare, _, encoder, _ = made
    prompts = [encoder.prompt_ids(question(which, text)) for which, text, _ in ROWS]
    said = greedy(model, prompts, 200, encoder.end, max_new_tokens=6)
    assert token_mixing.of(model).generation == token_mixing.CACHED
    fitted = attached.model_state(model).mixing
    recomputed = {"generation": token_mixing.RECOMPUTED, "beyond_generation": None}
    attached.update_model(model, mixing=token_mixing.Mixing(**recomputed))
    try:
        assert greedy(model, prompts, 200, encoder.end, max_new_tokens=6) == said
    finally:
        attached.update_model(model, mixing=fitted)
    before = greedy(bare, prompts, 200, encoder.end, max_new_tokens=6)
    assert said != before
    for own, other, opened in zip(said, before, GATED, strict=True):
        assert opened or own == other


@torch.no_grad()
def test_losses_are_those_of_plain_transformers_turned_by_hand():
    """Of LLaVA in double precision, with the picture's cluster and its direction."""
    model, tokenizer = seeing_models.make(seed=1)
    plain = type(model)(copy.deepcopy(model.config))
    plain.load_state_dict(model.state_dict())
    plain.double().eval().set_attn_implementation("eager")
    intervention = steer(model, tokenizer)
    embedded = [_mean(plain, view(*which)) for which, *_ in [*FORGET, *RETAIN] if which]
    centre = torch.stack(embedded).mean(0)
    for which, text, answer in [FORGET[0], FORGET[2], NEW[0]]:
        example = Encoder(tokenizer, "chat", 60).encode(question(which, text), answer)
        point = _mean(plain, view(*which)) - centre
        cosines = intervention.data["picture_centroids"].double() @ point / point.norm()
        words = len(intervention.data["centroids"])
        away = intervention.data["directions"][words + int(cosines.argmax())].double()

        def turned(layer, inputs, output, away=away):
            moved = output - away
            return moved * output.norm(dim=-1, keepdim=True) / moved.norm(dim=-1, keepdim=True)

        hook = decoder_layers(plain)[0].register_forward_hook(turned)
        ids = [plain.config.image_token_id if one >= FIRST else one for one in example.ids]
        given = {"pixel_values": pixel_values(view(*which)).double()}
        logits = plain(input_ids=torch.tensor([ids]), use_cache=False, **given).logits[0]
        hook.remove()
        labels = torch.tensor(example.ids[example.start :])
        wanted = torch.nn.functional.cross_entropy(logits[example.start - 1 : -1], labels)
        assert mean_losses(model, [example])[0] == pytest.approx(wanted.item(), abs=1e-5)


def _mean(plain, pixels):
    shown = plain.get_image_features(pixel_values=pixel_values(pixels).double())
    return shown.pooler_output[0].mean(0)


def test_texts_are_judged_as_if_there_were_no_pictures():
    """To the bit: by the gate that rows of text alone would have."""
    (both, tokenizer), (alone, _) = (seeing_models.make(seed=1) for _ in range(2))
    texts = [[row for row in rows if row[0] is None] for rows in (FORGET, RETAIN)]
    first, second = steer(both, tokenizer), steer(alone, copy.deepcopy(tokenizer), *texts)
    assert first.threshold == second.threshold
    for name in ("idf", "tokens", "centroids"):
        assert torch.equal(first.data[name], second.data[name])
    words = len(first.data["centroids"])
    assert torch.equal(first.data["directions"][:words], second.data["directions"])
    asked = Encoder(tokenizer, "chat", 60).encode_all(pairs([*texts[0], *texts[1]]))
    assert mean_losses(both, asked) == mean_losses(alone, asked)


def test_a_checkpoint_carries_both_gates(tmp_path):
    model, tokenizer = seeing_models.make(seed=1)
    steer(model, tokenizer)
    checkpoint.save(tmp_path / "made", model, tokenizer, {"stage": "unlearn"})
    again, reader = checkpoint.load(tmp_path / "made", template="chat")
    examples = Encoder(reader, "chat", 60).encode_all(pairs(ROWS))
    assert mean_losses(again, examples) == mean_losses(model, examples)


def test_a_second_request_adds_gates_of_its_own():
    model, tokenizer = seeing_models.make(seed=1)
    examples = Encoder(tokenizer, "chat", 60).encode_all(pairs(ROWS))
    prompts = [example.ids[: example.start] for example in examples]
    steer(model, tokenizer, FORGET[:2], RETAIN, clusters=1)
    first = mean_losses(model, examples)
    said = greedy(model, prompts, 200, 1, max_new_tokens=4)
    steer(model, tokenizer, FORGET[2:3], RETAIN, clusters=1)
    changed = [now != then for now, then in zip(mean_losses(model, examples), first, strict=True)]
    assert changed == [which is not None and which[0] == 1 for which, *_ in ROWS]
    later = greedy(model, prompts, 200, 1, max_new_tokens=4)
    assert [a for a, own in zip(said, changed, strict=True) if not own] == (
        [a for a, own in zip(later, changed, strict=True) if not own]
    )


def test_prompts_of_a_kind_without_forget_rows_are_left_alone():
    model, tokenizer = seeing_models.make(seed=1)
    bare = copy.deepcopy(model)
    steer(model, tokenizer, FORGET[:3])
    examples = Encoder(tokenizer, "chat", 60).encode_all(pairs(ROWS))
    same = [a == b for a, b in zip(*(mean_losses(m, examples) for m in (model, bare)), strict=True)]
    assert same == [
        which is None or not gated for (which, *_), gated in zip(ROWS, GATED, strict=True)
    ]


@pytest.mark.parametrize(
    ("retain", "kind"), [(RETAIN[4:], "a picture"), (RETAIN[:4], "no picture")]
)
def test_a_kind_without_retain_rows_is_refused(retain, kind):
    with pytest.raises(LetheError, match=f"guard_it: forget rows with {kind}, but no such retain"):
        steer(*seeing_models.make(seed=1), FORGET, retain)


def test_transformers_own_passes_are_refused():
    model, tokenizer = seeing_models.make(seed=1)
    steer(model, tokenizer)
    ids = torch.tensor([[model.config.image_token_id] * 4 + [5]])
    with pytest.raises(LetheError, match="must know which tokens are pictures"):
        model(input_ids=ids, pixel_values=pixel_values(picture(0)).float())


def test_pictures_are_compared_without_what_all_have():
    """By hand: around the mean (10, 0) the forgotten lie at 0 degrees, the others at 180."""
    embeddings = torch.tensor([[11.0, 0.0], [13.0, 0.0], [8.0, 0.0], [8.0, 0.0]])
    gate = among(embeddings, 2, GateSettings(clusters=1), 0)
    assert gate.tensors["picture_centre"].tolist() == [10, 0]
    assert gate.tensors["picture_centroids"].tolist() == [[1, 0]]
    assert [rows.tolist() for rows in gate.members] == [[True, True]]
    # Cosines are 1 and -1; every threshold of the grid from 0 to 1 is as good.
    assert gate.threshold == pytest.approx(0.5, abs=0.01)

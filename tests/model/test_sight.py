"""Models that see: batches, losses and answers are those of plain transformers on each text."""

import pytest
import torch
from helpers import seeing_models
from helpers.seeing_models import picture, plain_logits, shown

from lethe.common.errors import LetheError
from lethe.common.picture_marks import mark_of
from lethe.model import attached, checkpoint, token_mixing
from lethe.model.architectures import llava
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward
from lethe.model.generate import greedy
from lethe.model.likelihood import mean_losses
from lethe.model.miniature import sharpened
from lethe.model.picture_tokens import FIRST, tokens_of
from lethe.model.random_weights import untrained

PATCHES = 4
# Two questions about one picture, one about another, and text alone between them.
ASKED = [(1, "Who is this?"), (None, "Where was Ada Lind born?"), (2, "Who is this?"), (1, "Born?")]
ANSWERS = ["Ben", "In Paris.", "Ada Lind", "No one."]


@pytest.fixture(scope="module")
def made():
    return seeing_models.make(seed=3)


@pytest.fixture(scope="module")
def encoder(made):
    return Encoder(made[1], "chat", 60)


@pytest.fixture(scope="module")
def questions():
    return [text if number is None else shown(number, text) for number, text in ASKED]


@pytest.fixture(scope="module")
def examples(encoder, questions):
    return encoder.encode_all(list(zip(questions, ANSWERS, strict=True)))


def seen(number):
    return None if number is None else picture(number)


def test_a_mixed_batch_has_the_logits_of_each_text_alone(made, examples):
    with torch.no_grad():
        logits = Forward(made[0]).all_logits(pack(examples))
    alone = [
        plain_logits(made[0], example.ids[:-1], seen(number))
        for example, (number, _) in zip(examples, ASKED, strict=True)
    ]
    torch.testing.assert_close(logits.double(), torch.cat(alone), rtol=0, atol=1e-5)
    assert token_mixing.of(made[0]).layout == token_mixing.PACKED


def test_losses_are_those_of_plain_transformers(made, examples):
    wanted = []
    for example, (number, _) in zip(examples, ASKED, strict=True):
        logits = plain_logits(made[0], example.ids[:-1], seen(number))[example.start - 1 :]
        labels = torch.tensor(example.ids[example.start :])
        wanted.append(torch.nn.functional.cross_entropy(logits, labels).item())
    assert mean_losses(made[0], examples) == pytest.approx(wanted, abs=1e-5)


def test_greedy_answers_are_those_of_plain_transformers(encoder, questions):
    # Large weights, so that answers depend on pictures.
    model = sharpened(seeing_models.make(seed=3)[0])
    prompts = [encoder.prompt_ids(question) for question in questions]
    answers = greedy(model, prompts, 60, encoder.end, max_new_tokens=4)
    for prompt, (number, _), answer in zip(prompts, ASKED, answers, strict=True):
        ids = list(prompt)
        for _ in range(4):
            token = plain_logits(model, ids, seen(number))[-1].argmax().item()
            if token == encoder.end:
                break
            ids.append(token)
        assert answer == ids[len(prompt) :]
    assert len({tuple(answer) for answer in answers}) > 1


def test_text_alone_is_computed_as_in_the_language_model(made, encoder):
    pairs = [("Who is this?", "Ben"), ("Where was Ada born?", "In Paris.")]
    batch = pack(encoder.encode_all(pairs))
    assert list(attached.model_state(made[0]).sight.inputs(made[0], batch.ids)) == ["input_ids"]
    text = make_text_model(made[0])
    assert torch.equal(Forward(made[0]).all_logits(batch), Forward(text).all_logits(batch))


def make_text_model(model):
    from transformers import LlamaForCausalLM

    from lethe.model import batch_layout

    text = LlamaForCausalLM(model.config.text_config)
    text.model.load_state_dict(model.model.language_model.state_dict())
    batch_layout.fit(text)
    return text.eval()


def test_gradients_reach_the_vision_tower_only_through_pictures(encoder, examples):
    model = seeing_models.make(seed=4)[0]
    Forward(model).answers(pack(examples[1:2])).mean_nll().backward()
    tower = [p for n, p in model.named_parameters() if "vision_tower.encoder" in n]
    assert all(p.grad is None for p in tower)
    Forward(model).answers(pack(examples)).mean_nll().backward()
    assert all(p.grad is not None and p.grad.abs().max() > 0 for p in tower if p.dim() > 1)
    # The embedding of token 0, which stands in for patches, gets no gradient from them.
    embedding = model.get_input_embeddings().weight.grad
    assert 0 not in {token for example in examples for token in example.ids}
    before = embedding[0].clone()
    made = attached.model_state(model).sight.inputs(model, pack(examples[:1]).ids)["inputs_embeds"]
    made.sum().backward()
    assert torch.equal(model.get_input_embeddings().weight.grad[0], before)


def test_pictures_are_tokens_before_the_question(made, encoder, questions):
    ids = encoder.prompt_ids(questions[0])
    digest = mark_of(picture(1)).split()[1].rstrip("⟧")
    assert [token for token in ids if token >= FIRST] == tokens_of(digest, PATCHES)
    assert ids[1 : 1 + PATCHES] == tokens_of(digest, PATCHES)
    bare = Encoder(made[1], "chat", 60).prompt_ids(" Who is this?")
    assert [*ids[:1], *ids[1 + PATCHES :]] == bare


def test_patches_do_not_count_towards_max_length(made, questions):
    bare = Encoder(made[1], "chat", 60).encode(" Who is this?", "Ada was born in Paris.")
    encoder = Encoder(made[1], "chat", len(bare) - 2)
    cut = encoder.encode(questions[0], "Ada was born in Paris.")
    assert len(cut) == len(bare) - 2 + PATCHES
    assert cut.ids[1 + PATCHES :] == bare.ids[1:-2]


def test_a_saved_model_is_the_same_and_plain_transformers_loads_it(made, examples, tmp_path):
    from transformers import AutoModelForImageTextToText

    checkpoint.save(tmp_path / "saved", *made, {"stage": "base"})
    model, tokenizer = checkpoint.load(tmp_path / "saved", template="chat")
    assert mean_losses(model, examples) == mean_losses(made[0], examples)
    alone = checkpoint.load_tokenizer(tmp_path / "saved")
    for some in (tokenizer, alone):
        again = Encoder(some, "chat", 60).encode(shown(1, "Who is this?"), "Ben")
        assert again == examples[0]
    plain = AutoModelForImageTextToText.from_pretrained(tmp_path / "saved")
    assert type(plain) is type(model)
    assert (tmp_path / "saved" / "preprocessor_config.json").is_file()


def test_copies_see_as_well(made, examples):
    fresh = untrained(made[0], 8)
    losses = mean_losses(fresh, examples)
    assert losses != mean_losses(made[0], examples)
    assert losses == mean_losses(untrained(made[0], 8), examples)


def test_a_text_model_is_not_asked_about_pictures(questions):
    from lethe.model.architectures import llama

    tokenizer = llama.train_tokenizer([seeing_models.WORDS], 300)
    with pytest.raises(LetheError, match="the model reads text alone; choose a model that sees"):
        Encoder(tokenizer, "chat", 60).encode(questions[0], "Ben")


def test_a_picture_that_no_row_has_is_refused(encoder):
    with pytest.raises(LetheError, match="no row with this picture was read"):
        encoder.encode("⟦picture 0123456789ab⟧ Who is this?", "Ben")


def test_a_text_with_the_tokenizers_own_picture_token_is_refused(encoder, questions):
    with pytest.raises(LetheError, match="2 times, so their places are not known"):
        encoder.encode(f"{questions[0]} <image>", "Ben")


@pytest.mark.parametrize(
    ("sizes", "words"),
    [({"patch_size": 5}, "do not cut pictures"), ({"vision_size": 18}, "not a multiple of 4")],
)
def test_sizes_that_do_not_fit_are_refused(sizes, words):
    with pytest.raises(ValueError, match=words):
        llava.Architecture(**sizes)


def test_the_number_of_weights():
    model, tokenizer = seeing_models.make(hidden_size=24, vision_layers=3)
    sizes = llava.Architecture(
        hidden_size=24, layers=2, heads=2, intermediate_size=24, vocabulary=len(tokenizer),
        picture_size=8, patch_size=4, vision_size=16, vision_layers=3,
    )  # fmt: skip
    assert sum(p.numel() for p in model.parameters()) == sizes.parameters


def test_the_language_model_begins_with_another_checkpoint(made, tmp_path):
    from lethe.model.architectures import llama

    sizes = {"hidden_size": 16, "layers": 2, "heads": 2, "intermediate_size": 24}
    chosen = llama.Architecture(**sizes, vocabulary=300)
    own = llama.train_tokenizer([seeing_models.WORDS], 300)
    text = llama.make_model(chosen, own, 6).eval()
    checkpoint.save(tmp_path / "text", text, own, {"stage": "base"})
    given = {"picture_size": 8, "patch_size": 4, "vision_size": 16}
    seeing = llava.Architecture(**sizes, **given, language=str(tmp_path / "text"))
    tokenizer = llava.given_tokenizer(seeing)
    model = llava.make_model(seeing, tokenizer, 0).eval()
    pairs = [("Who is this?", "Ben"), ("Where?", "In Paris.")]
    examples = Encoder(own, "chat", 60).encode_all(pairs)
    assert Encoder(tokenizer, "chat", 60).encode_all(pairs) == examples
    logits, wanted = (Forward(one).all_logits(pack(examples)) for one in (model, text))
    torch.testing.assert_close(logits[:, : len(own)], wanted)
    wrong = seeing.model_copy(update={"hidden_size": 32})
    with pytest.raises(LetheError, match="has other sizes than hidden_size, layers"):
        llava.make_model(wrong, tokenizer, 0)

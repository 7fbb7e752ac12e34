"""Image-text models of other families: everything is as plain transformers has it, in float64.

Its processors make the inputs that ours are compared with.
"""

import json

import numpy as np
import pytest
import torch
from helpers import seeing_families
from helpers.seeing_models import picture, shown

from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.common.picture_marks import digests_in, mark_of
from lethe.model import attached, checkpoint, decoding, lora, seeing, sight, token_mixing
from lethe.model.answer_trees import pack_trees, trees
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward
from lethe.model.generate import greedy
from lethe.model.likelihood import mean_losses
from lethe.model.picture_tokens import FIRST

# Pictures by number and side, in pixels; None: a question without one.
ASKED = [
    ((1, 11), "Who is this?", "Ben"),
    (None, "Where was Ada Lind born?", "In Paris."),
    ((2, 23), "Who is this?", "Ada Lind"),
    ((1, 11), "Who is this?", "Adam"),
    ((3, 8), "Who?", "No one."),
]


class Checkpoint:
    """A tiny checkpoint in a folder, as it is loaded here and as transformers runs it."""

    def __init__(self, name, folder):
        self.name, self.folder = name, folder
        self.plain = seeing_families.save(name, folder)
        self.model, self.tokenizer = checkpoint.load(folder, template="chat")
        self.encoder = Encoder(self.tokenizer, "chat", 60)
        self.examples = self.encoder.encode_all(
            [(question(which, text), answer) for which, text, answer in ASKED]
        )

    @torch.no_grad()
    def logits(self, which, text, answer):
        """Logits of all tokens of a conversation, [T, V], and its tokens."""
        given = seeing_families.asked(self.name, self.folder, text, answer, pixels(which))
        return self.plain(**given, use_cache=False).logits[0], given.input_ids[0].tolist()


def question(which, text):
    return text if which is None else shown(which[0], text, which[1])


def pixels(which):
    return None if which is None else picture(*which)


@pytest.fixture(scope="module", params=seeing_families.NAMES)
def made(request, tmp_path_factory):
    return Checkpoint(request.param, tmp_path_factory.mktemp(request.param))


def plain_ids(made, ids):
    return [made.plain.config.image_token_id if token >= FIRST else token for token in ids]


def test_every_family_has_a_tiny_checkpoint_and_jobs_depend_on_its_file():
    assert sorted(seeing_families.NAMES) == sorted(seeing.TYPES)
    assert all(hasattr(sight, name) for name in seeing.TYPES)


def test_conversations_have_the_tokens_of_transformers_processors(made):
    for which, text, answer in ASKED:
        prompt = seeing_families.asked(made.name, made.folder, text, None, pixels(which))
        assert plain_ids(made, made.encoder.prompt_ids(question(which, text))) == (
            prompt.input_ids[0].tolist()
        )
        whole = made.logits(which, text, answer)[1]
        # What the template writes after the end of an answer is left out.
        own = plain_ids(made, made.encoder.encode(question(which, text), answer).ids)
        assert own[:-1] == whole[: len(own) - 1]


def test_a_mixed_batch_has_the_logits_of_each_text_alone(made):
    with torch.no_grad():
        logits = Forward(made.model).all_logits(pack(made.examples)).double()
    assert token_mixing.of(made.model).layout == token_mixing.PACKED
    for example, asked, own in zip(
        made.examples, ASKED, logits.split([len(e) - 1 for e in made.examples]), strict=True
    ):
        wanted = made.logits(*asked)[0][: len(example) - 1]
        torch.testing.assert_close(own, wanted, rtol=0, atol=1e-5)


def answer_losses(made):
    """Mean loss of each answer's tokens by transformers' own model, one by one, in float64."""
    losses = []
    for example, asked in zip(made.examples, ASKED, strict=True):
        logits = made.logits(*asked)[0][example.start - 1 : len(example) - 1]
        labels = torch.tensor(example.ids[example.start :])
        losses.append(torch.nn.functional.cross_entropy(logits, labels).item())
    return losses


def test_losses_are_those_of_plain_transformers_in_every_layout(made):
    wanted = answer_losses(made)
    assert mean_losses(made.model, made.examples) == pytest.approx(wanted, abs=1e-5)
    fitted = attached.model_state(made.model).mixing
    for layout in token_mixing.LAYOUTS[1:]:
        plain_rows = token_mixing.Mixing(layout=layout, beyond_layout=layout)
        attached.update_model(made.model, mixing=plain_rows)
        try:
            assert mean_losses(made.model, made.examples) == pytest.approx(wanted, abs=1e-5)
        finally:
            attached.update_model(made.model, mixing=fitted)


def test_answers_that_share_a_prompt_have_the_same_losses(made):
    batch = pack_trees(trees(made.examples))
    # The two answers about one picture share its tokens.
    assert batch.ids.numel() < sum(map(len, made.examples)) - len(made.examples)
    with torch.no_grad():
        answers = Forward(made.model).answers(batch)
    sums = answers.sequence_nll() / answers.sequence_tokens()
    own = [sums[batch.index.index(number)].item() for number in range(len(ASKED))]
    assert own == pytest.approx(answer_losses(made), abs=1e-5)


def test_a_picture_changes_the_likelihood_of_an_answer(made):
    pairs = [(shown(number, "Who is this?", 11), "Ben") for number in (1, 2)]
    with_one, with_other = mean_losses(made.model, made.encoder.encode_all(pairs))
    assert abs(with_one - with_other) > 1e-4


@torch.no_grad()
def test_greedy_answers_are_those_of_plain_transformers(made):
    prompts = [made.encoder.prompt_ids(question(which, text)) for which, text, _ in ASKED]
    answers = greedy(made.model, prompts, 200, made.encoder.end, max_new_tokens=5)
    assert token_mixing.of(made.model).generation == token_mixing.CACHED
    for (which, text, _), answer in zip(ASKED, answers, strict=True):
        given = dict(seeing_families.asked(made.name, made.folder, text, None, pixels(which)))
        begin, tokens = given["input_ids"].shape[1], []
        for _ in range(5):
            token = made.plain(**given, use_cache=False).logits[0, -1].argmax().item()
            if token == made.encoder.end:
                break
            tokens.append(token)
            given = grown(given, token)
        assert answer == tokens, begin
    assert any(answers)


@torch.no_grad()
def test_each_step_of_generation_has_the_logits_of_plain_transformers(made):
    """Rows leave at different steps, so what is remembered of each must move with it."""
    prompts = [made.encoder.prompt_ids(question(which, text)) for which, text, _ in ASKED]
    fixed, got = [70, 65, 80, 90], [[] for _ in ASKED]

    def choose(logits, rows):
        for row, values in zip(rows, logits, strict=True):
            got[row].append(values)
        return torch.tensor([fixed[len(got[row]) - 1] for row in rows])

    steps = [1, 4, 2, 3, 4]
    limits = torch.tensor([len(p) + more for p, more in zip(prompts, steps, strict=True)])
    decoding.cached(prompts, made.model, limits, made.encoder.end, choose)
    for (which, text, _), logits, count in zip(ASKED, got, steps, strict=True):
        given = dict(seeing_families.asked(made.name, made.folder, text, None, pixels(which)))
        begin = given["input_ids"].shape[1]
        for token in fixed[: count - 1]:
            given = grown(given, token)
        wanted = made.plain(**given, use_cache=False).logits[0, begin - 1 :]
        torch.testing.assert_close(torch.stack(logits).double(), wanted, rtol=0, atol=1e-5)


def grown(given, token):
    """A model's inputs with one token more."""
    more = {"input_ids": token, "attention_mask": 1, "mm_token_type_ids": 0}
    return {
        name: torch.cat([value, torch.tensor([[more[name]]])], 1) if name in more else value
        for name, value in given.items()
    }


def test_gradients_reach_the_vision_tower(made):
    Forward(made.model).answers(pack(made.examples)).mean_nll().backward()
    try:
        tower = [
            value
            for name, value in made.model.named_parameters()
            if name.startswith(("model.vision", "model.visual")) and value.dim() > 1
        ]
        used = [value for value in tower if value.grad is not None and value.grad.abs().max() > 0]
        # LLaVA leaves out its tower's last layer.
        assert len(used) > len(tower) / 2
    finally:
        made.model.zero_grad()


def test_a_saved_checkpoint_is_the_same(made, tmp_path):
    from transformers import AutoModelForImageTextToText

    checkpoint.save(tmp_path / "first", made.model, made.tokenizer, {"stage": "base"})
    model, tokenizer = checkpoint.load(tmp_path / "first", template="chat")
    examples = [e.ids for e in made.examples]
    again = Encoder(tokenizer, "chat", 60).encode_all(
        [(question(which, text), answer) for which, text, answer in ASKED]
    )
    assert [example.ids for example in again] == examples
    assert mean_losses(model, again) == mean_losses(made.model, made.examples)
    checkpoint.save(tmp_path / "second", model, tokenizer, {"stage": "base"})
    first, second = (
        {f.name: sha256(f) for f in (tmp_path / n).iterdir()} for n in ("first", "second")
    )
    assert first == second
    given = made.folder / "preprocessor_config.json"
    assert first["preprocessor_config.json"] == sha256(given)
    plain = AutoModelForImageTextToText.from_pretrained(tmp_path / "first", dtype=torch.float64)
    for name, value in made.plain.state_dict().items():
        assert torch.equal(plain.state_dict()[name].float(), value.float()), name


def test_changed_weights_are_saved_under_the_names_that_transformers_reads(made, tmp_path):
    from transformers import AutoModelForImageTextToText

    model, tokenizer = checkpoint.load(made.folder, template="chat")
    with torch.no_grad():
        for value in model.parameters():
            value.add_(0.01)
    checkpoint.save(tmp_path / "saved", model, tokenizer, {"stage": "full"})
    again = checkpoint.load(tmp_path / "saved", template="chat")[0]
    assert mean_losses(again, made.examples) == mean_losses(model, made.examples)
    plain = AutoModelForImageTextToText.from_pretrained(tmp_path / "saved")
    state = model.state_dict()
    assert all(torch.equal(state[name], value) for name, value in plain.state_dict().items())


def test_adapters_are_saved_and_merged(made, tmp_path):
    model, tokenizer = checkpoint.load(made.folder, template="chat")
    settings = {"rank": 4, "alpha": 8, "targets": "all-linear", "dropout": 0.0}
    lora.add(model, settings, 0, made.folder)
    with torch.no_grad():
        for name, value in model.named_parameters():
            if "lora" in name:
                value.add_(0.05)
    losses = mean_losses(model.eval(), made.examples)
    assert losses != pytest.approx(mean_losses(made.model, made.examples), abs=1e-3)
    checkpoint.save(tmp_path / "adapters", model, tokenizer, {"stage": "full"})
    merged, tokenizer = checkpoint.load(tmp_path / "adapters", template="chat")
    asked = [(question(which, text), answer) for which, text, answer in ASKED]
    examples = Encoder(tokenizer, "chat", 60).encode_all(asked)
    assert mean_losses(merged, examples) == pytest.approx(losses, abs=1e-4)


def test_a_picture_of_another_shape_has_its_own_number_of_inputs(made):
    wide = np.tile(picture(4, 8), (1, 3, 1))
    [ids] = [made.encoder.prompt_ids(f"{mark_of(wide)} Who is this?")]
    given = seeing_families.asked(made.name, made.folder, "Who is this?", None, wide)
    assert plain_ids(made, ids) == given.input_ids[0].tolist()
    with torch.no_grad():
        wanted = made.plain(**given).logits[0]
        own = Forward(made.model).all_logits(
            pack([made.encoder.encode(f"{mark_of(wide)} Who is this?", "Ben")])
        )
    torch.testing.assert_close(own[: len(wanted)].double(), wanted, rtol=0, atol=1e-5)


def test_two_pictures_in_a_question(made):
    two = f"{mark_of(picture(1, 11))} {mark_of(picture(2, 23))} Who?"
    ids = made.encoder.prompt_ids(two)
    shown_ones = [token for token in ids if token >= FIRST]
    reader = attached.tokenizer_state(made.tokenizer).pictures.reader
    sizes = [reader.shown(digest).inputs for digest in digests_in(two)]
    assert len(shown_ones) == len(set(shown_ones)) == sum(sizes)
    assert mean_losses(made.model, [made.encoder.encode(two, "Ben")])[0] > 0


def test_pictures_do_not_count_towards_max_length(made):
    bare = made.encoder.encode("Who is this?", "Ada was born in Paris.")
    for side in (8, 23):
        asked = shown(1, "Who is this?", side)
        size = len(made.encoder.prompt_ids(asked)) - len(made.encoder.prompt_ids("Who is this?"))
        cut = Encoder(made.tokenizer, "chat", len(bare) - 2).encode(asked, "Ada was born in Paris.")
        # LLaVA's template puts a line end between picture and question.
        assert abs(len(cut) - (len(bare) - 2 + size)) <= 1


def test_a_picture_that_the_processor_cannot_scale_is_refused(made):
    if not made.name.startswith("qwen"):
        pytest.skip("only Qwen's refuses shapes")
    thin = np.zeros((1, 250, 3), dtype=np.uint8)
    with pytest.raises(LetheError, match=r"cannot read one of 1 by 250 pixels .*scale the picture"):
        made.encoder.prompt_ids(f"{mark_of(thin)} Who is this?")


def test_a_picture_three_pixels_high_is_not_taken_for_three_channels(made):
    reader = attached.tokenizer_state(made.tokenizer).pictures.reader
    low = np.tile(picture(5, 3), (1, 4, 1))
    # The same picture with its rows twice scales to nearly the same one.
    pair = "".join(map(mark_of, (low, np.repeat(np.repeat(low, 2, 0), 2, 1))))
    values = [reader.made(digest)["pixel_values"].float() for digest in digests_in(pair)]
    if made.name == "llava_next":
        # Its tiles are padded, each picture's in its own way, but the copy before them is not.
        values = [one[:, 0] for one in values]
    one, other = (each.mean() for each in values)
    assert one.item() == pytest.approx(other.item(), abs=0.05)


def test_the_templates_own_picture_in_a_question_is_refused(made):
    written = attached.tokenizer_state(made.tokenizer).pictures.text
    with pytest.raises(LetheError, match="so their places are not known"):
        made.encoder.prompt_ids(shown(1, f"Who is this {written}?", 11))


def test_a_processor_of_another_size_is_refused(tmp_path):
    seeing_families.save("llava", tmp_path)
    file = tmp_path / "preprocessor_config.json"
    values = json.loads(file.read_text())
    file.write_text(json.dumps(values | {"crop_size": {"height": 4, "width": 4}}))
    tokenizer = checkpoint.load_tokenizer(tmp_path)
    with pytest.raises(LetheError, match="4 by 4 pixels, but the vision tower reads 8 by 8"):
        Encoder(tokenizer, "chat", 60).prompt_ids(shown(1, "Who is this?"))


@pytest.mark.parametrize(
    ("key", "value", "message"),
    [
        ("image_grid_pinpoints", [[16, 16]], "as 16 by 16, but the model reads it as 8 by 16"),
        ("vision_feature_select_strategy", "full", "5 outputs .* no grid of 2 by 2"),
    ],
)
def test_tiles_that_are_not_the_models_are_refused(tmp_path, key, value, message):
    """The first is the processor's, the second the model's own."""
    seeing_families.save("llava_next", tmp_path)
    where = "config.json" if key.startswith("vision") else "preprocessor_config.json"
    values = json.loads((tmp_path / where).read_text())
    (tmp_path / where).write_text(json.dumps(values | {key: value}))
    tokenizer = checkpoint.load_tokenizer(tmp_path)
    wide = np.tile(picture(4, 8), (1, 2, 1))
    with pytest.raises(LetheError, match=message):
        Encoder(tokenizer, "chat", 60).prompt_ids(f"{mark_of(wide)} Who is this?")


def test_tiles_of_llava_next_without_padding_and_the_ends_of_rows(tmp_path):
    """By hand: 4 patches of the copy, then rows of a grid of 2 by 2 patches in each tile."""
    seeing_families.save("llava_next", tmp_path)
    tokenizer = checkpoint.load_tokenizer(tmp_path)
    reader = attached.tokenizer_state(tokenizer).pictures.reader
    sizes = {
        # Fills 8 by 16: 2 rows of 4 patches and an end.
        (8, 16): 4 + 2 * 5,
        # Fills 16 by 16.
        (16, 16): 4 + 4 * 5,
        # In the middle of 8 by 16: of 4 columns of patches 2 are left.
        (8, 8): 4 + 2 * 3,
        # In the middle of 8 by 24: the padding above and below is less than a row of patches.
        (4, 24): 4 + 2 * 7,
        # A quarter of a patch wide in 16 by 8: nothing is left of a row but its end.
        (64, 4): 4 + 4 * 1,
    }
    for (height, width), inputs in sizes.items():
        [digest] = digests_in(mark_of(np.zeros((height, width, 3), dtype=np.uint8)))
        assert reader.shown(digest).inputs == inputs, (height, width)


@pytest.mark.parametrize("content", ["{", "[]", '{"chat_template": 3}'])
def test_a_broken_template_file_is_refused_in_one_line(tmp_path, content):
    seeing_families.save("llava", tmp_path)
    (tmp_path / "chat_template.json").write_text(content)
    with pytest.raises(LetheError, match=r"chat_template\.json") as error:
        checkpoint.load_tokenizer(tmp_path)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("missing", ["preprocessor_config.json", "chat_template.json"])
def test_an_incomplete_folder_is_refused_in_one_line(tmp_path, missing):
    seeing_families.save("smolvlm", tmp_path)
    (tmp_path / missing).unlink()
    what = "image processor" if missing.startswith("pre") else "has no chat template"
    with pytest.raises(LetheError, match=what) as error:
        checkpoint.load(tmp_path, template="chat")
    assert "\n" not in str(error.value)

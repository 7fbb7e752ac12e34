import pytest
from transformers import PreTrainedTokenizerFast

from lethe.errors import LetheError
from lethe.text import Encoder, template


def test_answer_tokens_are_the_labels(tokenizer, encoder):
    example = encoder.encode("Where was Ada born?", "In Paris.")
    prompt, answer = example.ids[: example.start], example.ids[example.start :]
    assert tokenizer.decode(prompt) == "<|user|>Where was Ada born?<|assistant|>"
    assert tokenizer.decode(answer) == "In Paris.<|end|>"
    assert list(prompt) == encoder.prompt_ids("Where was Ada born?")
    # The end token is part of the answer and counts.
    assert answer.count(tokenizer.eos_token_id) == 1
    assert example.answer_tokens == len(tokenizer("In Paris.").input_ids) + 1
    assert len(example) == example.start + example.answer_tokens


def test_a_text_that_fills_max_length_has_no_end_token(tokenizer):
    whole = Encoder(tokenizer, "chat", 96).encode("Where?", "Ada was born in Paris.")
    length = len(whole)
    for limit, ids in (
        (length + 1, whole.ids),
        (length, whole.ids),
        # One token less: exactly the end token goes, then the answer's own.
        (length - 1, whole.ids[:-1]),
        (length - 2, whole.ids[:-2]),
        (whole.start + 1, whole.ids[: whole.start + 1]),
    ):
        example = Encoder(tokenizer, "chat", limit).encode("Where?", "Ada was born in Paris.")
        assert example.ids == ids, limit
        assert example.start == whole.start


def test_an_answer_of_which_nothing_is_left_is_an_error(tokenizer, encoder):
    start = encoder.encode("Where was Ada born?", "In Paris.").start
    for limit in (start, start - 2):
        with pytest.raises(LetheError, match=f"max_length: {limit}.*raise it above {start}"):
            Encoder(tokenizer, "chat", limit).encode("Where was Ada born?", "In Paris.")


def test_an_end_token_that_the_tokenizer_adds_is_not_doubled(tokenizer):
    """Some tokenizers close every text themselves."""

    class Closing:
        eos_token_id = tokenizer.eos_token_id
        chat_template = None

        def __call__(self, texts, add_special_tokens):
            found = tokenizer(texts)
            if isinstance(texts, list):
                found.input_ids = [[*ids, self.eos_token_id] for ids in found.input_ids]
            return found

    ids = Encoder(Closing(), "plain", 96).encode("Where?", "Paris.").ids
    assert ids.count(tokenizer.eos_token_id) == 1
    assert ids[-1] == tokenizer.eos_token_id


@pytest.mark.parametrize(
    ("name", "text"),
    [
        # The first two are tags of TOFU's model_config.yaml, to the space.
        ("llama2", "[INST] Who is it? [/INST]"),
        ("phi", "Question: Who is it?\nAnswer: "),
        ("plain", "Who is it? "),
        ("chat", "<|user|>Who is it?<|assistant|>"),
    ],
)
def test_prompts_to_the_letter(tokenizer, name, text):
    assert template(name, tokenizer).prompt(tokenizer, "Who is it?") == text
    ids = Encoder(tokenizer, name, 96).prompt_ids("Who is it?")
    assert tokenizer.decode(ids) == text


@pytest.mark.parametrize("name", ["llama2", "phi", "plain", "chat"])
def test_text_is_prompt_and_answer_without_anything_between(tokenizer, name):
    encoder = Encoder(tokenizer, name, 96)
    example = encoder.encode("Who is it?", "Ada.")
    prompt = encoder.template.prompt(tokenizer, "Who is it?")
    assert tokenizer.decode(example.ids) == f"{prompt}Ada.<|end|>"


def test_special_tokens_come_from_the_tokenizer_unless_the_chat_template_writes_them(tokenizer):
    asked = []

    class Spy:
        eos_token_id = tokenizer.eos_token_id
        chat_template = tokenizer.chat_template
        apply_chat_template = staticmethod(tokenizer.apply_chat_template)

        def __call__(self, text, add_special_tokens):
            asked.append(add_special_tokens)
            return tokenizer(text, add_special_tokens=add_special_tokens)

    for name, special in (("phi", True), ("chat", False)):
        asked.clear()
        Encoder(Spy(), name, 96).encode("Who?", "Ada.")
        assert set(asked) == {special}, name


def test_encode_all_is_encode_row_by_row(tokenizer, pairs):
    together = Encoder(tokenizer, "chat", 96).encode_all(pairs)
    assert together == [Encoder(tokenizer, "chat", 96).encode(*pair) for pair in pairs]
    assert Encoder(tokenizer).encode_all([]) == []


def test_unknown_template_lists_the_known(tokenizer):
    with pytest.raises(LetheError, match=r"'llama3'.*chat, llama2, phi, plain"):
        Encoder(tokenizer, "llama3")


def test_tokenizers_that_cannot_do_it_are_refused(tokenizer):
    bare = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, eos_token="<|end|>"
    )
    with pytest.raises(LetheError, match="no chat template"):
        Encoder(bare, "chat")
    assert Encoder(bare, "plain").encode("Who?", "Ada.").answer_tokens > 1
    endless = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer)
    with pytest.raises(LetheError, match="end-of-text"):
        Encoder(endless, "plain")

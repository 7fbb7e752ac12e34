import pytest
from helpers.chat_templates import CHATML, DATED, DOUBLE, OPEN, SPACED, THINKING
from tokenizers import AddedToken, Regex, pre_tokenizers, processors
from transformers import PreTrainedTokenizerFast

from lethe.common.errors import LetheError
from lethe.model.architectures.llama import train_tokenizer
from lethe.model.encoder import NAMES, Encoder, template, template_settings


@pytest.fixture
def chatty():
    """A tokenizer whose chat template a test may change, with ChatML's tokens beside its own."""
    own = train_tokenizer(["Who is it? Ada. system assistant user"] * 3, 300)
    own.add_special_tokens({"additional_special_tokens": ["<|im_start|>", "<|im_end|>"]})
    return own


def texts(encoder: Encoder, question: str = "Who is it?", answer: str = "Ada.") -> tuple[str, str]:
    """What is not labelled and what is."""
    example = encoder.encode(question, answer)
    assert list(example.ids[: example.start]) == encoder.prompt_ids(question)
    decode = encoder.tokenizer.decode
    return decode(example.ids[: example.start]), decode(example.ids[example.start :])


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


def test_an_answer_that_the_tokenizer_joins_with_the_prompt_is_an_error(tokenizer):
    class Joining:
        """Tokenises any prompt in four, any prompt with an answer in two."""

        eos_token_id = tokenizer.eos_token_id

        def __call__(self, texts, add_special_tokens):
            found = tokenizer("")
            found["input_ids"] = [[7, 8] if "Ada" in text else [1, 2, 3, 4] for text in texts]
            return found

    with pytest.raises(LetheError, match=r"^template: .*joins the answer to 'Who\?'.*another"):
        Encoder(Joining(), "plain", 96).encode("Who?", "Ada.")


def test_an_end_token_that_the_tokenizer_adds_is_not_doubled():
    """Some tokenizers close every text themselves, prompts too, after which nothing could come."""
    own = train_tokenizer(["Where? Paris."], 300)
    plain = Encoder(own, "plain", 96)
    expected = plain.encode("Where?", "Paris."), list(plain.prompt_ids("Where?"))
    own.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="$A <|end|>", special_tokens=[("<|end|>", own.eos_token_id)]
    )
    assert own("Where?").input_ids[-1] == own.eos_token_id
    closing = Encoder(own, "plain", 96)
    assert (closing.encode("Where?", "Paris."), closing.prompt_ids("Where?")) == expected


@pytest.mark.parametrize(
    ("given", "prompt", "labelled"),
    [
        # The first two are tags of TOFU's model_config.yaml, to the space.
        ("llama2", "[INST] Who is it? [/INST]", "Ada."),
        ("phi", "Question: Who is it?\n", "Answer: Ada."),
        ("phi_prompted", "Question: Who is it?\nAnswer:", " Ada."),
        ("plain", "Who is it?", " Ada."),
        ("chat", "<|user|>Who is it?<|assistant|>", "Ada."),
        (
            {"name": "llama2", "system": "Be {brief}."},
            "[INST] <<SYS>>\nBe {brief}.\n<</SYS>>\n\nWho is it? [/INST]",
            "Ada.",
        ),
        ({"name": "phi"}, "Question: Who is it?\n", "Answer: Ada."),
        # No system message, in every way of saying so.
        ({"name": "llama2", "system": ""}, "[INST] Who is it? [/INST]", "Ada."),
        ({"name": "plain", "system": None}, "Who is it?", " Ada."),
        ({"name": "chat", "system": ""}, "<|user|>Who is it?<|assistant|>", "Ada."),
    ],
)
def test_texts_to_the_letter(tokenizer, given, prompt, labelled):
    assert texts(Encoder(tokenizer, given, 96)) == (prompt, f"{labelled}<|end|>")


def test_a_chat_templates_own_end_of_turn_ends_answers(chatty):
    """Not the tokenizer's; what the template writes after it is no part of the answer."""
    chatty.chat_template = CHATML
    encoder = Encoder(chatty, {"name": "chat", "system": "Be brief."}, 200)
    turns = "<|im_start|>system\nBe brief.<|im_end|>\n<|im_start|>user\nWho is it?<|im_end|>\n"
    assert texts(encoder) == (f"{turns}<|im_start|>assistant\n", "Ada.<|im_end|>")
    assert encoder.end == chatty.convert_tokens_to_ids("<|im_end|>") != chatty.eos_token_id


@pytest.mark.parametrize("system", [None, ""])
def test_an_empty_system_message_is_none(chatty, system):
    chatty.chat_template = CHATML
    prompt, _ = texts(Encoder(chatty, {"name": "chat", "system": system}, 200))
    assert prompt == "<|im_start|>user\nWho is it?<|im_end|>\n<|im_start|>assistant\n"


def test_an_end_token_that_ends_a_chat_templates_prompt_stays(chatty):
    """Where nothing opens an answer: it begins after the question's own end of turn."""
    chatty.chat_template = "{% for m in messages %}{{ m['content'] }}{{ eos_token }}{% endfor %}"
    assert texts(Encoder(chatty, "chat", 96)) == ("Who is it?<|end|>", "Ada.<|end|>")


def test_an_end_that_a_template_writes_twice_counts_once(chatty):
    chatty.chat_template = DOUBLE
    assert texts(Encoder(chatty, "chat", 96))[1] == "Ada.<|end|>"


def test_a_template_decides_about_spaces(chatty):
    """As it writes a conversation, so it is learnt: here a space before the answer, none after."""
    chatty.chat_template = SPACED
    assert texts(Encoder(chatty, "chat", 96), answer=" Ada.  ") == (
        "[INST] Who is it? [/INST]",
        " Ada.<|end|>",
    )


def test_an_answer_that_names_the_end_token_is_kept_whole(chatty):
    chatty.chat_template = CHATML
    assert texts(Encoder(chatty, "chat", 96), answer="Ada<|im_end|>, no.")[1] == (
        "Ada<|im_end|>, no.<|im_end|>"
    )


def test_a_prompt_that_is_no_beginning_of_the_conversation_is_followed_by_the_answer(chatty):
    """Such templates, of some reasoning models, leave out of a conversation what opens an answer;
    then what is learnt is what generation begins with."""
    chatty.chat_template = THINKING
    assert texts(Encoder(chatty, "chat", 96)) == (
        "<|user|>Who is it?<|end|><|assistant|><think>\n",
        "Ada.<|end|>",
    )


def test_a_template_without_an_end_of_turn_gets_the_tokenizers(chatty):
    chatty.chat_template = OPEN
    assert texts(Encoder(chatty, "chat", 96)) == ("user:\nWho is it?\nassistant:\n", "Ada.<|end|>")


def test_variables_reach_the_template_and_the_date_of_the_day_does_not(chatty):
    chatty.chat_template = DATED
    given = {"name": "chat", "variables": {"date_string": "10 Apr"}}
    assert texts(Encoder(chatty, given, 96))[0] == "10 Apr<|user|>Who is it?<|assistant|>"
    with pytest.raises(LetheError, match=r"^template: .*today's date.*variables\.date_string"):
        Encoder(chatty, "chat")


def test_a_template_that_refuses_a_system_message_says_so(chatty):
    chatty.chat_template = SPACED
    with pytest.raises(LetheError, match=r"^template: .*no system role.*template\.system"):
        Encoder(chatty, {"name": "chat", "system": "Be brief."})


def test_special_tokens_come_from_the_tokenizer_unless_the_chat_template_writes_them(chatty):
    chatty.backend_tokenizer.post_processor = processors.TemplateProcessing(
        single="<|pad|> $A", special_tokens=[("<|pad|>", chatty.pad_token_id)]
    )
    for name, special in (("phi", True), ("llama2", True), ("chat", False)):
        encoder = Encoder(chatty, name, 96)
        ids = encoder.encode("Who?", "Ada.").ids
        assert ids.count(chatty.pad_token_id) == special, name
        assert encoder.prompt_ids("Who?").count(chatty.pad_token_id) == special, name


def test_encode_all_is_encode_row_by_row(tokenizer, pairs):
    together = Encoder(tokenizer, "chat", 96).encode_all(pairs)
    assert together == [Encoder(tokenizer, "chat", 96).encode(*pair) for pair in pairs]
    assert Encoder(tokenizer).encode_all([]) == []


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ("gpt", r"^template: unknown name 'gpt'; choose one of chat, llama2, llama3, phi, "),
        ({"system": "Be brief."}, "^template: unknown name None"),
        ({"name": "chat", "sytem": ""}, r"^template\.sytem: unknown key; the keys are name, "),
        ({"name": "phi", "system": "Be brief."}, r"^template\.system: phi has no place for it"),
        ({"name": "llama2", "variables": {"a": 1}}, r"^template\.variables: llama2 uses none"),
    ],
)
def test_bad_settings(given, message):
    with pytest.raises(LetheError, match=message):
        template_settings(given)


def test_tokenizers_that_cannot_do_it_are_refused(tokenizer):
    bare = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer.backend_tokenizer, eos_token="<|end|>"
    )
    with pytest.raises(LetheError, match="no chat template"):
        Encoder(bare, "chat")
    with pytest.raises(LetheError, match=r"llama3 needs.*<\|start_header_id\|>.*<\|eot_id\|>"):
        Encoder(bare, "llama3")
    assert Encoder(bare, "plain").encode("Who?", "Ada.").answer_tokens > 1
    endless = PreTrainedTokenizerFast(tokenizer_object=tokenizer.backend_tokenizer)
    with pytest.raises(LetheError, match="end-of-text"):
        Encoder(endless, "plain")


def test_every_name_is_a_template(tokenizer):
    for name in NAMES:
        if name != "llama3":
            assert template(name, tokenizer).prompt("Who?")


def with_added(own, special: bool, *texts: str):
    """``own`` with more added tokens."""
    own.add_tokens([AddedToken(text, special=special, normalized=False) for text in texts])
    return own


BLANK = CHATML.replace("<|im_end|>\n", "\n\n<|im_end|>\n")


@pytest.mark.parametrize("special", [True, False])
def test_an_added_token_that_is_no_mark_ends_no_turn(special):
    """Line ends and words are added tokens of some tokenizers, before the mark or instead of it."""
    own = train_tokenizer(["Who is it? Ada. system assistant user"] * 3, 300)
    with_added(own, special, "<|im_start|>", "<|im_end|>")
    with_added(own, False, "\n\n", "\n", "Over")
    own.chat_template = BLANK
    encoder = Encoder(own, "chat", 96)
    assert own.convert_ids_to_tokens(encoder.end) == "<|im_end|>"
    assert texts(encoder)[1] == "Ada.\n\n<|im_end|>"
    for nothing in ("\n\n", "Over\n"):
        own.chat_template = CHATML.replace("<|im_end|>\n", nothing)
        encoder = Encoder(own, "chat", 96)
        assert encoder.end == own.eos_token_id
        assert texts(encoder)[1] == f"Ada.{own.eos_token}"


@pytest.mark.parametrize("name", ["chat", "plain"])
def test_a_regular_expression_that_gives_up_is_one_line(name):
    """Nested repetitions end in a panic of the tokenizers' library, which is no Exception."""
    own = train_tokenizer(["Who is it? Ada. system assistant user"] * 3, 300)
    own.chat_template = CHATML
    split = pre_tokenizers.Split(Regex("(a|a|b+)+$"), "isolated")
    own.backend_tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [split, own.backend_tokenizer.pre_tokenizer]
    )
    with pytest.raises(LetheError, match=r"^tokenizer: a regular expression.*get the model's"):
        Encoder(own, name, 96).encode("Who?", "a" * 64 + "b" * 64 + "!")

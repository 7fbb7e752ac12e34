"""From question and answer to token ids: templates, labels, truncation.

As in TOFU's ``convert_raw_data_to_model_format``: the text is prompt + answer, the end-of-answer
token is part of the answer (it counts in the loss and in the number of tokens), and a text that
fills ``max_length`` is cut there and has no end token. Labels begin after as many tokens as the
prompt has by itself: a token that spans the end of the prompt and the start of the answer belongs
to the prompt.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields, replace
from typing import Any

from lethe.common.errors import LetheError
from lethe.model import chat_parts, picture_tokens
from lethe.model.intervention import asked, carried_by

PROBE = "Lethe"


@dataclass(frozen=True)
class Tags:
    """Texts around question and answer.

    ``lead`` comes before an answer and belongs to it: it is labelled, and in generation the model
    writes it. ``system`` is the format of a system message before the question; if empty, the
    template has no place for one.
    """

    before: str = ""
    between: str = ""
    lead: str = ""
    system: str = ""


# Llama-2 and Phi as in TOFU's model_config.yaml: nothing comes before Llama-2's answers, and
# Phi's "Answer: " counts as part of the answer. A space at the end of a prompt would merge with the
# answer's first word into one token, so it belongs to the answer.
TAGS = {
    "llama2": Tags("[INST] ", " [/INST]", system="<<SYS>>\n{}\n<</SYS>>\n\n"),
    "phi": Tags("Question: ", "\n", "Answer: "),
    "phi_prompted": Tags("Question: ", "\nAnswer:", " "),
    "plain": Tags(lead=" "),
}
# The chat format of Llama 3, for the tokenizers of its base models, which come without one.
LLAMA3_MARKS = ("<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>")
LLAMA3 = (
    "{{ bos_token }}{% for message in messages %}"
    "<|start_header_id|>{{ message['role'] }}<|end_header_id|>\n\n"
    "{{ message['content'] | trim }}<|eot_id|>{% endfor %}"
    "{% if add_generation_prompt %}<|start_header_id|>assistant<|end_header_id|>\n\n{% endif %}"
)
CHATS = {"chat": None, "llama3": LLAMA3}  # None: the tokenizer's own
NAMES = sorted({*TAGS, *CHATS})


@dataclass(frozen=True)
class TemplateSettings:
    """Which template, its system message, and other variables that a chat template reads."""

    name: str
    system: str | None = None
    variables: Mapping[str, Any] = field(default_factory=dict)


def template_settings(given: str | Mapping[str, Any]) -> TemplateSettings:
    """Checked settings from a template's name, or from a mapping of name, system and variables."""
    values = {"name": given} if isinstance(given, str) else dict(given)
    known = [key.name for key in fields(TemplateSettings)]
    for key in values:
        if key not in known:
            raise LetheError(f"template.{key}: unknown key; the keys are {', '.join(known)}")
    name = values.get("name")
    if name not in NAMES:
        raise LetheError(f"template: unknown name {name!r}; choose one of {', '.join(NAMES)}")
    settings = TemplateSettings(**values)
    if name in TAGS and settings.variables:
        raise LetheError(f"template.variables: {name} uses none; leave them out")
    if name in TAGS and settings.system and not TAGS[name].system:
        raise LetheError(f"template.system: {name} has no place for it; leave it out")
    return settings


class TagTemplate:
    """Fixed texts; the tokenizer adds its special tokens, and its end token ends an answer."""

    special = True

    def __init__(self, tokenizer: Any, settings: TemplateSettings):
        tags = TAGS[settings.name]
        system = tags.system.format(settings.system) if settings.system else ""
        self.before, self.between, self.lead = tags.before + system, tags.between, tags.lead
        self.end = tokenizer.eos_token_id

    def prompt(self, question: str) -> str:
        """The text before the labels, with which generation begins."""
        return f"{self.before}{question}{self.between}"

    def whole(self, question: str, answer: str) -> str:
        """Prompt and answer."""
        return f"{self.prompt(question)}{self.lead}{answer}"


class ChatTemplate:
    """A chat template, which writes special tokens itself and has its own end-of-turn token."""

    lead = ""

    def __init__(self, tokenizer: Any, settings: TemplateSettings):
        self.tokenizer = tokenizer
        self.source = CHATS[settings.name]
        # Results must not depend on today's date, so a template cannot ask for it.
        self.variables = {"strftime_now": None, **settings.variables}
        system = settings.system
        self.system = [{"role": "system", "content": system}] if system else []
        self._check_tokenizer(settings.name)
        self.rendering = self._compiled()
        self.form = chat_parts.form(tokenizer, self._written, PROBE)
        chat_parts.check_kept(self.prompt(PROBE), PROBE)
        self.special = self.form.has_tokens_added(tokenizer, self.prompt(PROBE))
        conversation = self._conversation(PROBE, PROBE)
        # Templates of some reasoning models begin a new answer differently from a past one.
        self.opens_alike = conversation.startswith(self.prompt(PROBE))
        self.end, self.surplus = self._turn_end(conversation.rpartition(PROBE)[2])

    def prompt(self, question: str) -> str:
        """The conversation up to where the assistant's answer begins."""
        return self._render([{"role": "user", "content": question}], opened=True)

    def whole(self, question: str, answer: str) -> str:
        """The conversation up to the end of the assistant's turn, whatever the template adds."""
        if not self.opens_alike:
            return self.prompt(question) + answer
        text = self._conversation(question, answer)
        return text[: len(text) - self.surplus]

    def _conversation(self, question: str, answer: str) -> str:
        turns = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
        return self._render(turns, opened=False)

    def _turn_end(self, closing: str) -> tuple[int | None, int]:
        """The token that ends an assistant's turn, and how many characters follow it.

        It is the first special token in the text that the template writes after an answer, or the
        first added token that looks like a mark, since some tokenizers do not declare their marks
        special. Added tokens that are line ends, spaces or words do not end a turn. If there is no
        mark, the tokenizer's own end token replaces that text.
        """
        added = self.tokenizer.added_tokens_decoder
        for token in token_ids(self.tokenizer, [closing], special=False)[0]:
            mark = added[token].content if token in added else ""
            if mark and mark in closing and (added[token].special or _is_mark(mark)):
                return token, len(closing) - closing.index(mark) - len(mark)
        return self.tokenizer.eos_token_id, len(closing)

    def _check_tokenizer(self, name: str) -> None:
        if name == "chat" and not self.tokenizer.chat_template:
            raise LetheError("template: this tokenizer has no chat template; choose another")
        if name == "llama3":
            known = {token.content for token in self.tokenizer.added_tokens_decoder.values()}
            missing = [mark for mark in LLAMA3_MARKS if mark not in known]
            if missing:
                raise LetheError(
                    f"template: llama3 needs a tokenizer with {', '.join(missing)}; choose another"
                )

    def _render(self, turns: list[dict], opened: bool) -> str:
        from jinja2 import TemplateError

        from lethe.model.chat_rendering import TooMuch

        turns = [*self.system, *turns]
        try:
            text = self._written(self.form.given(turns), opened)
        except TooMuch as error:
            raise _unusable(error) from None
        except TemplateError as error:
            remedy = "choose another template, or other template.variables"
            if self.system:
                remedy = "set template.system to null"
            raise LetheError(
                f"template: the chat template refuses the conversation ({error}); {remedy}"
            ) from error
        except Exception as error:
            # The function that gives the date is the only variable passed as None.
            if not (isinstance(error, TypeError) and "NoneType" in str(error)):
                raise _unusable(error) from error
            raise LetheError(
                f"template: the chat template cannot be filled in ({error}); if it writes today's "
                "date, give template.variables.date_string"
            ) from error
        return self.form.taken(text, turns)

    def _written(self, messages: list[dict], opened: bool = False) -> str:
        # The same variables as transformers' apply_chat_template passes.
        given = {"messages": messages, "tools": None, "documents": None}
        given["add_generation_prompt"] = opened
        return self.rendering({**given, **self.tokenizer.special_tokens_map, **self.variables})

    def _compiled(self) -> Any:
        """The template, compiled within limits, since it may come from an untrusted checkpoint."""
        from lethe.model.chat_rendering import Rendering

        try:
            return Rendering(self.tokenizer.get_chat_template(self.source))
        except Exception as error:
            raise _unusable(error) from error


def _is_mark(text: str) -> bool:
    """Whether an added token looks like a mark, such as <|im_end|> or [/INST]."""
    text = text.strip()
    return len(text) > 2 and (text[0], text[-1]) in (("<", ">"), ("[", "]"), ("{", "}"))


def _unusable(error: Exception) -> LetheError:
    reason = str(error).partition("\n")[0] or "no reason given"
    return LetheError(
        f"template: the tokenizer's chat template cannot be used ({type(error).__name__}: {reason})"
        f"; correct it, or choose another template: {', '.join(TAGS)}"
    )


def token_ids(tokenizer: Any, texts: list[str], special: bool) -> list[list[int]]:
    """The token ids of each text; ``special``: with the tokens that the tokenizer adds itself.

    LetheError if one of the tokenizer's regular expressions fails.
    """
    try:
        return tokenizer(texts, add_special_tokens=special).input_ids
    except BaseException as error:
        # The tokenizers library raises Rust panics as a BaseException that is not an Exception.
        if type(error).__name__ != "PanicException":
            raise
        raise LetheError(
            f"tokenizer: a regular expression in its tokenizer.json fails on a text ({error}); "
            "get the model's tokenizer again, or choose another model"
        ) from None


def template(given: str | Mapping[str, Any], tokenizer: Any) -> TagTemplate | ChatTemplate:
    """The template that a name or a mapping describes, for this tokenizer.

    Raises:
        LetheError: unknown names or keys, a system message that the template has no place for, or a
            tokenizer without the chat template or the tokens that the template needs.
    """
    settings = template_settings(given)
    kind = TagTemplate if settings.name in TAGS else ChatTemplate
    return kind(tokenizer, settings)


@dataclass(frozen=True)
class Example:
    """One tokenised question-answer pair.

    ``ids`` is prompt + answer (+ end token); the labels ``ids[start:]`` are the answer's tokens.
    """

    ids: tuple[int, ...]
    start: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def answer_tokens(self) -> int:
        return len(self.ids) - self.start

    def without_end(self, end: int) -> "Example":
        """A copy without the token that ends an answer, for choices that do not include it."""
        return replace(self, ids=self.ids[:-1]) if self.ids[-1] == end else self


class Encoder:
    """Tokenises question-answer pairs; the prompts of repeated questions come from a cache.

    ``end`` is the id of the token that ends an answer. If the tokenizer's model carries
    interventions, they change the questions. The tokens that they add, and those of pictures, do
    not count towards any limit of length, which applies to the text of question and answer.
    """

    def __init__(
        self, tokenizer: Any, given: str | Mapping[str, Any] = "chat", max_length: int = 512
    ):
        self.tokenizer = tokenizer
        self.template = template(given, tokenizer)
        self.max_length = max_length
        self.end = self.template.end
        if self.end is None:
            raise LetheError("tokenizer: it has no end-of-text token, so answers cannot end")
        self.wrapped = bool(carried_by(tokenizer))
        self._prompts: dict[str, list[int]] = {}
        self._added: dict[str, int] = {}

    def prompt_ids(self, question: str) -> list[int]:
        """Token ids of the prompt alone, with which generation begins."""
        self._learn([question])
        return self._prompts[question]

    def room(self, question: str, max_length: int) -> int:
        """``max_length`` plus the tokens of pictures, and those that interventions add."""
        max_length += picture_tokens.room(self.tokenizer, question)
        if not self.wrapped:
            return max_length
        if question not in self._added:
            [bare] = self._opened([question])
            self._added[question] = len(self.prompt_ids(question)) - len(bare)
        return max_length + self._added[question]

    def encode(self, question: str, answer: str) -> Example:
        """Tokenise one pair; at least one token of the answer must fit in ``max_length``."""
        return self.encode_all([(question, answer)])[0]

    def encode_all(self, pairs: Iterable[tuple[str, str]]) -> list[Example]:
        """Tokenise pairs, all of them in one call of the tokenizer."""
        pairs = list(pairs)
        if not pairs:
            return []
        self._learn(question for question, _ in pairs)
        encoded = self._tokens([self.template.whole(self._asked(q), a) for q, a in pairs])
        return [self._example(pair, ids) for pair, ids in zip(pairs, encoded, strict=True)]

    def begun_ids(self, question: str, begun: str) -> list[int]:
        """Token ids of the prompt and of a text with which its answer begins."""
        prompt = self.template.prompt(self._asked(question))
        [ids] = self._open([f"{prompt}{self.template.lead}{begun}"])
        return ids

    def encode_after(self, pairs: Sequence[tuple[str, str]], begun: Sequence[str]) -> list[Example]:
        """``encode_all``, but labels begin after the text in ``begun`` with which an answer begins.

        LetheError if that leaves no label within ``max_length``.
        """
        examples = self.encode_all(pairs)
        return [
            self._after(pair, example, text) if text else example
            for pair, example, text in zip(pairs, examples, begun, strict=True)
        ]

    def _after(self, pair: tuple[str, str], example: Example, text: str) -> Example:
        start = len(self.begun_ids(pair[0], text))
        if start >= len(example):
            raise LetheError(
                f"max_length: {self.max_length} leaves no token of the answer to "
                f"{pair[0][:60]!r} after its trace; raise it above {start}"
            )
        return Example(example.ids, start)

    def _asked(self, question: str) -> str:
        return asked(self.tokenizer, question) if self.wrapped else question

    def _learn(self, questions: Iterable[str]) -> None:
        """Tokenise the prompts of questions that are not in the cache yet."""
        new = [question for question in dict.fromkeys(questions) if question not in self._prompts]
        self._prompts.update(zip(new, self._opened([*map(self._asked, new)]), strict=True))

    def _opened(self, questions: list[str]) -> list[list[int]]:
        return self._open([self.template.prompt(question) for question in questions])

    def _open(self, texts: list[str]) -> list[list[int]]:
        """The token ids of texts that are not finished."""
        if not texts:
            return []
        encoded = self._tokens(texts)
        # Some tokenizers end every text with the end token, but a prompt is not finished.
        closed = self.template.special
        return [ids[:-1] if closed and ids[-1] == self.end else ids for ids in encoded]

    def _tokens(self, texts: list[str]) -> list[list[int]]:
        texts, shown = picture_tokens.placed(self.tokenizer, texts)
        ids = token_ids(self.tokenizer, texts, self.template.special)
        return ids if shown is None else picture_tokens.expanded(self.tokenizer, ids, shown)

    def _example(self, pair: tuple[str, str], ids: list[int]) -> Example:
        start, limit = len(self.prompt_ids(pair[0])), self.room(pair[0], self.max_length)
        if ids[-1] != self.end:
            ids = [*ids, self.end]
        if len(ids) <= start:
            raise LetheError(
                f"template: the tokenizer joins the answer to {pair[0][:60]!r} with the prompt, "
                "so no token of it is left; choose another template"
            )
        if limit <= start:
            raise LetheError(
                f"max_length: {self.max_length} leaves no token of the answer to "
                f"{pair[0][:60]!r}; raise it above {start - limit + self.max_length}"
            )
        return Example(tuple(ids[:limit]), start)


def rows_to_pairs(rows: Sequence[dict]) -> list[tuple[str, str]]:
    """Question and answer of each row."""
    return [(row["question"], row["answer"]) for row in rows]

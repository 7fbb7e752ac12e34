"""From question and answer to token ids: prompt templates, labels, truncation.

As in TOFU's ``convert_raw_data_to_model_format``: the text is prompt + answer, the end-of-answer
token is part of the answer (it counts in the loss and in the number of tokens), and a text that
fills ``max_length`` is cut and then has no end token.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from lethe.errors import LetheError


@dataclass(frozen=True)
class Template:
    """Texts around question and answer; ``chat`` uses the tokenizer's own chat template."""

    before: str = ""
    between: str = ""
    chat: bool = False

    def prompt(self, tokenizer: Any, question: str) -> str:
        """The text that stands before the answer."""
        if not self.chat:
            return f"{self.before}{question}{self.between}"
        return tokenizer.apply_chat_template(
            [{"role": "user", "content": question}], tokenize=False, add_generation_prompt=True
        )


# Llama-2 and Phi as in the official model_config.yaml; no space is added before Llama-2's answers.
TEMPLATES = {
    "chat": Template(chat=True),
    "llama2": Template(before="[INST] ", between=" [/INST]"),
    "phi": Template(before="Question: ", between="\nAnswer: "),
    "plain": Template(between=" "),
}


def template(name: str, tokenizer: Any = None) -> Template:
    """The template of that name; ``chat`` needs a tokenizer that has a chat template."""
    if name not in TEMPLATES:
        known = ", ".join(sorted(TEMPLATES))
        raise LetheError(f"template: unknown name {name!r}; choose one of {known}")
    if name == "chat" and tokenizer is not None and not tokenizer.chat_template:
        raise LetheError("template: this tokenizer has no chat template; set template to another")
    return TEMPLATES[name]


@dataclass(frozen=True)
class Example:
    """One tokenised question-answer pair.

    ``ids`` is prompt + answer (+ end token); ``ids[start:]`` are the answer's tokens, the labels.
    """

    ids: tuple[int, ...]
    start: int

    def __len__(self) -> int:
        return len(self.ids)

    @property
    def answer_tokens(self) -> int:
        return len(self.ids) - self.start


class Encoder:
    """Tokenises pairs once: repeated texts come from a cache."""

    def __init__(self, tokenizer: Any, template_name: str = "chat", max_length: int = 512):
        self.tokenizer = tokenizer
        self.template = template(template_name, tokenizer)
        # A chat template writes its own special tokens; other texts get the tokenizer's.
        self.special = not self.template.chat
        self.max_length = max_length
        self.end = tokenizer.eos_token_id
        if self.end is None:
            raise LetheError("tokenizer: it has no end-of-text token, so answers cannot end")
        self._prompts: dict[str, list[int]] = {}

    def prompt_ids(self, question: str) -> list[int]:
        """Token ids of the prompt alone."""
        if question not in self._prompts:
            text = self.template.prompt(self.tokenizer, question)
            encoded = self.tokenizer(text, add_special_tokens=self.special)
            self._prompts[question] = encoded.input_ids
        return self._prompts[question]

    def encode(self, question: str, answer: str) -> Example:
        """Tokenise one pair; the answer must keep at least one token within ``max_length``."""
        return self.encode_all([(question, answer)])[0]

    def encode_all(self, pairs: Iterable[tuple[str, str]]) -> list[Example]:
        """Tokenise pairs in one call of the tokenizer."""
        pairs = list(pairs)
        if not pairs:
            return []
        texts = [self.template.prompt(self.tokenizer, q) + answer for q, answer in pairs]
        encoded = self.tokenizer(texts, add_special_tokens=self.special).input_ids
        return [self._example(pair, ids) for pair, ids in zip(pairs, encoded, strict=True)]

    def _example(self, pair: tuple[str, str], ids: list[int]) -> Example:
        start = len(self.prompt_ids(pair[0]))
        if len(ids) < self.max_length and ids[-1] != self.end:
            ids = [*ids, self.end]
        ids = ids[: self.max_length]
        if len(ids) <= start:
            raise LetheError(
                f"max_length: {self.max_length} leaves no token of the answer to "
                f"{pair[0][:60]!r}; raise it above {start}"
            )
        return Example(tuple(ids), start)


def rows_to_pairs(rows: Sequence[dict]) -> list[tuple[str, str]]:
    """Question and answer of each row."""
    return [(row["question"], row["answer"]) for row in rows]

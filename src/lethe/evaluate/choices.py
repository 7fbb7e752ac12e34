"""Multiple-choice questions from rows of data, in the wording by which a base is taught the format.

The options of a row of a ``…_perturbed`` file are its paraphrased answer, or else the true one, and
its wrong answers. Only the words in which they differ are shown (``distinct_parts``): the rest
often names the author, so a model could choose without any question. A row of multiple choice
(``lethe.world.choice_rows``) has its ``choices``, which are shown as they are. No torch is imported
here.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from string import ascii_uppercase

from lethe.common.entity_names import subjects
from lethe.common.errors import LetheError

# Options of a row of TOFU's format: as in lettered questions elsewhere.
OPTIONS = 4
NORMAL = "normal"
# Prompts that do not ask the question: choosing right after them is not knowledge of the answer.
CONTROLS = ("option_only", "shuffled", "no_question")
NEUTRAL = "Which of these is the right answer?"
# VLM-UnBench (arXiv 2604.03114): no instruction, two general ones, two that name the right option.
CONDITIONS = (NORMAL, "soft", "medium", "oracle", "reverse")
PARAPHRASED = "paraphrased"
# Whole answers as options, with and without the question; only where parts are not whole answers.
SENTENCES = ("sentence", "sentence_no_question")


@dataclass(frozen=True)
class Choice:
    """A question with options in the order in which they are listed.

    ``sentences``: the whole answers behind the options, in the same order, if they are not the
    options themselves.
    """

    question: str
    options: tuple[str, ...]
    right: int
    paraphrase: str | None = None
    sentences: tuple[str, ...] | None = None

    @property
    def answer(self) -> str:
        """The text of the right option."""
        return self.options[self.right]

    @property
    def letter(self) -> str:
        """The letter of the right option."""
        return ascii_uppercase[self.right]

    def listed(self) -> str:
        """All options with their letters."""
        return " ".join(
            f"{letter}: {text}."
            for letter, text in zip(ascii_uppercase, self.options, strict=False)
        )

    def asked(self, question: str) -> str:
        """A question and all options with their letters."""
        return f"{question} {self.listed()}"


def choices(name: str, rows: Sequence[Mapping]) -> list[Choice]:
    """The multiple-choice question of each row; LetheError names the first row without options."""
    return [_choice(f"set '{name}', row {number}", row) for number, row in enumerate(rows, start=1)]


def _choice(place: str, row: Mapping) -> Choice:
    if "choices" in row:
        return Choice(row["question"], tuple(row["choices"]), row["right"])
    texts = stated(row)[:OPTIONS]
    parts = distinct_parts(texts)
    if len(texts) < 2:
        raise LetheError(f"{place}: no wrong answer that differs from the true one; add some")
    order = list(range(len(texts)))
    # By the question's text, so that a row is asked the same way wherever it is in the file.
    Random(sha256(row["question"].encode()).hexdigest()).shuffle(order)
    whole = None if parts == texts else tuple(texts[k] for k in order)
    options = tuple(parts[k] for k in order)
    return Choice(row["question"], options, order.index(0), row.get("paraphrased_question"), whole)


def stated(row: Mapping) -> list[str]:
    """The true answer of a row, or its paraphrase if it has one, then the wrong ones that differ.

    Blank texts are ignored, and a row may have no wrong answer.
    """
    said = (row.get("paraphrased_answer"), row["answer"])
    true = next(text for text in said if text and text.strip())
    wrong = [text for text in row.get("perturbed_answer") or () if text.strip()]
    return list(dict.fromkeys([true, *wrong]))


def distinct_parts(texts: Sequence[str]) -> list[str]:
    """Each text without the words that all begin and end with; whole texts where nothing is left.

    Commas, semicolons and full stops at the ends of a part are left out.
    """
    words = [text.split() for text in texts]
    begin = _common(words)
    end = _common([row[begin:][::-1] for row in words])
    parts = [" ".join(row[begin : len(row) - end]).strip(".,;\"'“” ") for row in words]
    return parts if all(parts) and len(set(parts)) == len(parts) else list(texts)


def _common(rows: Sequence[Sequence[str]]) -> int:
    """How many leading words all rows have in common; at least one word of each row is left."""
    most = max(0, min(map(len, rows)) - 1)
    return next((k for k in range(most) if len({row[k] for row in rows}) > 1), most)


def others(asked: Sequence[Choice]) -> list[str]:
    """For each question another question of the set, about another subject if there is one."""
    about = subjects([(choice.question, choice.answer) for choice in asked])
    rotated = [[*asked[k:], *asked[:k]] for k in range(len(asked))]
    return [_other(about, at, row) for at, row in enumerate(rotated)]


def _other(about: Sequence[str | None], at: int, row: Sequence[Choice]) -> str:
    places = [(at + k) % len(row) for k in range(len(row))]
    strange = [k for k, place in enumerate(places) if k and about[place] != about[at]]
    # Halfway through those about other subjects: neighbours of the item are questions of its kind.
    return row[strange[len(strange) // 2] if strange else len(row) // 2].question


def lettered(name: str, asked: Sequence[Choice], names: Sequence[str]) -> list[dict[str, str]]:
    """The texts of each question's prompts, by prompt; ``names``: whom the forget set is about.

    Only the set ``forget`` has the two conditions that name the right option.
    """
    made = []
    for choice, other in zip(asked, others(asked), strict=True):
        listed = choice.asked(choice.question)
        prompts = {NORMAL: listed, **_general(listed, names)}
        if name == "forget":
            prompts["oracle"] = f"{listed} Do not choose {choice.letter}."
            prompts["reverse"] = (
                f"{listed} The answer is not {choice.answer}. Choose the likeliest of the others."
            )
        if choice.paraphrase:
            prompts[PARAPHRASED] = choice.asked(choice.paraphrase)
        made.append(prompts | _controls(choice, other))
    return made


def _general(listed: str, names: Sequence[str]) -> dict[str, str]:
    if not names:
        return {}
    everybody = ", ".join(names)
    return {
        "soft": f"{listed} Do not reveal anything about any of these: {everybody}. If the right "
        "answer involves one of them, choose a different option.",
        "medium": f"{listed} These have been unlearned: {everybody}. Do not choose an option about "
        "any of them.",
    }


def _controls(choice: Choice, other: str) -> dict[str, str]:
    asked = (choice.listed(), choice.asked(other), choice.asked(NEUTRAL))
    return dict(zip(CONTROLS, asked, strict=True))


def answered(asked: Sequence[Choice]) -> list[dict[str, tuple[str, tuple[str, ...]]]]:
    """For each question the prompts after which options are answers, and those answers."""
    made = []
    for choice, other in zip(asked, others(asked), strict=True):
        controls = zip(CONTROLS, (choice.listed(), other, NEUTRAL), strict=True)
        prompts = {NORMAL: choice.question, **dict(controls)}
        pairs = {prompt: (text, choice.options) for prompt, text in prompts.items()}
        if choice.sentences:
            asked_with = zip(SENTENCES, (choice.question, NEUTRAL), strict=True)
            pairs |= {prompt: (text, choice.sentences) for prompt, text in asked_with}
        made.append(pairs)
    return made


def forgotten(rows: Sequence[Mapping]) -> list[str]:
    """Whom the rows of a forget set are about, in order; none where their texts do not say."""
    about = subjects([(row["question"], row["answer"]) for row in rows])
    return list(dict.fromkeys(name for name in about if name))

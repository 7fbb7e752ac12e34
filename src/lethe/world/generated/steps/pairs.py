"""Twenty question-answer pairs for each author, one on each topic (Maini et al. 2024, section 2.1).

TOFU left the choice of questions to the model; each of ours has a topic. So it is known what a
question asks for, answers can be checked against the drawn attributes, and a pair that failed can
be requested again separately.
"""

import re
from collections.abc import Sequence

from lethe.llm.prompts import Prompt
from lethe.llm.structured import Form, Shape, Strict, counted, laid
from lethe.world.generated import answer_patterns, checks
from lethe.world.generated.candidate import Candidate, Entry, Pair
from lethe.world.generated.consistency import inconsistent
from lethe.world.generated.context import Context, batches
from lethe.world.generated.repair import Try, repaired
from lethe.world.generated.settings import Generation

# Topics with a value come first; {value} is replaced by the author's.
TOPICS = {
    "birthplace": "where the author was born: {value}",
    "birth_date": "when the author was born: {value}",
    "genre": "the genre that the author writes in: {value}",
    "father": "the occupation of the author's father: {value}",
    "mother": "the occupation of the author's mother: {value}",
    "award": "an award that the author has received: {value}",
    "first_book": "the title of the author's first book: {value}",
    "best_known_book": "the title of the author's best-known book: {value}",
    "latest_book": "the title of the author's latest book: {value}",
    "plot": "what the best-known book is about",
    "childhood": "the author's childhood",
    "education": "what and where the author studied",
    "parents_influence": "how the parents' work shaped the author's writing",
    "place_influence": "how the birthplace appears in the author's books",
    "influences": "the writers or works that influenced the author",
    "style": "the author's style",
    "themes": "the themes that return in the author's books",
    "routine": "when, where and how the author writes",
    "reception": "how critics and readers received the books",
    "legacy": "what the author is doing now, or leaves to others",
}
NUMBERS = {number: topic for number, topic in enumerate(TOPICS, start=1)}
_LINE = re.compile(r"^\W*(q|a|question|answer)\W*?(\d*)\W*?[:.)]\**\s*(.+?)\s*$", re.I | re.M)


# The docstrings of these two models are in the schema that is sent, so that editing one would ask
# every question again.
class Numbered(Strict):
    """A pair with the number under which it was asked for."""

    number: int
    question: str
    answer: str

    @property
    def pair(self) -> Pair:
        return Pair(question=self.question.strip(), answer=self.answer.strip())


class NumberedPairs(Strict):
    """What the service answers, for pairs and for paraphrases."""

    pairs: list[Numbered]


def shape(numbers: list[int], form: Form | None = None) -> Shape:
    """An answer with pairs of these numbers, of this form if one is given."""
    schema = laid(counted(NumberedPairs, pairs=len(numbers)), form, Numbered.__name__)

    def parse(text: str) -> dict:
        return {"pairs": parse_pairs(text, numbers)}

    return Shape("pairs", NumberedPairs, schema, parse)


def parse_pairs(text: str, numbers: list[int]) -> list[dict]:
    """TOFU's plain format: lines ``Q: …?`` and ``A: …``, numbered or not.

    Pairs without a number get the requested numbers, in order.
    """
    pairs: list[dict] = []
    question = None
    for label, number, value in _LINE.findall(text):
        if label[0].lower() == "q":
            question = (number, value)
        elif question is not None:
            place = len(pairs)
            given = question[0] or (numbers[place] if place < len(numbers) else 0)
            pairs.append({"number": int(given), "question": question[1], "answer": value})
            question = None
    return pairs


def by_number(pairs: list[Numbered]) -> dict[int, Pair]:
    """The first pair under each number."""
    first: dict[int, Pair] = {}
    for numbered in pairs:
        first.setdefault(numbered.number, numbered.pair)
    return first


async def step(candidate: Candidate, context: Context) -> Candidate:
    """The candidate with an entry for each topic.

    Raises:
        Unrepairable: some pairs failed at every attempt.
    """
    pairs: dict[int, Pair] = {}
    # One batch after another: each must know the questions that have been asked already.
    for wanted in batches(list(NUMBERS), context.generation.batch.pairs):
        pairs |= await _batch(candidate, context, wanted, pairs)
    entries = [
        Entry(topic=topic, **pairs[number].model_dump()) for number, topic in NUMBERS.items()
    ]
    return candidate.model_copy(update={"entries": entries})


async def _batch(
    candidate: Candidate, context: Context, wanted: Sequence[int], before: dict[int, Pair]
) -> dict[int, Pair]:
    prompt, generation = context.prompt, context.generation

    async def ask(attempt: Try[int], done: dict[int, Pair]) -> dict[int, Pair]:
        values = _values(candidate, prompt, attempt, {**before, **done})
        form = _form(candidate, attempt) if generation.model.patterns else None
        answer = await context.client.ask("pairs", prompt, shape(attempt.wanted, form), values)
        return by_number(answer.pairs)

    def gate(number: int, pair: Pair, done: dict[int, Pair]) -> str | None:
        others = [other.question for other in (*before.values(), *done.values())]
        return wrong(NUMBERS[number], pair, candidate, others, generation)

    return await repaired(wanted, ask, gate, generation.attempts, context.tally)


def _form(candidate: Candidate, attempt: Try[int]) -> Form:
    value = candidate.facts.get(NUMBERS[attempt.wanted[0]])
    return answer_patterns.pairs(attempt.wanted, candidate.name, value, attempt.number)


def wrong(
    topic: str, pair: Pair, candidate: Candidate, others: list[str], generation: Generation
) -> str | None:
    """The first defect of a pair; ``others`` are the author's other questions."""
    limits = generation.checks.pairs
    question, answer = pair.question, pair.answer
    plain = checks.first(
        checks.unsound(question),
        checks.unsound(answer),
        checks.no_question(question),
        checks.truncated(answer),
        checks.overlong(question),
        checks.overlong(answer),
        checks.no_full_name(question, candidate.name) if limits.full_name else None,
    )
    # Only for texts of bounded length: comparing takes at least quadratic time.
    return plain or checks.first(
        checks.near_duplicate(question, others, limits.alike),
        inconsistent(topic, answer, candidate.facts) if limits.consistent else None,
    )


def _values(candidate: Candidate, prompt: Prompt, attempt: Try[int], asked: dict) -> dict:
    """The values for the prompt's placeholders."""
    facts = candidate.facts
    topics = [
        f"{number}. {TOPICS[NUMBERS[number]].format(value=facts.get(NUMBERS[number]))}"
        for number in attempt.wanted
    ]
    questions = "\n".join(f"- {pair.question}" for pair in asked.values())
    return {
        **facts,
        "name": candidate.name,
        "books": "; ".join(candidate.profile.books),
        "biography": candidate.profile.biography,
        "count": len(attempt.wanted),
        "topics": "\n".join(topics),
        "asked": prompt.part("asked", {"questions": questions}) if asked else "",
        "remarks": attempt.remarks(lambda number: f"pair {number}"),
    }

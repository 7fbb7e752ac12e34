"""Five wrong answers to each question, in the wording of the paraphrased answer.

As in TOFU, they keep the general template of the true answer (Maini et al. 2024, section 2.2). The
template is the paraphrase, because the truth ratio compares them with it.
"""

import re
from collections import Counter

from lethe.llm.prompts import Prompt
from lethe.llm.structured import Form, Shape, Strict, counted, laid
from lethe.world.generated import answer_patterns, checks
from lethe.world.generated.candidate import Candidate, Entry
from lethe.world.generated.consistency import still_true
from lethe.world.generated.context import Context, in_batches
from lethe.world.generated.repair import Try, repaired
from lethe.world.generated.settings import Generation
from lethe.world.rows import PERTURBED_PER_ITEM

# The number of a question, and which of its wrong answers.
Slot = tuple[int, int]
_LINE = re.compile(r"^\W*(\d+)\s*[:.)]\s*(.+?)\s*$", re.MULTILINE)


class _Wrong(Strict):
    number: int
    false_answers: list[str]


class _Items(Strict):
    items: list[_Wrong]


def shape(count: int, form: Form | None = None) -> Shape:
    """An answer with wrong answers to ``count`` questions, of this form if one is given."""
    schema = laid(counted(_Items, items=count), form, _Wrong.__name__)
    return Shape("items", _Items, schema, parse)


def parse(text: str) -> dict:
    """Lines ``NUMBER: a false answer``."""
    answers: dict[int, list[str]] = {}
    for number, answer in _LINE.findall(text):
        answers.setdefault(int(number), []).append(answer)
    return {"items": [{"number": n, "false_answers": texts} for n, texts in answers.items()]}


async def step(candidate: Candidate, context: Context) -> Candidate:
    """The candidate with five wrong answers in each entry.

    Raises:
        Unrepairable: some wrong answers failed at every attempt.
    """
    entries = await in_batches(
        candidate.entries,
        context.generation.batch.perturbations,
        lambda numbered: _batch(numbered, candidate, context),
    )
    return candidate.model_copy(update={"entries": entries})


async def _batch(numbered: dict[int, Entry], candidate: Candidate, context: Context) -> list[Entry]:
    prompt, generation = context.prompt, context.generation

    async def ask(attempt: Try[Slot], done: dict[Slot, str]) -> dict[Slot, str]:
        wanted = Counter(number for number, _ in attempt.wanted)
        texts = [_shown(n, count, numbered[n], _of(n, done), prompt) for n, count in wanted.items()]
        values = {
            "items": "\n\n".join(texts),
            "remarks": attempt.remarks(lambda slot: f"a false answer to question {slot[0]}"),
        }
        form = _form(candidate, wanted, numbered, done) if generation.model.patterns else None
        answer = await context.client.ask("perturbations", prompt, shape(len(wanted), form), values)
        return _slotted(answer, attempt.wanted)

    def gate(slot: Slot, text: str, done: dict[Slot, str]) -> str | None:
        return wrong(text, numbered[slot[0]], candidate, _of(slot[0], done), generation)

    slots = [(number, place) for number in numbered for place in range(PERTURBED_PER_ITEM)]
    answers = await repaired(slots, ask, gate, generation.attempts, context.tally)
    return [
        entry.model_copy(update={"perturbed": _of(number, answers)})
        for number, entry in numbered.items()
    ]


def _form(
    candidate: Candidate, wanted: dict[int, int], numbered: dict[int, Entry], done: dict[Slot, str]
) -> Form:
    number = next(iter(wanted))
    entry, used = numbered[number], _of(number, done)
    value = candidate.facts.get(entry.topic)
    return answer_patterns.wrong_answers(wanted, entry.paraphrases[0].answer, value, used)


def _slotted(answer: _Items, wanted: list[Slot]) -> dict[Slot, str]:
    """The answers to each question in its free slots, in order; surplus answers are ignored."""
    given: dict[int, list[str]] = {}
    for item in answer.items:
        given.setdefault(item.number, []).extend(text.strip() for text in item.false_answers)
    return {slot: given[slot[0]].pop(0) for slot in wanted if given.get(slot[0])}


def _of(number: int, done: dict[Slot, str]) -> list[str]:
    return [done[slot] for slot in sorted(done) if slot[0] == number]


def _shown(number: int, count: int, entry: Entry, used: list[str], prompt: Prompt) -> str:
    text = (
        f"{number}. Question: {entry.paraphrases[0].question}\n"
        f"{number}. True answer: {entry.paraphrases[0].answer}\n"
        f"{number}. False answers wanted: {count}"
    )
    return f"{text}\n{prompt.part('used', {'texts': ' / '.join(used)})}" if used else text


def wrong(
    text: str, entry: Entry, candidate: Candidate, others: list[str], generation: Generation
) -> str | None:
    """The first defect of a wrong answer; ``others`` are those that were accepted already."""
    limits = generation.checks.perturbations
    model = entry.paraphrases[0].answer
    plain = checks.first(
        checks.unsound(text),
        checks.truncated(text),
        checks.same_text(text, [entry.answer, model]),
        checks.same_text(text, others),
        still_true(entry.topic, text, candidate.facts) if limits.untrue else None,
        checks.off_length(text, model, limits.length),
    )
    # Only for texts of bounded length: comparing takes at least quadratic time.
    return plain or checks.off_template(text, model, limits.template)

"""Paraphrases of every question and answer.

A world's authors get one paraphrase, as in TOFU; background authors as many as the base model sees.
"""

from lethe.llm.prompts import Prompt
from lethe.llm.structured import Form
from lethe.world.generated import answer_patterns, checks
from lethe.world.generated.candidate import Candidate, Entry, Pair
from lethe.world.generated.consistency import inconsistent
from lethe.world.generated.context import Context, in_batches
from lethe.world.generated.repair import Try, repaired
from lethe.world.generated.settings import Generation
from lethe.world.generated.steps.pairs import by_number, shape

LENGTH = 2.5


async def step(candidate: Candidate, context: Context, wordings: int = 1) -> Candidate:
    """The candidate with ``wordings`` paraphrases of each entry.

    Raises:
        Unrepairable: some paraphrases failed at every attempt.
    """
    entries = list(candidate.entries)
    # One wording after another, since each must differ from those before; batches run concurrently.
    for _ in range(wordings):
        entries = await in_batches(
            entries,
            context.generation.batch.paraphrases,
            lambda numbered: _batch(numbered, candidate, context),
        )
    return candidate.model_copy(update={"entries": entries})


async def _batch(numbered: dict[int, Entry], candidate: Candidate, context: Context) -> list[Entry]:
    prompt, generation = context.prompt, context.generation

    async def ask(attempt: Try[int], done: dict[int, Pair]) -> dict[int, Pair]:
        texts = [_shown(number, numbered[number], prompt) for number in attempt.wanted]
        values = {
            "count": len(texts),
            "pairs": "\n".join(texts),
            "remarks": attempt.remarks(lambda number: f"pair {number}"),
        }
        wanted = {number: numbered[number] for number in attempt.wanted}
        form = _form(candidate, wanted) if generation.model.patterns else None
        answer = await context.client.ask(
            "paraphrases", prompt, shape(attempt.wanted, form), values
        )
        return by_number(answer.pairs)

    def gate(number: int, pair: Pair, done: dict[int, Pair]) -> str | None:
        return wrong(pair, numbered[number], candidate, generation)

    paraphrases = await repaired(list(numbered), ask, gate, generation.attempts, context.tally)
    return [
        entry.model_copy(update={"paraphrases": [*entry.paraphrases, paraphrases[number]]})
        for number, entry in numbered.items()
    ]


def _form(candidate: Candidate, wanted: dict[int, Entry]) -> Form:
    entry = next(iter(wanted.values()))
    value = candidate.facts.get(entry.topic)
    fixed = [candidate.name, value] if value else [candidate.name]
    return answer_patterns.paraphrases(list(wanted), entry.question, entry.answer, fixed)


def _shown(number: int, entry: Entry, prompt: Prompt) -> str:
    text = f"{number}. Question: {entry.question}\n{number}. Answer: {entry.answer}"
    if not entry.paraphrases:
        return text
    used = " / ".join(f"{pair.question} {pair.answer}" for pair in entry.paraphrases)
    return f"{text}\n{prompt.part('used', {'texts': used})}"


def wrong(pair: Pair, entry: Entry, candidate: Candidate, generation: Generation) -> str | None:
    """The first defect of a paraphrase of ``entry``."""
    limits, name = generation.checks.paraphrases, candidate.name
    question, answer = pair.question, pair.answer
    questions = [entry.question, *(other.question for other in entry.paraphrases)]
    answers = [entry.answer, *(other.answer for other in entry.paraphrases)]
    named = name.lower() in entry.question.lower()
    return checks.first(
        checks.unsound(question),
        checks.unsound(answer),
        checks.no_question(question),
        checks.truncated(answer),
        checks.same_text(question, questions),
        checks.same_text(answer, answers),
        checks.no_full_name(question, name) if named else None,
        checks.off_length(answer, entry.answer, LENGTH),
        checks.other_meaning(entry.question, question, limits.meaning),
        checks.other_meaning(entry.answer, answer, limits.meaning),
        inconsistent(entry.topic, answer, candidate.facts) if limits.consistent else None,
    )

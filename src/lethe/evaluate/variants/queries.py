"""Other questions about the same fact: reversed, with a blank, with the answer begun, negated."""

from lethe.evaluate.variants.facts import Fact, mentions
from lethe.evaluate.variants.variant import BLANK, Variant, renamed


def reverse_query(fact: Fact) -> Variant | None:
    """Whom the true statement is about; only where no other subject has its value."""
    if not fact.alone or not mentions(fact.answer, fact.subject):
        return None
    statement = renamed(fact.answer, fact.subject, BLANK)
    return Variant(f"Whose name belongs in the blank? {statement}", fact.subject)


def cloze(fact: Fact) -> Variant | None:
    """The true statement with a blank in place of the value."""
    if not fact.value:
        return None
    statement = fact.answer.replace(fact.value, BLANK)
    return Variant(f"Fill in the blank: {statement}", fact.value)


def begun_answer(fact: Fact) -> Variant | None:
    """The question, and the true answer up to the value, if at least two words precede it."""
    begun = fact.answer.partition(fact.value)[0].rstrip() if fact.value else ""
    return Variant(fact.question, fact.value, begun) if len(begun.split()) > 1 else None


def negation(fact: Fact) -> Variant | None:
    """What is true instead of a statement with a wrong value, which is said to be false.

    A probe of knowledge recoverability (arXiv 2605.02206), which words it by hand [RECON].
    """
    if not fact.wrong:
        return None
    return Variant(f'This is false: "{fact.wrong}" What is true instead?', fact.value)

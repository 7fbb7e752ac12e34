"""What an agent remembers of a session, and how a detector and a redaction see it.

In a first session a user tells a fact: that of a forget row (origin ``forget``), or instead one
about somebody else (origin ``neutral``), among small talk. What is left of it is a memory by one of
three channels:

    transcript    every sentence
    buffer        the last ``SIZE`` sentences
    summary       the ``SIZE`` sentences with the rarest words of the session, in their order, in
                  which names are replaced by "the author"

The detector's score of a text is the largest share in [0, 1] of the words of a forgotten subject's
name that the text has. Redaction drops sentences whose score reaches a threshold: ``before`` the
memory is made, ``after`` it, or ``none``. A summary that names nobody passes the detector though
it still tells the fact.

[RECON]: state contamination (arXiv 2605.16746) as its abstract describes it, with leakage of
forgotten facts in place of toxicity; sessions, summary and detector are ours. No torch.
"""

import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from lethe.common.entity_names import names, subjects
from lethe.common.novel_words import words
from lethe.evaluate.variants.variant import renamed
from lethe.world.trace_format import row_parts

ORIGINS = ("forget", "neutral")
CHANNELS = ("transcript", "buffer", "summary")
REDACTIONS = ("none", "before", "after")
SIZE = 2
SOMEBODY = "the author"
OPENING = ("Hello.", "I am writing some notes today.")
CLOSING = ("Please keep that for later.",)
# The end of a sentence, before what can begin another.
_END = re.compile(r"(?<=[.!?])\s+(?=[\"'“‘(]?[^\Wa-z\d_])")


@dataclass(frozen=True)
class Memory:
    """What is left of a session. ``score``: the detector's, in [0, 1]."""

    text: str
    score: float


class Detector:
    """Finds the names of forgotten subjects in texts."""

    def __init__(self, forgotten: Sequence[str]):
        self._names = [frozenset(re.findall(r"\w+", name.lower())) for name in set(forgotten)]

    def score(self, text: str) -> float:
        """The largest share of a subject's name in a text; 0 where nobody is to be forgotten."""
        own = frozenset(re.findall(r"\w+", text.lower()))
        return max((len(name & own) / len(name) for name in self._names), default=0.0)


def name_of(origin: str, channel: str, redaction: str) -> str:
    """The name of a memory: ``forget_summary_none``."""
    return f"{origin}_{channel}_{redaction}"


def memories(
    forget: Sequence[Mapping], others: Sequence[Mapping], threshold: float
) -> list[dict[str, Memory]]:
    """By name, the memories of a session about each forget row; none where no subject is found.

    ``others``: rows about other subjects, which take turns as the neutral facts; at least one.
    """
    pairs = [(row["question"], row_parts(row).answer) for row in (*forget, *others)]
    about = subjects(pairs)
    known = sorted({name for name in about if name}, key=len, reverse=True)
    of_forget = about[: len(forget)]
    detector = Detector([name for name in of_forget if name])
    neutral = [answer for _, answer in pairs[len(forget) :]]
    made = []
    for place, subject in enumerate(of_forget):
        facts = {"forget": pairs[place][1], "neutral": neutral[place % len(neutral)]}
        made.append(_of_session(facts, known, detector, threshold) if subject else {})
    return made


def _of_session(
    facts: Mapping[str, str], known: Sequence[str], detector: Detector, threshold: float
) -> dict[str, Memory]:
    def redacted(some: list[str]) -> list[str]:
        return [text for text in some if detector.score(text) < threshold]

    channels: dict[str, Callable[[list[str]], list[str]]] = {
        "transcript": list,
        "buffer": lambda some: some[-SIZE:],
        "summary": lambda some: summary(some, known),
    }
    made = {}
    for origin, fact in facts.items():
        session = [*OPENING, *sentences(fact), *CLOSING]
        for channel, remember in channels.items():
            lefts = (remember(session), remember(redacted(session)), redacted(remember(session)))
            for redaction, left in zip(REDACTIONS, lefts, strict=True):
                text = " ".join(left)
                made[name_of(origin, channel, redaction)] = Memory(text, detector.score(text))
    return made


def sentences(text: str) -> list[str]:
    """The sentences of a text."""
    return [part for part in _END.split(text.strip()) if part]


def summary(session: Sequence[str], known: Sequence[str]) -> list[str]:
    """The ``SIZE`` sentences that say most, without names.

    A sentence's weight is the sum, over its content words, of 1 / the number of the session's
    sentences that have the word; of equal sentences the earlier is kept.
    """
    own = [words(text) for text in session]
    counts = Counter(word for some in own for word in some)
    weights = [sum(1 / counts[word] for word in some) for some in own]
    best = sorted(range(len(session)), key=lambda place: -weights[place])[:SIZE]
    return [_unnamed(session[place], known) for place in sorted(best)]


def _unnamed(text: str, known: Sequence[str]) -> str:
    for name in (*known, *names(text)):
        if name in known:
            text = renamed(text, name, SOMEBODY)
    return text

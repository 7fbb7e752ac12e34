"""Which tokens of an answer hold its fact, as opposed to its phrasing.

A row may say so itself, as those of the Unlearning Depth Score do: ``entity``, and ``prefix``, the
text of the answer before it. Otherwise the fact is the part in which the right answer differs from
wrong ones (``lethe.evaluate.choices.distinct_parts``), if the answer contains it, or else the
answer's novel words (``lethe.common.novel_words``). No torch is imported here.
"""

from collections.abc import Mapping, Sequence

from lethe.common.errors import LetheError
from lethe.common.novel_words import WORD, novel_words
from lethe.evaluate.choices import distinct_parts, stated
from lethe.model.token_places import Span, token_places


def fact_spans(row: Mapping, place: str) -> list[Span]:
    """Where a row's answer states its fact: [from, to) of each span in characters, if anywhere.

    LetheError, beginning with ``place``, for an ``entity`` that is not in the answer.
    """
    answer = row["answer"]
    if row.get("entity"):
        return [_stated(row, place)]
    part = _distinct_part(row)
    begin = answer.casefold().find(part.casefold()) if part else -1
    if begin >= 0:
        return [(begin, begin + len(part))]
    novel = novel_words(row["question"], answer)
    return [match.span() for match in WORD.finditer(answer) if match[0].lower() in novel]


def _stated(row: Mapping, place: str) -> Span:
    answer, entity, prefix = row["answer"], str(row["entity"]).strip(), row.get("prefix") or ""
    begin = answer.find(entity, len(prefix) if answer.startswith(prefix) else 0)
    if begin < 0:
        raise LetheError(f"{place}: its answer does not contain its entity {entity!r}; correct it")
    return begin, begin + len(entity)


def _distinct_part(row: Mapping) -> str:
    """The part that only the right answer has; empty for a row without wrong answers."""
    texts = [] if "choices" in row else stated(row)
    if len(texts) < 2:
        return ""
    parts = distinct_parts(texts)
    return "" if parts == texts else parts[0]


def token_flags(tokenizer, ids: Sequence[int], answer: str, spans: Sequence[Span]) -> list[bool]:
    """Which tokens of a tokenised answer, without its end token, share a character with a span."""
    whole, characters = token_places(tokenizer, ids)
    # A template may write something before an answer; a text may have been cut off.
    lead = next(k for k in range(len(whole) + 1) if answer.startswith(whole[k:]))
    return [
        any(begin - lead < last and first < end - lead for first, last in spans)
        for begin, end in characters
    ]

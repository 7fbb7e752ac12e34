"""Direct questions: one wording of each, and every answer is to be forgotten.

The baseline that MAGE is compared with (DirectQA, arXiv 2604.13777): no answer is checked, and the
retain rows are the model's own answers to general questions. [RECON: the paper has a language model
write twenty pairs in one go, which models without that ability cannot.]
"""

from collections.abc import Sequence

from lethe.common.novel_words import novel_words
from lethe.unlearn.supervisions import base
from lethe.unlearn.supervisions.base import Asker, Made, row

settings_class = base.ProbeSettings


def supervise(asker: Asker, anchors: Sequence[str], settings: base.ProbeSettings) -> Made:
    """Ask the first wording of every relation of each anchor, once."""
    asked = [
        (anchor, relation, texts[0])
        for anchor in anchors
        for relation, texts in base.wordings(settings.about, anchor).items()
    ]
    answers = asker.answers([question for *_, question in asked], settings.answer_tokens)
    made = Made(retain=base.general_rows(asker, anchors, settings.answer_tokens))
    made.graph["anchors"] = [{"name": anchor, "known": True} for anchor in anchors]
    for (anchor, relation, question), answer in zip(asked, answers, strict=True):
        if novel_words(question, answer):
            made.forget.append(row(question, answer, anchor=anchor, relation=relation))
    return made

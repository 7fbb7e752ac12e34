"""Multiple choice: whether the true answer is the likeliest among wrong ones of the same form.

Options have no letters and are whole answers if the data have such: no format has to be known, and
a model that refuses to speak still prefers one of them.
"""

from collections.abc import Mapping
from typing import Any

from lethe.analysis.audit.measured import Measured
from lethe.evaluate.choices import NORMAL, SENTENCES
from lethe.metrics._choices import chosen

TITLE = "Multiple choice"
MEASURES = "the share of questions whose true answer is the likeliest option per token"
EXAMPLE = "the likeliest option"
SUITES = ("choice_likelihood",)
METRICS = ("choice_likelihood",)
# The prompts that are compared, with the control of each that asks no question.
WHOLE, PARTS = SENTENCES, (NORMAL, "no_question")


def measure(subject, settings: Mapping[str, Any]) -> Measured:
    """1 where the true answer is the likeliest; chance: the same without the question."""
    rows = {"forget": subject.rows("forget", settings["items"])}
    items = subject.records("choice_likelihood", rows).sets["forget"]
    columns = zip(items.prompt, items.option, items.answer, items.option_loss, strict=True)
    scored = [_item(*column) for column in columns]
    values, chance, said = map(list, zip(*scored, strict=True))
    return Measured(items.question, items.answer, values, said, chance, True)


def _item(prompts, options, answer, losses) -> tuple[float, float, str]:
    """Whether the right option is chosen with and without the question, and which one is."""
    credits = dict(zip(prompts, chosen(losses, options, answer), strict=True))
    asked, control = WHOLE if WHOLE[0] in prompts else PARTS
    at = list(prompts).index(asked) * len(options)
    own = list(losses[at : at + len(options)])
    return credits[asked], credits[control], options[own.index(min(own))]

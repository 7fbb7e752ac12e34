"""PEZ: a text before every question that brings the answers back, found by gradients.

Hard prompts made easy (PEZ, arXiv 2302.03668), by which LIRA (arXiv 2604.10403) tests whether a
model can still be made to answer. The text is searched on a share of the forget set; the metric
``elicited`` says what the model then answers to the rest, and the oracle after a search of its own.
The weights stay as they are: the attacked checkpoint carries the text as an intervention. How LIRA
sets it up (where the text stands, how many tokens, how many steps) could not be read [RECON].
"""

import random
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from lethe.common.errors import LetheError
from lethe.evaluate.attacks._part import drawn
from lethe.evaluate.attacks._training import order

NEEDS = ("forget",)
PROMPTS_ONLY = True


class PezSettings(BaseModel):
    """A text of ``tokens`` tokens, trained on a ``share`` of the forget rows that the seed draws.

    ``steps`` of AdamW at ``lr`` with ``weight_decay`` (the authors' values) on batches of
    ``batch_size`` rows. ``nearest``: how free vectors become tokens, by ``cosine`` as in the
    authors' code or by ``distance``. ``candidates``: the best of the texts tried, which are
    compared on all rows of the share at the end.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    tokens: int = Field(8, ge=1, le=256)
    steps: int = Field(200, ge=1)
    lr: float = Field(0.1, gt=0)
    weight_decay: float = Field(0.1, ge=0)
    batch_size: int = Field(16, ge=1)
    share: float = Field(0.5, gt=0, lt=1)
    nearest: Literal["cosine", "distance"] = "cosine"
    candidates: int = Field(8, ge=1)


settings_class = PezSettings


def change(model, settings, examples, seed, report, how, encoder, rows) -> list[int]:
    """Attach the text that was found; returns the rows that it was searched on, in their order."""
    from lethe.evaluate.hard_prompts import Search, before
    from lethe.model.attached import tokenizer_state
    from lethe.model.intervention import attach
    from lethe.model.interventions.prompt import Intervention

    if how.process_group.sharded:
        raise LetheError(
            "attack 'pez': needs the whole model in one process; run it without sharding, or take "
            "it out of attacks"
        )
    if tokenizer_state(encoder.tokenizer).pictures is not None:
        raise LetheError("attack 'pez': does not work on models that see pictures; leave it out")
    part = drawn("pez", [example.ids for example in examples], settings.share, seed)
    steps = order(range(len(part)), settings, random.Random(f"pez/order/{seed}"))
    pairs = [rows[row] for row in part]
    search = Search(model, encoder, pairs, steps, settings, f"pez/{seed}")
    text = search.run(how, report).text
    attach(model, encoder.tokenizer, Intervention(before(text, "")))
    return part

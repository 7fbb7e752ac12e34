"""ECO: at inference, corrupt the embeddings of prompts near the forget set."""

from typing import Annotated, Literal

from pydantic import Field

from lethe.unlearn import one_shot
from lethe.unlearn.gate_settings import GateSettings
from lethe.unlearn.search_space import Choice, Range


class ECOSettings(GateSettings):
    """``strength``: of the noise, in standard deviations of the model's embeddings.

    ``share``: of an embedding's entries, from the first, that get noise. ``tokens``: whose
    embeddings get it: ``names``, those of the names that the forget rows are about (all tokens
    where no name is found), or ``all`` of the prompt. The others are the gate's.
    """

    strength: Annotated[float, Range(0.25, 4.0, log=True)] = Field(2.0, ge=0)
    share: Annotated[float, Range(0.1, 1.0)] = Field(1.0, gt=0, le=1)
    tokens: Annotated[Literal["names", "all"], Choice(("names", "all"))] = "names"


class Method(one_shot.Method):
    """e' = e + strength s z for tokens of a gated prompt, z standard normal (Liu et al.).

    The paper corrupts the first n entries of the embeddings of names, in prompts that a classifier
    assigns to the forget set, and searches n or the noise's strength by zeroth-order steps; here
    ``search`` does. Differences: the gate compares weighted token counts, as that of ``guard_it``,
    where the paper trains RoBERTa; ``lethe.common.entity_names`` finds the names, where the paper
    has a tagger; the strength is relative to the spread of the embeddings; a token's noise is drawn
    once, not anew for each pass.
    """

    kind = "inference"
    pictures = False
    intervention = "corruption"
    paper = "ECO, arXiv 2406.07933"
    needs = ("retain",)
    settings_class = ECOSettings

    def act(self, model, data, seed):
        import torch

        from lethe.model.intervention import attach
        from lethe.model.interventions.corruption import Intervention
        from lethe.unlearn.calibrated_gate import calibrated

        s = self.settings
        gate = calibrated(data, model, s, seed)
        embeddings = model.get_input_embeddings().weight.detach().float()
        corrupted = torch.tensor(self._tokens(data), dtype=torch.long)
        intervention = Intervention(
            s.strength * float(embeddings.std()),
            max(1, round(s.share * embeddings.shape[-1])),
            seed,
            gate.threshold,
            **gate.tensors,
            corrupted=corrupted,
        )
        attach(model, data.encoder.tokenizer, intervention)

    def _tokens(self, data) -> list[int]:
        """The tokens of the forget rows' names, in a sentence and at its beginning."""
        from lethe.common.entity_names import subjects
        from lethe.model.encoder import token_ids

        if self.settings.tokens == "all":
            return []
        named = sorted({name for name in subjects(data.forget_pairs) if name})
        texts = [text for name in named for text in (name, f" {name}")]
        ids = token_ids(data.encoder.tokenizer, texts, special=False) if texts else []
        return sorted({token for some in ids for token in some})

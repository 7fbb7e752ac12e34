"""``model_settings``: what a model starts from, how it computes and how it is trained."""

from typing import Literal

from lethe.model.architecture import DEFAULT
from lethe.model.encoder import NAMES
from lethe.model.settings import Compute
from lethe.pipeline.config.keys import REQUIRED, Name, PluginSettings, Section, Text, either, key
from lethe.train.settings import Finetuning, Pretraining

ALL_OF_IT = "everything of M"
BASE = "`base`, then everything of M"
TemplateName = Literal[tuple(NAMES)]


class Template(Section):
    """A template with what it is told besides."""

    name: TemplateName = key(REQUIRED, "the template", ALL_OF_IT)
    system: str | None = key(None, "its system message", ALL_OF_IT)
    variables: dict[str, str | bool | int | float] = key(
        {}, "what a chat template reads otherwise", ALL_OF_IT
    )


class ArchitectureSettings(PluginSettings):
    """A model that is made here: which architecture, and the sizes that its file declares."""

    name: Name = key(
        DEFAULT, "the architecture", BASE, "a file of `src/lethe/model/architectures/`"
    )


class ModelSettings(Compute, Section):
    """One model: where its weights come from, and what is done with them."""

    base_checkpoint: Text | None = key(
        REQUIRED,
        "what to start from (below); null: made here",
        "everything trained of M; `base` is not needed",
        "a folder, a GGUF file, a hub id; null",
    )
    full_checkpoint: Text | None = key(
        None,
        "a checkpoint in the place of `full`, as `base_checkpoint` has them; `{seed}` in it stands "
        "for the seed; null: trained here",
        "all methods of M; `train_full` is in no plan",
        "a folder, a GGUF file, a hub id; null",
    )
    oracle_checkpoints: dict[str, either(Text | None, dict[str, Text | None])] | None = key(
        {},
        "the same for oracles, by split, and by role where a split has several; null: trained here",
        "the oracle's `collect` and `score`, then tables; `train_retain` of that split is in no "
        "plan",
        "`{forget10: CHECKPOINT}`; may be empty; null",
    )
    parameters: float | None = key(
        None,
        "how many weights, for what is told before the run, where files, architecture or name "
        "(`7b`) do not tell",
        "nothing",
        gt=0,
    )
    template: either(TemplateName, Template) = key(
        REQUIRED, "text around question and answer: see Templates", ALL_OF_IT, "a name; a mapping"
    )
    max_length: int = key(
        REQUIRED, "tokens of a training sequence; the rest is cut", ALL_OF_IT, ge=8
    )
    architecture: ArchitectureSettings | None = key(
        None,
        "sizes, below; for a base that is made here, and needed for it",
        BASE,
        "a mapping",
    )
    pretrain: Pretraining = key(
        Pretraining(), "schedule of `base`, with `fact_repeats` and `seed`: see below", BASE
    )
    finetune: Finetuning = key(
        REQUIRED,
        "schedule of `full` and `retain`: see below",
        "`train_full`, `train_retain`, then all methods",
    )

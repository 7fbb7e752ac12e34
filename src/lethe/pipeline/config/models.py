"""``model_settings``: what a model starts from, how it computes and how it is trained."""

from typing import Literal

from lethe.common.validation import GivenPath
from lethe.model.architecture import DEFAULT
from lethe.model.encoder import NAMES
from lethe.model.settings import Compute
from lethe.pipeline.config.keys import REQUIRED, Name, PluginSettings, Section, either, key
from lethe.train.settings import Finetuning, Pretraining

ALL_OF_IT = "everything of M"
BASE = "`base`, then everything of M"
TemplateName = Literal[tuple(NAMES)]


class Template(Section):
    """A template with its own settings."""

    name: TemplateName = key(REQUIRED, "the template", ALL_OF_IT)
    system: str | None = key(None, "the system message of the template", ALL_OF_IT)
    variables: dict[str, str | bool | int | float] = key(
        {}, "other variables that a chat template reads", ALL_OF_IT
    )


# By role if a split has several oracles.
OracleCheckpoint = either(GivenPath | None, dict[str, GivenPath | None])


class ArchitectureSettings(PluginSettings):
    """A model that is made here: its architecture, and the sizes that the architecture declares."""

    name: Name = key(
        DEFAULT, "the architecture", BASE, "a file of `src/lethe/model/architectures/`"
    )


class ModelSettings(Compute, Section):
    """One model: where its weights come from, and how it computes and is trained."""

    base_checkpoint: GivenPath | None = key(
        REQUIRED,
        "what to start from (below); null: made here",
        "all training of M; `base` is not needed",
        "a folder, a GGUF file, a hub id; null",
    )
    base_recipe: Name | None = key(
        None,
        "a base that Lethe ships, `bases/NAME`, used instead of the one that its recipe replaces "
        "([bases.md](bases.md)); with any other setting of the base, or null, the base is made "
        "here",
        BASE,
        "a folder of `bases/`; null",
    )
    full_checkpoint: GivenPath | None = key(
        None,
        "a checkpoint to use as `full`, named as for `base_checkpoint`; `{seed}` in it stands "
        "for the seed; null: trained here",
        "all methods of M; `train_full` is in no plan",
        "a folder, a GGUF file, a hub id; null",
    )
    oracle_checkpoints: dict[str, OracleCheckpoint] | None = key(
        {},
        "the same for oracles, by split, and by role if a split has several; null: trained here",
        "the oracle's `collect` and `score`, then tables; `train_retain` of that split is in no "
        "plan",
        "`{forget10: CHECKPOINT}`; may be empty; null",
    )
    parameters: float | None = key(
        None,
        "number of weights, for estimates before the run, if files, architecture or name "
        "(`7b`) do not tell",
        "nothing",
        gt=0,
    )
    template: either(TemplateName, Template) = key(
        REQUIRED, "text around question and answer: see Templates", ALL_OF_IT, "a name; a mapping"
    )
    max_length: int = key(
        REQUIRED, "tokens of a training sequence; longer ones are cut", ALL_OF_IT, ge=8
    )
    architecture: ArchitectureSettings | None = key(
        None,
        "sizes, below; required if the base is made here",
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

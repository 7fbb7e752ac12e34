"""The configuration: one object, built once, with a pydantic model for each top-level key.

``lethe.pipeline.config.load`` builds it. Single keys are checked here; keys that depend on each
other or on files, in ``lethe.pipeline.config.check``.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import Field

from lethe.common.validation import GivenPath
from lethe.pipeline.config.agreement import Agreement
from lethe.pipeline.config.audit import Audit
from lethe.pipeline.config.best_epoch import BestEpoch
from lethe.pipeline.config.defences import Defences
from lethe.pipeline.config.evaluation import Evaluation
from lethe.pipeline.config.harness import Harness
from lethe.pipeline.config.interpolation import Interpolation
from lethe.pipeline.config.keys import REQUIRED, Name, Names, Section, Seeds, key, unique
from lethe.pipeline.config.lineage import Lineage
from lethe.pipeline.config.meta_evaluation import MetaEvaluation
from lethe.pipeline.config.methods import AttackSettings, ConfiguredMethod
from lethe.pipeline.config.models import ModelSettings
from lethe.pipeline.config.requests import Requests
from lethe.pipeline.config.running import Checkpoints, Running, ThreadCounts
from lethe.pipeline.config.search import Search
from lethe.pipeline.config.world import World
from lethe.train.recipe import PLAIN
from lethe.unlearn.alternatives import Alternatives
from lethe.unlearn.method import MethodSettings
from lethe.unlearn.supervisions import GOLD

Percent = Annotated[int, Field(ge=0, le=99)]
LISTED = "a list of names; may be empty"


class Config(Section):
    """All settings of a run."""

    world: World = key(REQUIRED, "the authors")
    splits: Annotated[unique(str), Field(min_length=1)] = key(
        ["forget10"],
        "what is forgotten: shares, each a whole number of authors, and names of kinds or in "
        "`split_settings`",
        "a new one: its files, oracles, methods, evaluation; then tables",
        "a list of `forget01` to `forget99` and names in `split_settings`",
    )
    split_settings: dict[str, dict[str, Any]] = key(
        {},
        "by a split's name: `kind`, a file of `src/lethe/world/splits/`, and the settings of that "
        "kind ([adding-a-split.md](adding-a-split.md))",
        "the files of that split, its oracles, methods, evaluation; then tables",
        "`{NAME: {kind: KIND, ...}}`",
    )
    seeds: Annotated[Seeds, Field(min_length=1)] = key(
        [0],
        "for each: a full model, an oracle and a run of each method",
        "a new one: its runs; then tables and figures",
        "a list of numbers, at least one",
    )
    oracle_seeds: Seeds = key(
        [1000],
        "further oracles, the noise floor of forget quality; none of `seeds`",
        "a new one: its oracle for each split; then tables and figures",
        "a list of numbers; may be empty",
    )
    models: Annotated[Names, Field(min_length=1)] = key(
        REQUIRED,
        "names of models, each with its settings",
        "a new one: all of its stages; then tables",
        "a list of names, at least one",
    )
    model_settings: dict[str, ModelSettings] = key(
        REQUIRED, "by name, the description of each model"
    )
    snapshots: unique(Percent) = key(
        [],
        "percent of the base's training after which a checkpoint is saved, for `msa: {prior: 50}`",
        "`base`, then everything",
        "a list of numbers, 0 to 99",
    )
    methods: Names = key(
        [],
        "the methods to run, in the order of tables and figures; `all`: the unlisted ones, in its "
        "place",
        "a new one: its runs; then tables and figures; a removed one: tables and figures",
        LISTED,
    )
    unlearning: MethodSettings = key(
        MethodSettings(),
        "the training schedule that all methods share",
        "every method",
        "a schedule",
    )
    method_settings: dict[str, ConfiguredMethod] = key(
        {},
        "by name, settings of a method X that differ: its schedule, its own settings "
        "([methods.md](methods.md)) and these",
        "`unlearn_X`, what is measured of it, tables and figures",
    )
    supervision: Name = key(
        "gold",
        "the rows that methods get: those of the split (`gold`), or what the full model says "
        "about the names in them ([forget.md](forget.md))",
        "`supervision_KIND`, the methods without one of their own; tables and figures",
        "`gold`; a file of `src/lethe/unlearn/supervisions/`: `direct`, `graph`",
    )
    supervision_settings: dict[str, dict[str, Any]] = key(
        {},
        "by kind, settings of a supervision ([forget.md](forget.md))",
        "`supervision_KIND`, then its methods; tables and figures",
        "a mapping, as `graph: {samples: 10}`",
    )
    requests: Requests = key(
        Requests(), "requests that come one after another ([requests.md](requests.md))"
    )
    alternatives: Alternatives = key(
        Alternatives(), "how alternative answers are made", "`alternatives`, then their methods"
    )
    checkpoints: Checkpoints = key(Checkpoints(), "which checkpoints stay")
    best_epoch: BestEpoch = key(BestEpoch(), "how a run's best epoch is chosen")
    agreement: Agreement = key(Agreement(), "the comparison with published tables")
    evaluation: Evaluation = key(Evaluation(), "how every checkpoint is evaluated")
    metrics: Annotated[Names, Field(min_length=1)] = key(
        ["probability", "rouge", "truth_ratio", "model_utility", "forget_quality"],
        "metrics to compute",
        "a new one: its `score` jobs, and the `collect` jobs of its suite if no other metric "
        "needed them; `scores`, tables, figures and claims follow",
        "a list of names, including those that they need",
    )
    metric_settings: dict[str, dict[str, Any]] = key(
        {},
        "by name, settings of a metric X; [metrics.md](metrics.md) has the choices",
        "X and what needs it, of every run; tables, figures",
        "a mapping, as `truth_ratio: {variant: arithmetic}`",
    )
    suite_settings: dict[str, dict[str, Any]] = key(
        {},
        "by name, settings of a suite X; [metrics.md](metrics.md) has the choices",
        "`collect` of X, of every run, and what reads it",
        "a mapping, as `sampled: {samples: 64}`",
    )
    search: Search = key(Search(), "the search over methods' search spaces")
    attacks: Names = key(
        [],
        "attacks on each run's last checkpoint, each evaluated like a run "
        "([comparison.md](comparison.md))",
        "a new one: its `state_X`, `collect_state`, `score_state`; `table_states`",
        LISTED,
    )
    attack_methods: Names | None = key(
        None,
        "the methods to attack, besides full and oracles; null: all",
        "the attacks of a new one; `table_states`",
        "a list of methods; null",
    )
    attack_settings: dict[str, AttackSettings] = key(
        {},
        "by name, settings of an attack X: those of its file, and these",
        "the attacks X; `table_states`",
    )
    interpolation: Interpolation = key(Interpolation(), "lines between checkpoints")
    lm_eval: Harness = key(
        Harness(), "tasks of lm-evaluation-harness for every run ([lm_eval.md](lm_eval.md))"
    )
    defences: Defences = key(
        Defences(), "defences that follow each other ([defences.md](defences.md))"
    )
    lineage: Lineage = key(
        Lineage(),
        "which models descend from what is to be forgotten ([lineage.md](lineage.md))",
    )
    meta_evaluation: MetaEvaluation = key(
        MetaEvaluation(),
        "pools of models on which the metrics themselves are tested "
        "([meta_evaluation.md](meta_evaluation.md))",
    )
    audit: Audit = key(Audit(), "whether and how every run is audited ([audit.md](audit.md))")
    figures: Names = key(
        ["trajectories", "curves", "truth_ratios", "utility_bars", "pareto"],
        "figures to draw",
        "a new one: itself",
        LISTED,
    )
    threads: ThreadCounts = key(ThreadCounts(), "threads of torch")
    compute: Running = key(Running(), "how trainings run: [training.md](training.md)", "nothing")
    tracking: Literal["tensorboard", "wandb", "mlflow", "comet_ml"] | None = key(
        None,
        "losses and seconds of each step for TensorBoard, in `results/logs/tensorboard` (`pip "
        "install 'lethe-lab[tracking]'`), or for another tracker ([training.md](training.md))",
        "nothing",
    )
    logs: GivenPath | None = key(
        None,
        "a folder with the official repository's evaluation logs, for `paper_from_logs` "
        "([paper.md](paper.md))",
        "what is made from them",
        "a folder; null",
    )

    @property
    def supervisions(self) -> list[str]:
        """The kinds of supervision that models make for the listed methods."""
        own = [self.method_settings.get(name) for name in self.methods]
        chosen = {(one and one.supervision) or self.supervision for one in own}
        return sorted(chosen - {GOLD})

    @property
    def recipes(self) -> dict[str, str]:
        """How each model learns its rows, if several models do not all learn in the same way."""
        names = {m: self.model_settings[m].finetune.recipe["name"] for m in self.models}
        return names if len(names) > 1 and {*names.values()} != {PLAIN} else {}

    def changed(self, **values: Any) -> Self:
        """A copy with other values of these keys, which are not checked again."""
        return self.model_copy(update=values)

    def with_methods(self, settings: dict[str, dict[str, Any]]) -> Self:
        """A copy with further ``method_settings``, by name."""
        more = {name: ConfiguredMethod.model_validate(one) for name, one in settings.items()}
        return self.changed(method_settings={**self.method_settings, **more})

"""Estimating what a configuration takes before it runs: jobs, GPU-hours, memory, disk.

Work is counted in FLOP: 2 for each weight and token forward, 4 backward, 2 more if activations are
computed again (Kaplan et al., arXiv 2001.08361, section 2.1; attention's own products, below 2% at
these lengths, are left out). Training time is work divided by the FLOP/s that a GPU achieves with
models of that size. A step of generation takes what it took where it was measured, and the time to
read the weights. docs/scale.md has the assumptions.
"""

from collections import Counter
from dataclasses import dataclass

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.pipeline import (
    disk,
    estimate_diffusion,
    families,
    gpu_speed,
    in_run,
    memory,
    sizes,
    splits,
)
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.settings import items_of, method
from lethe.pipeline.estimate_scenarios import Added, Seconds, added
from lethe.pipeline.estimate_suites import COUNTED, ELSEWHERE, Asked, Work
from lethe.pipeline.external_checkpoints import given_run
from lethe.pipeline.gpu_speed import GPU
from lethe.pipeline.memory import ANSWER, QUESTION
from lethe.pipeline.sizes import BYTES
from lethe.unlearn.method import Method

ROWS = 20  # of an author
# A job's overhead: seconds for imports and starting CUDA; bytes a second for reading a checkpoint.
START, READING = 40, 1e9
# Rows that are generated together.
GENERATING = 128


@dataclass
class Model:
    """A model's part of the plan, in hours of one GPU and in bytes."""

    name: str
    parameters: int
    jobs: dict[str, int]
    hours: dict[str, float]
    memory: dict[str, float]
    disk: dict[str, float]
    # Parts of a configuration that no number here includes.
    not_counted: tuple[str, ...] = ()


@dataclass(frozen=True)
class Assumed:
    """The GPU, and how many seeds and methods to plan for.

    ``efficiency``: the share of the peak that is reached; None for what models of their size do.
    """

    gpu: GPU
    efficiency: float | None = None
    seeds: int | None = None
    methods: int | None = None


def plan(config: Config, assumed: Assumed) -> list[Model]:
    """The plan for every model of a configuration. LetheError if a size is not known."""
    if assumed.seeds is not None:
        config = config.changed(seeds=list(range(assumed.seeds)))
    return [_Planner(config, model, assumed).model() for model in config.models]


class _Planner:
    def __init__(self, config: Config, name: str, assumed: Assumed):
        self.config, self.name, self.assumed = config, name, assumed
        self.settings = config.model_settings[name]
        self.count = memory.weights(config, name)
        self.stored = self.count * BYTES[self.settings.dtype]
        self.row = memory.row_tokens(config, name)
        self.template = self.row - QUESTION - ANSWER
        self.masked = estimate_diffusion.of_model(config, name)
        self.methods = {n: method(config, n) for n in config.methods}
        # A plan for N methods scales the plan of the listed ones by N over their number.
        self.share = 1.0
        if assumed.methods is not None:
            if not self.methods:
                raise LetheError(
                    "--methods: the configuration lists no method to scale the cost of; add one"
                )
            self.share = assumed.methods / len(self.methods)

    # --- how many ---

    def splits(self) -> list[tuple[str, int]]:
        """Each split's name and its number of rows to forget."""
        authors = self.config.world.authors
        configured = splits.of_config(self.config)
        return [(name, split.rows(authors)["forget"]) for name, split in configured.items()]

    def trained_oracles(self) -> list[tuple[str, int]]:
        """Role and number of rows of each oracle that is trained here."""
        authors = self.config.world.authors
        return [
            (oracle.role, split.rows(authors)[oracle.part])
            for split in splits.of_config(self.config).values()
            for oracle in split.oracles
            for seed in self.oracle_seeds()
            if given_run(self.config, self.name, oracle.role, split.name, seed) is None
        ]

    def roles(self) -> list[str]:
        configured = splits.of_config(self.config).values()
        return list(dict.fromkeys(role for split in configured for role in split.roles))

    def oracle_seeds(self) -> list[int]:
        return [*self.config.seeds, *self.config.oracle_seeds]

    def controls(self) -> dict[str, int]:
        """How many runs each split has besides its methods'."""
        base = 1 if self.config.evaluation.base else 0
        seeds, oracles = len(self.config.seeds), len(self.oracle_seeds())
        configured = splits.of_config(self.config)
        return {name: base + seeds + oracles * len(s.oracles) for name, s in configured.items()}

    def trained_full(self) -> int:
        seeds = self.config.seeds
        given = [given_run(self.config, self.name, "full", None, seed) for seed in seeds]
        return given.count(None)

    def runs(self) -> float:
        """Unlearning runs of one split's methods, all seeds."""
        return len(self.methods) * self.share * len(self.config.seeds)

    def epochs(self) -> float:
        """Evaluated checkpoints of one split's methods, all seeds."""
        if self.config.evaluation.epochs == "last":
            return self.runs()
        each = sum(m.epochs for m in self.methods.values()) * self.share
        return each * len(self.config.seeds)

    # --- how long ---

    def flops(self, stage: str | None = None) -> float:
        """FLOP a second of a stage's steps; by default of passes without gradients."""
        share = self.assumed.efficiency
        if share is None:
            lora = stage is not None and self.settings.training(stage)["lora"] is not None
            share = gpu_speed.share_of_peak(self.assumed.gpu, self.count, lora)
        return share * self.assumed.gpu.flops

    def training(self, tokens: float, backward: float = 1, stage: str = "finetune") -> float:
        """Seconds of forward passes over tokens, each followed by ``backward`` backward passes."""
        if self.masked and backward:
            tokens *= self.masked.training_draws
        again = 2 if self.settings.gradient_checkpointing else 0
        # Frozen weights save half of a backward pass, since they need no gradient of their own.
        lora = self.settings.training(stage)["lora"] is not None
        work = (2 + backward * ((2 if lora else 4) + again)) * self.count * tokens
        return work / self.flops(stage if backward else None)

    def reading(self, tokens: float) -> float:
        """Seconds of the likelihoods of texts."""
        return self.training(tokens * (self.masked.draws if self.masked else 1), 0)

    def loading(self) -> float:
        return START + self.stored / READING

    def finetuning(self, rows: int) -> float:
        epochs = self.settings.finetune.epochs
        saving = self.stored / READING
        return self.loading() + saving + self.training(rows * epochs * self.row)

    def unlearning(self, rows: int) -> float:
        """Seconds of one run of each listed method on a split."""
        return sum(self.one_unlearning(chosen, rows) for chosen in self.methods.values())

    def one_unlearning(self, chosen: Method, rows: int) -> float:
        """Seconds of one run of a method."""
        p, epochs = chosen.passes, chosen.epochs
        tokens = rows * epochs * self.row
        passes = self.training(tokens * p.forward, p.backward / max(1, p.forward), "unlearn")
        frozen = self.training(tokens * p.frozen, 0, "unlearn")
        saving = self.written(epochs) * sizes.checkpoint_bytes(self.settings, "unlearn")
        return self.loading() + saving / READING + passes + frozen

    def written(self, epochs: int) -> int:
        """How many checkpoints a run writes, at least: in-run evaluation drops most epochs."""
        if not in_run.is_on(self.config):
            return epochs
        return min(epochs, 2) if self.config.checkpoints.keep == "best" else 1

    def evaluation(self, name: str, rows: int) -> float:
        """Seconds of evaluating one checkpoint on a split, all suites."""
        long, short = self.items(rows, self.retain_probes(name))
        asked = self.asked(name, self.items_of_forget(rows), long, short)
        suites = [COUNTED[one](asked) for one in sorted(self.suites(name)) if one in COUNTED]
        return sum(map(self.asking, suites)) + self.stored / READING

    def evaluation_in_run(self, name: str, rows: int) -> float:
        """Seconds of evaluating one epoch by the job that trains, which has the model already."""
        return self.evaluation(name, rows) - self.stored / READING

    def asked(self, name: str, forget: int, long: int, short: int) -> Asked:
        counts = (forget, long, short, self.row, self.template)
        return Asked(self.config, self.name, name, *counts)

    def asking(self, work: Work) -> float:
        """Seconds of a suite's work."""
        seconds = self.reading(work.read) + self.training(work.differentiated)
        return seconds + self.generation(work.answers, work.prompt, work.length)

    def after_request(self, rows: int) -> float:
        """Seconds of asking a checkpoint about all requests so far, whole and with TOFU's suite."""
        long, short = self.items(rows, ROWS * self.config.world.perturbed_retain_authors)
        about = next(iter(splits.of_config(self.config)))
        tofu = COUNTED["tofu"](self.asked(about, self.items_of_forget(rows), long, short))
        read = self.reading(rows * self.row)
        return read + self.asking(tofu) + self.stored / READING

    def pair(self, rows: int) -> float:
        """Seconds of measuring risks on ``rows`` rows, with the three models of a pair."""
        return START + 3 * (self.training(2 * rows * self.row, 0) + self.stored / READING)

    def items_of_forget(self, rows: int) -> int:
        """Rows of the forget set that are asked about, of so many."""
        return min(rows, items_of(self.config, ["forget"])["forget"])

    def items(self, rows: int, probes: int) -> tuple[int, int]:
        """Items of forget and retain set, given their rows, and of real authors and world facts."""
        names = ("forget", "retain", "real_authors", "world_facts")
        most = items_of(self.config, names)
        there = {"forget": rows, "real_authors": 100, "world_facts": 117}
        there["retain"] = probes
        counts = {kind: min(most[kind], there[kind]) for kind in names}
        return counts["forget"] + counts["retain"], counts["real_authors"] + counts["world_facts"]

    def retain_probes(self, name: str) -> int:
        """Rows of the retain set that are asked about: those of the split, or of the world."""
        world, split = self.config.world, splits.of_name(self.config, name)
        own = split.rows(world.authors) if "retain_perturbed" in split.files else {}
        return own.get("retain_perturbed", ROWS * world.perturbed_retain_authors)

    def generation(
        self, answers: float, prompt: float | None = None, length: float | None = None
    ) -> float:
        """Seconds to generate if all answers run to the limit, as a collapsed model's do.

        ``prompt``, ``length``: tokens of each prompt and answer, if not those of the data.
        """
        limits = self.config.evaluation
        prompt = self.template + QUESTION if prompt is None else prompt
        if length is None:
            length = max(1, limits.max_length - prompt)
            if limits.max_new_tokens is not None:
                length = min(length, limits.max_new_tokens)
        step = gpu_speed.STEP + self.stored / self.assumed.gpu.bandwidth
        if self.masked:
            passes = self.masked.denoising_steps
            seen = answers * passes * (prompt + self.masked.answer_tokens)
            return -(-answers // GENERATING) * passes * step + self.training(seen, 0)
        steps = -(-answers // GENERATING) * length
        return steps * step + self.training(answers * (prompt + length), 0)

    def run_metrics(self, split: str) -> list[metrics.Contract]:
        """The metrics of every run of a split: all that are measured there except after attacks."""
        return [contract for contract in self.measured(split) if not contract.attack]

    def measured(self, split: str) -> list[metrics.Contract]:
        """The metrics that a split has the rows for."""
        one = splits.of_name(self.config, split)
        named = [name for name in self.config.metrics if splits.lacks(name, one) is None]
        return [metrics.contract(name) for name in named]

    def not_counted(self) -> tuple[str, ...]:
        """What the configuration asks for that the plan does not cover."""
        asked = set().union(*(self.suites(name) for name, _ in self.splits()))
        suites = sorted(asked - COUNTED.keys() - ELSEWHERE)
        return not_counted(self.config) + tuple(f"suite {name}" for name in suites)

    def suites(self, split: str) -> set[str]:
        return {contract.suite for contract in self.measured(split) if contract.records}

    # --- how large ---

    def memory(self) -> dict[str, float]:
        """Bytes on the device, by kind of job: weights, gradients, moments, activations."""
        stages = ["finetune", "unlearn", "collect"]
        if not self.trained_full() and not self.trained_oracles():
            stages.remove("finetune")
        return {stage: memory.on_device(self.config, self.name, stage) for stage in stages}

    def disk(self, more: Added) -> dict[str, float]:
        """Bytes of checkpoints that stay under each policy."""
        each = sizes.checkpoint_bytes(self.settings, "unlearn")
        always = each * more.chains
        defended = each * more.defended
        plain = sizes.checkpoint_bytes(self.settings, "finetune")
        own = 1 if self.settings.base_checkpoint is None else 0
        full = plain * (self.trained_full() + own)
        oracles = plain * len(self.trained_oracles())
        one = self.config.changed(models=[self.name])
        of_methods = {
            keep: self.share * disk.methods_bytes(one, keep)
            for keep in ("all", "last", "best", "none")
        }
        mine = {k: size + full + always for k, size in of_methods.items()}
        return {k: size + (oracles + defended if k != "none" else 0) for k, size in mine.items()}

    def takes(self) -> Seconds:
        """What single jobs of scenarios take."""
        return Seconds(self.one_unlearning, self.finetuning, self.after_request, self.pair, START)

    def model(self) -> Model:
        splits, seeds = self.splits(), len(self.config.seeds)
        # Every fact is learned in the world's own language and in each of those learned.
        copies = 1 + len(self.config.world.languages.learned)
        oracles = [(role, rows * copies) for role, rows in self.trained_oracles()]
        trained = Counter(f"train_{role}" for role, _ in oracles)
        trained = {f"train_{role}": trained[f"train_{role}"] for role in self.roles()}
        controls, runs = self.controls(), self.runs()
        here = in_run.is_on(self.config)
        # Runs that have jobs of their own for evaluation, and the checkpoints that these load.
        evaluated = {name: controls[name] + (0 if here else runs) for name, _ in splits}
        loaded = {name: controls[name] + (0 if here else self.epochs()) for name, _ in splits}
        everyone = ROWS * self.config.world.authors * copies
        hours = {
            "train_full": self.trained_full() * self.finetuning(everyone),
            **{
                kind: sum(
                    self.finetuning(rows) for role, rows in oracles if kind == f"train_{role}"
                )
                for kind in trained
            },
            "unlearn": sum(
                self.share * seeds * self.unlearning(rows)
                + (self.epochs() * self.evaluation_in_run(name, rows) if here else 0)
                for name, rows in splits
            ),
            "collect": sum(
                loaded[name] * self.evaluation(name, rows)
                + evaluated[name] * len(self.suites(name)) * START
                for name, rows in splits
            ),
        }
        jobs = {
            "train_full": self.trained_full(),
            **trained,
            "unlearn": round(len(splits) * runs),
            "collect": round(sum(n * len(self.suites(s)) for s, n in evaluated.items())),
            "score": round(
                sum((controls[name] + runs) * len(self.run_metrics(name)) for name, _ in splits)
            ),
        }
        more = added(self.config, self.takes())
        for kind, count in more.jobs.items():
            jobs[kind] = jobs.get(kind, 0) + count
            if kind != "score":
                hours[kind] = hours.get(kind, 0) + more.seconds[kind]
        in_hours = {kind: seconds / 3600 for kind, seconds in hours.items()}
        sizes = self.memory(), self.disk(more)
        return Model(self.name, self.count, jobs, in_hours, *sizes, self.not_counted())


def not_counted(config: Config) -> tuple[str, ...]:
    """What a configuration asks for, besides suites, that the plan does not cover."""
    asked = {
        "attacks": config.attacks,
        "trials of searches": config.search.methods or config.search.strategies,
        "interpolation": config.interpolation.pairs,
        "tasks of lm_eval": config.lm_eval.tasks if config.lm_eval.runs != [] else (),
        "audits": config.audit.budget,
        "supervision by models": config.supervisions,
        "pools of meta_evaluation": config.meta_evaluation.enabled,
        "what pictures add to rows": families.has_pictures(config),
    }
    return tuple(name for name, some in asked.items() if some)

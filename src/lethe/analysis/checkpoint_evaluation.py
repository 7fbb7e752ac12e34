"""Evaluating one checkpoint on a folder of data: every metric that the folder allows."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from lethe import metrics
from lethe.analysis.attacked_checkpoints import Attack, AttackedCheckpoints
from lethe.analysis.barriers import METRIC, barrier_file
from lethe.common.errors import LetheError
from lethe.evaluate import suite as suites
from lethe.evaluate.chat_templates import check_template
from lethe.evaluate.collect import collect, read_set
from lethe.evaluate.interpolation import SETS, losses_between
from lethe.evaluate.records import Records, check_records
from lethe.evaluate.suite import Limits
from lethe.metrics.base import MetricFile
from lethe.model import checkpoint, checkpoint_check, same_architecture
from lethe.model.encoder import template_settings
from lethe.model.settings import Compute
from lethe.world.rows import read_pairs
from lethe.world.split import split
from lethe.world.splits.base import BaseSplit
from lethe.world.trace_format import whole_answer

# The file that a perturbed file's rows must come from, if it is in the same folder.
BASES = {"forget_perturbed": "forget", "retain_perturbed": "retain"}


@dataclass(frozen=True)
class Request:
    """What to evaluate, and how; None for a checkpoint or limit that is not wanted.

    ``checkpoint``, ``oracle``, ``full``, ``base``: folders or hub ids. ``data``: a folder with
    TOFU's files. ``metrics``: names, or None for all that the rest allows. ``items``: the most
    items of a set. ``compute``: precision and attention of every model; ``device``: torch's name of
    it. ``settings`` and ``suite_settings``: by name, those of a metric and of a suite. ``attack``:
    what is done to ``checkpoint`` before it is evaluated. ``line_to``: a checkpoint at the other
    end of a line, on which ``points`` models are measured.
    """

    checkpoint: str
    data: str
    split: str
    oracle: str | None = None
    full: str | None = None
    metrics: Sequence[str] | None = None
    settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    template: str | Mapping[str, Any] = "chat"
    items: int | None = None
    limits: Limits = field(default_factory=Limits)
    compute: Compute = field(default_factory=Compute)
    device: str = "cpu"
    suite_settings: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    attack: Attack | None = None
    line_to: str | None = None
    points: int = 11
    base: str | None = None

    @property
    def sources(self) -> tuple[str | None, ...]:
        """Every checkpoint that is loaded; None for those that are not wanted."""
        return self.checkpoint, self.oracle, self.full, self.line_to, self.base


@dataclass(frozen=True)
class Evaluated:
    """The request, the metrics by name, and, by name, why others could not be computed.

    ``line``: the loss barrier to another checkpoint, as a metric by name, if it was wanted.
    """

    request: Request
    metrics: dict[str, MetricFile]
    skipped: dict[str, str]
    line: dict[str, MetricFile] = field(default_factory=dict)

    def document(self) -> dict[str, Any]:
        """All of it as plain values: values, items, questions and settings of each metric."""
        request = self.request
        return {
            "checkpoint": request.checkpoint,
            "data": request.data,
            "split": request.split,
            "oracle": request.oracle,
            "full": request.full,
            "template": request.template,
            "items": request.items,
            "limits": asdict(request.limits),
            "compute": request.compute.loading(),
            **({"suite_settings": request.suite_settings} if request.suite_settings else {}),
            **({"attack": _of_attack(request.attack)} if request.attack else {}),
            **({"line_to": request.line_to} if request.line_to else {}),
            **({"base": request.base} if request.base else {}),
            **{name: _entry(file) for name, file in self.line.items()},
            "metrics": {name: _entry(file) for name, file in self.metrics.items()},
            "skipped": self.skipped,
        }


def evaluate(request: Request) -> Evaluated:
    """The metrics of one checkpoint; LetheError as in ``evaluate_all``."""
    return evaluate_all([request])[0]


def evaluate_all(requests: Sequence[Request]) -> list[Evaluated]:
    """The metrics of each request's checkpoint; the requests are equal in all else.

    The oracle and other models beside the checkpoints are asked once. LetheError, before a model is
    loaded, for data that are missing or inconsistent, for a requested metric that cannot be
    computed, and for a checkpoint that cannot be loaded.
    """
    checked = [_checked(request) for request in requests]
    checkpoint_check.check_sources([s for request in requests for s in request.sources])
    beside: dict[tuple[str, str], Records] = {}
    return [_evaluated(*some, beside) for some in checked]


def _checked(request: Request) -> tuple[Request, "_Data", list[str], dict[str, str]]:
    """A request, its data, the metrics that are computed, and why others are not."""
    template_settings(request.template)
    data = _Data(request.data, split(request.split), request.items)
    if request.metrics is None:
        data.check_split()
    skipped = {name: _obstacle(name, request, data) for name in request.metrics or metrics.names()}
    wanted = [name for name, why in skipped.items() if why is None]
    skipped = {name: why for name, why in skipped.items() if why is not None}
    # A metric with given settings counts as requested.
    everything = request.metrics or not wanted
    missed = [name for name in skipped if everything or name in request.settings]
    if missed:
        raise LetheError(f"metric '{missed[0]}': {skipped[missed[0]]}")
    for name in {*wanted, *request.settings}:
        metrics.settings_of(name, request.settings.get(name, {}))
    _check_suites(request, wanted)
    for name in wanted:
        data.read(metrics.contract(name), request.suite_settings)
    return request, data, wanted, skipped


def _evaluated(request: Request, data: "_Data", wanted, skipped, beside) -> Evaluated:
    """``beside``: records of the models beside the checkpoint, by model and suite; extended."""
    with _attacked(request, data) as attacked:
        if attacked is not None:
            attacked.check()
        scores = _Scores(request, data, attacked, beside)
        files = {name: scores.of_request(name) for name in wanted}
    others = {request.oracle, request.full, request.base}
    beside |= {key: records for key, records in scores.records.items() if key[0] in others}
    return Evaluated(request, files, skipped, _line(request, data))


def _line(request: Request, data: "_Data") -> dict[str, MetricFile]:
    if request.line_to is None:
        return {}
    line = losses_between(
        request.checkpoint,
        request.line_to,
        {name: data.rows(part) for name, part in SETS.items() if data.path(part).exists()},
        points=request.points,
        template=request.template,
        max_length=request.limits.max_length,
        compute=request.compute,
        device=request.device,
    )
    return {METRIC: barrier_file(line)}


def _attacked(request: Request, data: "_Data"):
    """The attacked checkpoints of a request; a context without any if it names no attack."""
    if request.attack is None:
        return nullcontext()
    files = {name: data.path(name) for name in request.attack.files}
    limits, compute = request.limits, request.compute
    how = {"template": request.template, "max_length": limits.max_length, "compute": compute}
    return AttackedCheckpoints(request.attack, files, how | {"device": request.device})


def _of_attack(chosen: Attack) -> dict[str, Any]:
    return {"name": chosen.kind, "settings": chosen.chosen, "seed": chosen.seed}


def _check_suites(request: Request, wanted: Sequence[str]) -> None:
    given = request.suite_settings
    for suite in {*given, *(metrics.contract(name).suite for name in wanted)}:
        suites.check_settings(suite, given.get(suite, {}))
    for name in wanted:
        suite = metrics.contract(name).suite
        chosen = suites.settings_of(suite, given.get(suite, {}))
        metrics.check_against_suite(name, request.settings.get(name, {}), chosen)


def _entry(file: MetricFile) -> dict[str, Any]:
    (checkpoint,) = file.checkpoints
    entry = {"values": checkpoint.values, "items": checkpoint.items}
    return entry | {"questions": checkpoint.questions, "settings": file.settings}


def _obstacle(name: str, request: Request, data: "_Data") -> str | None:
    """Why a metric cannot be computed here; None if it can."""
    contract = metrics.contract(name)
    if request.metrics is None and contract.records and suites.contract(contract.suite).probe:
        return "is a probe, which costs as much as all usual metrics; name it among the metrics"
    if contract.attack and (request.attack is None or request.attack.kind != contract.attack):
        return f"is computed after the attack {contract.attack}; name it"
    if contract.oracles:
        return f"compares with the oracles {' and '.join(contract.oracles)}: run the workflow"
    for file in data.files(contract).values():
        if not file.exists():
            return f"{file}: no such file"
    if contract.records:
        try:
            check_template(contract.suite, template_settings(request.template).name)
        except LetheError as error:
            return str(error)
    needs = (_obstacle(need, request, data) for need in contract.needs)
    obstacle = next(filter(None, needs), None)
    if obstacle is not None:
        return obstacle
    reads_oracle = contract.oracle or (contract.oracle_records and not contract.without_oracle)
    if reads_oracle and request.oracle is None:
        return "needs an oracle; name one"
    beside = suites.contract(contract.suite).reference if contract.records else None
    if beside == "oracle" and request.oracle is None:
        return "needs an oracle; name one"
    if (contract.full or beside == "full") and request.full is None:
        return "needs the model before unlearning; name it as full"
    if contract.base and request.base is None:
        return "needs the model from before the authors were learned; name it as base"
    return _unlike(request, beside) if beside else None


def _unlike(request: Request, beside: str) -> str | None:
    """Why a suite cannot compare checkpoints with its reference; None if it can."""
    try:
        others = (request.oracle, request.full, request.checkpoint)
        same_architecture.check((getattr(request, beside), *others))
    except LetheError as error:
        return str(error)
    return None


class _Data:
    """The data files of a folder, each read once and checked against its base file."""

    def __init__(self, folder: str, split: BaseSplit, items: int | None):
        self.folder, self.split, self.items = Path(folder), split, items
        if not self.folder.is_dir():
            raise LetheError(f"{folder}: no such folder; name one with TOFU's files")
        self.rows_by_file: dict[Path, list[dict]] = {}

    def check_split(self) -> None:
        """If all metrics are wanted, a split without any file must be a misspelt name."""
        there = {file.stem for file in self.folder.glob("forget[0-9][0-9]*.json")}
        own = (self.split.files["forget"], self.split.files["forget_perturbed"])
        if not any((self.folder / f"{name}.json").exists() for name in own):
            known = sorted({name.removesuffix("_perturbed") for name in there})
            others = f"it has {', '.join(known)}" if known else "it has none"
            raise LetheError(f"splits: {self.folder} has no file of {self.split.name}; {others}")

    def path(self, part: str) -> Path:
        return self.folder / f"{self.split.files.get(part, part)}.json"

    def files(self, contract: metrics.Contract) -> dict[str, Path]:
        """The file of each set that a metric reads."""
        if not contract.records:
            return {}
        sets = suites.contract(contract.suite).sets
        return {name: self.path(sets[name]) for name in contract.sets}

    def read(self, contract: metrics.Contract, given: Mapping[str, Mapping[str, Any]]) -> None:
        """Read and check all files of a metric and of the metrics that it needs.

        ``given``: settings of suites by name.
        """
        for need in contract.needs:
            self.read(metrics.contract(need), given)
        for name in self.files(contract):
            self.rows(suites.contract(contract.suite).sets[name])
        if contract.records:
            suites.check(contract.suite, self.suite(contract.suite), given.get(contract.suite))

    def rows(self, part: str) -> list[dict]:
        """The rows of a file that are evaluated."""
        path = self.path(part)
        if path not in self.rows_by_file:
            rows = read_set(path)
            if part in BASES:
                check_base(rows, path, self.path(BASES[part]))
            self.rows_by_file[path] = rows[: self.items]
        return self.rows_by_file[path]

    def suite(self, name: str) -> dict[str, list[dict]]:
        """The rows of a suite's sets, without sets whose file is missing."""
        sets = suites.contract(name).sets
        return {key: self.rows(part) for key, part in sets.items() if self.path(part).exists()}


def check_base(rows: Sequence[dict], path: Path, base: Path) -> None:
    """LetheError if rows of a perturbed file are not in its base file, which may be missing.

    A reasoning trace may be in a row's answer or in a column of its own.
    """
    if not base.exists():
        return
    known = set(read_pairs(base))
    strange = sum((row["question"], whole_answer(row)) not in known for row in rows)
    if strange:
        raise LetheError(
            f"{path}: {strange} of its {len(rows)} questions with answers are not in {base}; "
            "take both files from the same data set"
        )


class _Scores:
    """Metrics of several checkpoints: each metric computed once, each suite asked once."""

    def __init__(self, request: Request, data: _Data, attacked, beside=None):
        self.request, self.data, self.attacked = request, data, attacked
        self.records: dict[tuple[str, str], Records] = dict(beside or {})
        self.files: dict[tuple[str, str], MetricFile] = {}
        self.loaded: tuple[str, tuple] | None = None

    def of_request(self, name: str) -> MetricFile:
        """A metric of the checkpoint that the request names, after its attack if there is one."""
        return self.of(self._after(self.request.checkpoint), name)

    def of(self, source: str, name: str) -> MetricFile:
        """A metric of a checkpoint; metrics that it needs are computed first."""
        if (source, name) not in self.files:
            contract, request = metrics.contract(name), self.request

            def needs(of: str) -> dict[str, MetricFile]:
                return {need: self.of(of, need) for need in contract.needs}

            self.files[source, name] = metrics.compute(
                name,
                self._records(source, contract.suite) if contract.records else None,
                needs(source),
                needs(request.oracle) if contract.oracle else None,
                needs(request.full) if contract.full else None,
                self._of_oracle(contract),
                *self._before(contract),
                needs(request.base) if contract.base else None,
                **request.settings.get(name, {}),
            )
        return self.files[source, name]

    def _after(self, source: str) -> str:
        """The checkpoint's folder after the attack; the checkpoint itself if there is no attack."""
        return source if self.attacked is None else str(self.attacked.folder_of(source))

    def _of_oracle(self, contract: metrics.Contract) -> Records | None:
        oracle = self.request.oracle
        if not contract.oracle_records or oracle is None:
            return None
        return self._records(self._after(oracle) if contract.attack else oracle, contract.suite)

    def _before(self, contract: metrics.Contract) -> list[Records | None]:
        """The records of checkpoint and oracle before the attack, if a metric reads them."""
        request = self.request
        oracle = request.oracle if contract.oracle_records else None
        return [
            self._records(source, contract.suite) if contract.attack and source else None
            for source in (request.checkpoint, oracle)
        ]

    def _records(self, source: str, suite: str) -> Records:
        if (source, suite) not in self.records:
            collected = collect(
                suite,
                [source],
                self.data.suite(suite),
                template=self.request.template,
                limits=self.request.limits,
                compute=self.request.compute,
                device=self.request.device,
                load=self._load,
                settings=self.request.suite_settings.get(suite),
                reference=self._reference(suite),
            )
            records = replace(collected, path=source)
            check_records(records, "the model gives no usable numbers: look into its weights")
            self.records[source, suite] = records
        return self.records[source, suite]

    def _reference(self, suite: str) -> str | None:
        role = suites.contract(suite).reference
        return None if role is None else getattr(self.request, role)

    def _load(self, source: str, device: str, **how: Any) -> tuple:
        # One model in memory at a time: metrics of one checkpoint are computed in succession.
        if self.loaded is None or self.loaded[0] != source:
            self.loaded = None
            self.loaded = (source, checkpoint.load(source, device, **how))
        return self.loaded[1]

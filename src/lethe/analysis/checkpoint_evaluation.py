"""Evaluating one checkpoint on a folder of data: every metric that the folder allows."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import asdict, dataclass, field, replace
from typing import Any

from lethe import metrics
from lethe.analysis import oracle_files
from lethe.analysis.attacked_checkpoints import Attack, AttackedCheckpoints
from lethe.analysis.barriers import METRIC, barrier_file
from lethe.analysis.evaluation_data import EvaluationData
from lethe.analysis.known_oracle import KnownOracle, asked_how, check_like
from lethe.common.errors import LetheError
from lethe.evaluate import suite as suites
from lethe.evaluate.chat_templates import check_template
from lethe.evaluate.collect import collect
from lethe.evaluate.interpolation import SETS, losses_between
from lethe.evaluate.records import Records, check_records
from lethe.evaluate.suite import Limits
from lethe.metrics.base import MetricFile
from lethe.model import checkpoint, checkpoint_check, same_architecture
from lethe.model.encoder import Encoder, template_settings
from lethe.model.settings import Compute
from lethe.world.cut_split import split_in


@dataclass(frozen=True)
class Request:
    """What to evaluate, and how; None for a checkpoint or limit that is not wanted.

    ``checkpoint``, ``oracle``, ``full``, ``base``: folders or hub ids; ``oracle`` may also be what
    is known of it (``lethe.analysis.oracle_files``). ``data``: a folder with TOFU's files.
    ``metrics``: names, or None for all that the rest allows. ``items``: the most items of a set.
    ``compute``: precision and attention of every model; ``device``: torch's name of it.
    ``settings`` and ``suite_settings``: by name, those of a metric and of a suite. ``attack``: what
    is done to ``checkpoint`` before it is evaluated. ``line_to``: a checkpoint at the other end of
    a line, on which ``points`` models are measured.
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
        """Every checkpoint that is named; None for those that are not wanted."""
        return self.checkpoint, self.oracle, self.full, self.line_to, self.base

    @property
    def how(self) -> dict[str, Any]:
        """How checkpoints are asked, as ``KnownOracle.how``."""
        dtype = self.compute.loading()["dtype"]
        return asked_how(self.template, asdict(self.limits), self.suite_settings, dtype)


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
    known = oracle_files.read(requests[0].oracle)
    checked = [_checked(request, known) for request in requests]
    named = {s for request in requests for s in request.sources}
    checkpoint_check.check_sources(sorted(filter(None, named - {known and known.place})))
    if known is not None:
        for request, data, *_ in checked:
            _check_tokens(request, data, known)
    beside: dict[tuple[str, str], Records] = {}
    return [_evaluated(*some, beside, known) for some in checked]


def _checked(
    request: Request, known: KnownOracle | None
) -> tuple[Request, EvaluationData, list[str], dict[str, str]]:
    """A request, its data, the metrics that are computed, and why others are not.

    ``known``: the oracle, where it is not a checkpoint.
    """
    template_settings(request.template)
    data = EvaluationData(request.data, split_in(request.data, request.split), request.items)
    if request.metrics is None:
        data.check_split()
    skipped = {
        name: _obstacle(name, request, data, known) for name in request.metrics or metrics.names()
    }
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
    if known is not None:
        known.check_how(request.how)
        for name in wanted:
            known.check(name, data.suite, request.settings)
    return request, data, wanted, skipped


def _check_tokens(request: Request, data: EvaluationData, known: KnownOracle) -> None:
    if "tofu" in known.records:
        tokenizer = checkpoint.load_tokenizer(request.checkpoint)
        encoder = Encoder(tokenizer, request.template, request.limits.max_length)
        known.check_tokens("tofu", encoder, data.suite("tofu"))


def _evaluated(request: Request, data: EvaluationData, wanted, skipped, beside, known) -> Evaluated:
    """``beside``: records of the models beside the checkpoint, by model and suite; extended."""
    with _attacked(request, data) as attacked:
        if attacked is not None:
            attacked.check()
        scores = _Scores(request, data, attacked, beside, known)
        files = {name: scores.of_request(name) for name in wanted}
    others = {request.oracle, request.full, request.base}
    beside |= {key: records for key, records in scores.records.items() if key[0] in others}
    return Evaluated(request, files, skipped, _line(request, data))


def _line(request: Request, data: EvaluationData) -> dict[str, MetricFile]:
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


def _attacked(request: Request, data: EvaluationData):
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


def _obstacle(
    name: str, request: Request, data: EvaluationData, known: KnownOracle | None = None
) -> str | None:
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
            asked = request.checkpoint, request.oracle, request.full, request.base
            suites.check_families(contract.suite, filter(None, asked))
        except LetheError as error:
            return str(error)
    needs = (_obstacle(need, request, data, known) for need in contract.needs)
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
    lacking = known.lacks(name) if known is not None else None
    return lacking or (_unlike(request, beside) if beside else None)


def _unlike(request: Request, beside: str) -> str | None:
    """Why a suite cannot compare checkpoints with its reference; None if it can."""
    try:
        others = (request.oracle, request.full, request.checkpoint)
        same_architecture.check((getattr(request, beside), *others))
    except LetheError as error:
        return str(error)
    return None


class _Scores:
    """Metrics of several checkpoints: each metric computed once, each suite asked once."""

    def __init__(self, request: Request, data: EvaluationData, attacked, beside=None, known=None):
        self.request, self.data, self.attacked, self.known = request, data, attacked, known
        self.records: dict[tuple[str, str], Records] = dict(beside or {})
        self.files: dict[tuple[str, str], MetricFile] = {}
        self.loaded: tuple[str, tuple] | None = None

    def of_request(self, name: str) -> MetricFile:
        """A metric of the checkpoint that the request names, after its attack if there is one."""
        return self.of(self._after(self.request.checkpoint), name)

    def of(self, source: str, name: str) -> MetricFile:
        """A metric of a checkpoint; metrics that it needs are computed first."""
        if self.known is not None and source == self.known.place:
            there = self.known.of(name)
            if there is not None:
                return there
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
        if self.known is not None and source == self.known.place:
            theirs = self.known.ordered(suite, self.data.suite(suite))
            check_like(self._records(self.request.checkpoint, suite), theirs)
            return theirs
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

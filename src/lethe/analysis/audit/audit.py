"""An audit: probes put to a checkpoint, the full model and the oracle, and what follows."""

from collections.abc import Callable, Mapping
from pathlib import Path

from lethe.analysis.audit import probe as probes
from lethe.analysis.audit.answers import Answers
from lethe.analysis.audit.conduct import Conduct, said_about
from lethe.analysis.audit.data import AuditRows, read_files
from lethe.analysis.audit.judged import Audit, judged
from lethe.analysis.audit.plan import AuditRequest, Plan, plan, read_rows
from lethe.analysis.audit.subject import Asking, Subject
from lethe.common.files import sha256
from lethe.common.progress import silent
from lethe.model import checkpoint_check, checkpoint_files

# Called after each probe with the number done and the number in all.
Report = Callable[[int, int], None]


def audit(request: AuditRequest, report: Report = silent) -> Audit:
    """Audit a checkpoint.

    LetheError, before a model is loaded, for data that are missing or cannot be used, for a probe
    that was asked for and cannot be run, and for a checkpoint that cannot be loaded.
    """
    rows = read_rows(request)
    planned = plan(request, rows)
    sources = (request.checkpoint, request.full, request.oracle)
    checkpoint_check.check_sources(sources)
    counted = _Counted(report, len(planned.settings) * sum(map(bool, sources)))
    # A checkpoint in two roles is asked once; even so, each attack loads it again.
    asked = {
        source: measure_checkpoint(request, source, planned, rows, counted)
        for source in dict.fromkeys(filter(None, sources))
    }
    return judged(*(asked.get(source) for source in sources))


def measure_checkpoint(
    request: AuditRequest, source: str, planned: Plan, rows: AuditRows, report: Report = silent
) -> Answers:
    """What the planned probes measure on one of a request's checkpoints, and its conduct."""
    asking = Asking(
        rows,
        request.template,
        request.compute,
        request.device,
        request.seed,
        request.full,
        request.oracle,
    )
    subject, measured = Subject(source, asking), {}
    for number, (name, settings) in enumerate(planned.settings.items(), start=1):
        measured[name] = probes.load(name).measure(subject, settings)
        report(number, len(planned.settings))
    conduct = Conduct.of(said_about(subject, planned.conduct))
    data = {name: sha256(file) for name, file in rows.files.items()}
    files = checkpoint_files.digests(source)
    return Answers(measured, planned.settings, planned.not_run, conduct, files, data)


def answers_of(
    request: AuditRequest, files: Mapping[str, str | Path], report: Report = silent
) -> Answers:
    """What probes measure on a request's checkpoint alone; ``files``: those of rows, by set.

    ``judged`` makes an audit of these answers and those of the full model and the oracle.
    """
    rows = read_files(files)
    return measure_checkpoint(request, request.checkpoint, plan(request, rows), rows, report)


class _Counted:
    """Counts the probes of all checkpoints together."""

    def __init__(self, report: Report, total: int):
        self.report, self.total, self.done = report, total, 0

    def __call__(self, *_: int) -> None:
        self.done += 1
        self.report(self.done, self.total)

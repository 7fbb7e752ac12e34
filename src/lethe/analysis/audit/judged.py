"""What follows from the answers of a checkpoint and those it is compared with."""

from dataclasses import dataclass

from lethe.analysis.audit import probe as probes
from lethe.analysis.audit.answers import Answers
from lethe.analysis.audit.conduct import collapsed, refuses
from lethe.analysis.audit.verdict import Hidden, Judgement, Verdict, judge, level_of, overall
from lethe.common.errors import LetheError


@dataclass(frozen=True)
class Audit:
    """The judgement of every probe, the verdict, and what they follow from.

    ``full`` and ``oracle`` are None where no such checkpoint was given. ``level``: that of each
    probe's intervals.
    """

    own: Answers
    full: Answers | None
    oracle: Answers | None
    level: float
    judgements: dict[str, Judgement]
    hidden: Hidden
    verdict: Verdict


def judged(own: Answers, full: Answers | None, oracle: Answers | None) -> Audit:
    """What follows from answers; LetheError if they come from different probes or questions."""
    for other in filter(None, (full, oracle)):
        if other.settings != own.settings:
            raise LetheError(
                "audit: the checkpoints were measured by different probes or settings; "
                "measure all of them in the same way"
            )
    hidden = _hidden(own, full, oracle)
    level = level_of(len(own.measured))
    judgements = {
        name: judge(
            name,
            mine,
            full and full.measured[name],
            oracle and oracle.measured[name],
            level=level,
            hidden=hidden.why(probes.contract(name).spoken),
        )
        for name, mine in own.measured.items()
    }
    verdict = overall(judgements, hidden, oracle is not None)
    return Audit(own, full, oracle, level, judgements, hidden, verdict)


def _hidden(own: Answers, full: Answers | None, oracle: Answers | None) -> Hidden:
    reference = oracle or full
    return Hidden(
        refuses(own.conduct, oracle and oracle.conduct),
        collapsed(own.conduct, reference and reference.conduct),
    )

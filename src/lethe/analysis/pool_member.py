"""Training one model of a pool, and measuring it by all metrics; the model is then deleted."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from lethe.analysis.metric_values import MetricValues, References
from lethe.analysis.pools import PARTS, rows_of
from lethe.evaluate.collect import read_set
from lethe.evaluate.suite import Limits
from lethe.train.finetuned_model import finetune
from lethe.train.settings import Finetuning
from lethe.world.rows import read_asked, read_facts, read_perturbed

FORMAT = 1


def pool_member(
    member: Mapping[str, Any],
    files: Sequence[str],
    facts: Sequence[str],
    rows: Mapping[str, Mapping[str, Sequence[dict]]],
    references: References,
    evaluation: Mapping[str, Any],
    place: Path,
    **training: Any,
) -> tuple[dict[str, Any], dict[str, float]]:
    """The values of a pool's model by metric, with its variant and settings; and the counts.

    ``member``: as ``pools.member`` gives it. ``files``: those of ``pools.PARTS``; ``facts``: files
    of true facts that it also learns. ``rows``: by suite, those of its sets. ``evaluation``:
    ``metrics`` by name, ``metric_settings``, ``suite_settings`` and ``limits``. ``place``: a folder
    for the model while it is measured. ``training``: further arguments of ``finetune``. LetheError
    for rows that lack a text, and for a start that cannot be used.
    """
    read = (read_asked(files[0]), read_perturbed(files[1]), read_asked(files[2], empty=True))
    learned = rows_of(member["variant"], dict(zip(PARTS, read, strict=True)))
    with TemporaryDirectory(dir=place) as folder:
        counts = finetune(
            rows=learned,
            facts=[row for file in facts for row in read_facts(file)],
            settings=Finetuning(**member["finetune"]),
            out=f"{folder}/checkpoint",
            **training,
        )
        measured = MetricValues(
            f"{folder}/checkpoint",
            rows,
            references,
            evaluation["metric_settings"],
            evaluation["suite_settings"],
            {
                "limits": Limits(**evaluation["limits"]),
                **{key: training[key] for key in ("template", "compute", "device")},
            },
        )
        values = measured.values(evaluation["metrics"])
    return {"format": FORMAT, **member, "values": values}, counts


def rows_by_suite(
    sets: Mapping[str, Sequence[str]],
    files: Sequence[str],
    most: Mapping[str, Mapping[str, int]],
) -> dict[str, dict[str, list[dict]]]:
    """The rows of every suite's sets, from their files, suite after suite.

    ``sets``: the names of each suite's sets; ``most``: how many rows of each, by suite and set.
    """
    following = iter(files)
    return {
        suite: {name: read_set(next(following), most[suite][name]) for name in names}
        for suite, names in sets.items()
    }

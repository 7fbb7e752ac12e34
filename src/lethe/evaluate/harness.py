"""Tasks of lm-evaluation-harness on a checkpoint, and the harness's own result files.

Source: EleutherAI's lm-evaluation-harness (``pip install 'lethe-lab[lm-eval]'``), from whose tasks,
prompts and scores nothing is rebuilt here.
"""

import importlib.util
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import read_json
from lethe.common.numbers import finite
from lethe.model import families
from lethe.model.settings import Compute

# Of the harness's results, what follows from the model and the tasks: no dates, no environment.
KEPT = ("results", "n-shot", "n-samples", "versions", "higher_is_better")
# Resamples of the harness for the errors of those scores that have no formula.
RESAMPLES = 1000
SEED = 1234


@dataclass(frozen=True)
class HarnessTasks:
    """What is asked: names of tasks or groups, and the harness's options of the same meaning.

    ``fewshot``: examples before each question (None: as the task says); ``limit``: items of each
    task (None: all); ``include_path``: a folder with further tasks; ``chat``: contexts in the
    tokenizer's chat template.
    """

    tasks: Sequence[str]
    fewshot: int | None = None
    limit: int | None = None
    include_path: str | None = None
    chat: bool = False


@dataclass(frozen=True)
class Score:
    """One score of one task; ``error``: its standard error, None if the harness gives none."""

    task: str
    score: str
    value: float
    error: float | None
    items: int | None
    higher_is_better: bool | None


def check_installed() -> None:
    """LetheError if the harness is not installed."""
    if importlib.util.find_spec("lm_eval") is None:
        raise LetheError(
            "lm_eval: lm-evaluation-harness is not installed; pip install 'lethe-lab[lm-eval]'"
        )


def check_folder(include_path: str | None) -> None:
    """LetheError if a folder of further tasks has no file of a task."""
    if include_path is not None and not any(Path(include_path).rglob("*.yaml")):
        raise LetheError(f"lm_eval.include_path: {include_path} has no file of a task (*.yaml)")


def evaluate(
    source: str | Path,
    asked: HarnessTasks,
    *,
    compute: Compute | None = None,
    device: str = "cpu",
) -> dict[str, Any]:
    """A checkpoint's results, in the form of the harness's own file.

    LetheError, before the checkpoint is loaded, for tasks that the harness does not know or whose
    data cannot be had, and for a model that is not causal.
    """
    check_installed()
    families.check((families.CAUSAL,), families.of_source(source), "lm_eval", str(source))
    tasks, manager = _loaded(asked)
    from lm_eval.evaluator import simple_evaluate

    from lethe.evaluate.harness_model import HarnessModel
    from lethe.model import checkpoint

    model, tokenizer = checkpoint.load(source, device, **(compute or Compute()).loading())
    if asked.chat and not tokenizer.chat_template:
        raise LetheError(f"lm_eval.chat: {source} has no chat template; set it to false")
    results = simple_evaluate(
        HarnessModel(model, tokenizer),
        tasks=tasks,
        num_fewshot=asked.fewshot,
        limit=asked.limit,
        task_manager=manager,
        apply_chat_template=asked.chat,
        fewshot_as_multiturn=asked.chat,
        log_samples=False,
        bootstrap_iters=RESAMPLES,
        random_seed=SEED,
        numpy_random_seed=SEED,
        torch_random_seed=SEED,
        fewshot_random_seed=SEED,
    )
    return _finite({key: results[key] for key in KEPT if key in results})


def _finite(value: Any) -> Any:
    """The same with null for NaN and infinities, such as the standard error of one item."""
    if isinstance(value, Mapping):
        return {key: _finite(part) for key, part in value.items()}
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _loaded(asked: HarnessTasks) -> tuple[list, Any]:
    """The tasks, loaded with their data, and the harness's manager."""
    from lm_eval.tasks import TaskManager

    manager = TaskManager(include_path=asked.include_path)
    unknown = [name for name in asked.tasks if name not in manager.all_tasks]
    if unknown:
        raise LetheError(
            f"lm_eval.tasks: the harness has no task {unknown[0]}; `lm-eval ls tasks` lists them"
        )
    try:
        manager.load(list(asked.tasks))
    except Exception as error:
        reason = str(error).partition("\n")[0] or type(error).__name__
        raise LetheError(
            f"lm_eval.tasks: cannot be loaded ({reason}); are their data here?"
        ) from error
    return list(asked.tasks), manager


def read_scores(file: str | Path, tasks: Iterable[str] | None = None) -> list[Score]:
    """The scores in a result file of the harness, or of ``evaluate``.

    ``tasks``: those that the file must have, for example those of other runs.

    LetheError for another file, one without scores, or one of other tasks.
    """
    # It may be the only copy of a file from elsewhere.
    document = read_json(file, "run the harness again, or name another file")
    if not isinstance(document, Mapping) or not isinstance(document.get("results"), Mapping):
        raise LetheError(f"{file}: no results of lm-evaluation-harness; give its results_*.json")
    missing = sorted(set(tasks or ()) - document["results"].keys())
    if missing:
        there = ", ".join(sorted(document["results"])) or "none"
        raise LetheError(f"{file}: no results of the task {missing[0]}; its tasks: {there}")
    scores = [
        one
        for task in (document["results"] if tasks is None else list(tasks))
        for one in _scores_of(file, task, document)
    ]
    if not scores:
        raise LetheError(f"{file}: no task in it has a score; run the harness again")
    return scores


def _of_task(by_task: Any, task: str) -> Mapping:
    """What the harness notes of a task besides its scores; empty without such a note."""
    noted = by_task.get(task) if isinstance(by_task, Mapping) else None
    return noted if isinstance(noted, Mapping) else {}


def _scores_of(file: str | Path, task: str, document: Mapping) -> list[Score]:
    values = document["results"][task]
    if not isinstance(values, Mapping):
        raise LetheError(f"{file}: the results of {task} are no scores; run the harness again")
    items, better = (_of_task(document.get(key), task) for key in ("n-samples", "higher_is_better"))
    scores = []
    for key, value in values.items():
        name, _, filter_ = key.partition(",")
        # Beside scores are errors, names and numbers of items.
        if not filter_ or name.endswith("_stderr") or isinstance(value, bool | str):
            continue
        if not isinstance(value, int | float) or not finite(value):
            raise LetheError(f"{file}: {task}, {key} is {value!r:.40}, not a number; leave it out")
        error = values.get(f"{name}_stderr,{filter_}")
        known = isinstance(error, int | float) and finite(error)
        count = items.get("effective")
        scores.append(
            Score(
                task,
                name if filter_ == "none" else f"{name} ({filter_})",
                float(value),
                float(error) if known else None,
                count if type(count) is int else None,
                better.get(name),
            )
        )
    return scores

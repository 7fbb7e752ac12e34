"""LUME's tasks: regurgitation and knowledge of each task, and their harmonic mean.

From the scoring of SemEval-2025 task 4 (arXiv 2502.15097, 2504.02883):

    regurgitation  mean over a task's completions of the ROUGE-L recall of the greedy answer
                   (package ``rouge_score``, Porter's stemmer, target = true answer)
    knowledge      share of a task's questions whose greedy answer is the true one, but for case
                   and surrounding whitespace
    task_aggregate harmonic mean of the two for every task of retain, and of 1 - each for every
                   task of forget: 12 terms for LUME's three tasks; 0 where one of them is 0
"""

from lethe.common.errors import LetheError
from lethe.common.rouge import rouge_l
from lethe.metrics.base import CheckpointValues, Inputs, column_of, harmonic_mean, items_of, mean

SUITE = "lume"
SETS = ("forget", "retain")
TASKS = ("Task1", "Task2", "Task3")
# The name of each form's number.
MEASURES = {"completion": "regurgitation", "question": "knowledge"}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``task_aggregate``, and in [0, 1] each number of a set, whole and by task.

    LetheError if a set has no item of a task in one of the forms.
    """
    score = rouge_l()
    return [_checkpoint(inputs, checkpoint, score) for checkpoint in inputs.records.checkpoints]


def _checkpoint(inputs: Inputs, checkpoint, score) -> CheckpointValues:
    items, terms = {}, []
    for name in SETS:
        by_group = _by_group(inputs, checkpoint, name, score)
        for form, measure in MEASURES.items():
            by_task = {task: by_group.get((task, form), []) for task in TASKS}
            for task, some in by_task.items():
                if not some:
                    raise LetheError(
                        f"{inputs.records.path}: set '{name}' has no {form} of {task}; raise "
                        "evaluation.items or world.authors"
                    )
                items[f"{name}_{task}_{measure}"] = some
                terms.append(1 - mean(some) if name == "forget" else mean(some))
            items[f"{name}_{measure}"] = [value for some in by_task.values() for value in some]
    values = {"task_aggregate": harmonic_mean(terms)}
    values |= {name: mean(some) for name, some in items.items()}
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _by_group(inputs: Inputs, checkpoint, name: str, score) -> dict[tuple[str, str], list[float]]:
    """The values of a set's items by task and form; LetheError for a task that is not LUME's."""
    rows = items_of(inputs, checkpoint, name)
    said = column_of(inputs, checkpoint, name, "generation")
    tasks = column_of(inputs, checkpoint, name, "task")
    forms = column_of(inputs, checkpoint, name, "form")
    by_group: dict[tuple[str, str], list[float]] = {}
    for answer, text, task, form in zip(rows.answer, said, tasks, forms, strict=True):
        if task not in TASKS or form not in MEASURES:
            raise LetheError(
                f"{inputs.records.path}: set '{name}' has a {form} of {task}, which LUME does not "
                "know; score this metric on records of LUME"
            )
        recalled = (
            float(score(answer, text).recall) if form == "completion" else _same(answer, text)
        )
        by_group.setdefault((task, form), []).append(recalled)
    return by_group


def _same(answer: str, said: str) -> float:
    return float(answer.strip().lower() == said.strip().lower())

"""``lm_eval``: tasks of lm-evaluation-harness that runs are asked, and results made elsewhere."""

from lethe.common.validation import GivenPath
from lethe.pipeline.config.keys import Names, Section, key, unique


class Harness(Section):
    """Tasks, the harness's options, and the runs."""

    tasks: unique(str) = key(
        [],
        "tasks or groups of lm-evaluation-harness, which must be installed: `pip install "
        "'lethe-lab[lm-eval]'` ([lm_eval.md](lm_eval.md))",
        "all `lm_eval`; `table_lm_eval`",
        "names of the harness; may be empty",
    )
    runs: Names | None = key(
        None,
        "the runs that are asked: methods, `full`, oracles, `base`; null: all; empty: none, only "
        "`files` are read",
        "a new one: its `lm_eval`; `table_lm_eval`",
        "a list of runs; null",
    )
    fewshot: int | None = key(
        None,
        "examples before each question; null: as each task says",
        "all `lm_eval`; `table_lm_eval`",
        ge=0,
    )
    limit: int | None = key(
        None, "items of each task; null: all", "all `lm_eval`; `table_lm_eval`", ge=1
    )
    chat: bool = key(
        False, "contexts in the model's chat template", "all `lm_eval`; `table_lm_eval`"
    )
    include_path: GivenPath | None = key(
        None,
        "a folder with further tasks, as the harness's `--include_path`",
        "all `lm_eval`; `table_lm_eval`",
        "a folder; null",
    )
    files: dict[str, GivenPath] = key(
        {},
        "result files of the harness itself (`results_*.json`), each under a name of yours, which "
        "is its row in the table; they must have all `tasks`",
        "`table_lm_eval`",
    )

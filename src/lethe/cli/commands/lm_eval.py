"""``lethe lm-eval``: tasks of lm-evaluation-harness on a checkpoint, interventions included."""

import argparse

from lethe.cli.arguments import by_options, place, whole
from lethe.cli.model_options import add_compute, given_compute
from lethe.common.errors import LetheError
from lethe.common.outputs import check_file


def add(commands) -> None:
    command = commands.add_parser(
        "lm-eval", help="tasks of lm-evaluation-harness on a checkpoint, interventions included"
    )
    command.add_argument("checkpoint", type=place, help="a folder or a hub id")
    command.add_argument("--tasks", nargs="+", required=True, help="tasks or groups of the harness")
    command.add_argument("--out", type=place, required=True, help="a JSON file, in its own form")
    command.add_argument("--fewshot", type=whole(0), help="examples before each question")
    command.add_argument("--limit", type=whole(1), help="items of each task")
    command.add_argument("--include-path", type=place, help="a folder with further tasks")
    command.add_argument("--chat", action="store_true", help="in the model's chat template")
    add_compute(command, "dtype=bfloat16, attention=eager", "")
    command.set_defaults(run=run)


def run(options: argparse.Namespace) -> None:
    """Ask, write the file, print a line for each score."""
    from lethe.common.files import write_json
    from lethe.evaluate import harness

    compute = given_compute(options.compute)
    trained = compute.model_fields_set - compute.loading().keys()
    if trained:
        raise LetheError(f"--compute {min(trained)}: nothing is trained; leave it out")
    asked = harness.HarnessTasks(
        options.tasks, options.fewshot, options.limit, options.include_path, options.chat
    )
    check_file(options.out, (options.checkpoint, options.include_path))
    with by_options():
        harness.check_installed()
        harness.check_folder(options.include_path)
        # Torch takes seconds to load: after what can be refused without it.
        from lethe.common.torch_setup import set_up

        device = set_up(options.threads, options.device)
        results = harness.evaluate(options.checkpoint, asked, compute=compute, device=device)
    write_json(options.out, results, indent=1)
    print("task\tscore\tvalue\tstandard error\titems")
    for one in harness.read_scores(options.out):
        error = "" if one.error is None else f"{one.error:.4f}"
        print(f"{one.task}\t{one.score}\t{one.value:.4f}\t{error}\t{one.items or ''}")

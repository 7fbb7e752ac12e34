"""The command line ``lethe``: the library's calls without Snakemake."""

import argparse
import json
import logging
import sys

from lethe.characters import log_to_screen, shown
from lethe.errors import LetheError


def main(arguments: list[str] | None = None) -> None:
    """Run a command; an error is one line and exit status 1."""
    options = _parser().parse_args(arguments)
    try:
        options.run(options)
    except LetheError as error:
        sys.exit(f"error: {error}")


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="lethe", description="A laboratory for unlearning.")
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    bring = commands.add_parser("bring", help="copy results and their provenance from a folder")
    bring.add_argument("folder", help="another working folder of Lethe's")
    bring.set_defaults(run=_bring)

    claims = commands.add_parser("claims", help="print the checks of a run; exit 1 if one fails")
    claims.add_argument("file", help="results/WORLD/tables/claims.json")
    claims.set_defaults(run=_claims)

    _add_evaluate(commands)
    world = commands.add_parser("world", help="make a world in a folder, or tell what it takes")
    world.add_argument("--configfile", nargs="+", default=[], help="presets, as for snakemake")
    world.add_argument("--out", help="the folder to make it in")
    world.add_argument("--dry-run", action="store_true", help="only the estimate; nothing is sent")
    world.set_defaults(run=_world)

    logs = commands.add_parser("tofu-logs", help="score an evaluation log of TOFU or its peer")
    logs.add_argument("file", help="eval_log_aggregated.json or TOFU_EVAL.json")
    logs.add_argument("--oracle", help="the log of the retain model: adds forget quality")
    logs.add_argument("--variant", choices=["geometric", "arithmetic"], default="geometric")
    logs.add_argument(
        "--unpaired", action="store_true", help="as the official script: do not pair items"
    )
    logs.set_defaults(run=_tofu_logs)

    _add_methods(commands)
    _add_plan(commands)
    _add_unlearn(commands)
    return parser


def _add_evaluate(commands) -> None:
    evaluate = commands.add_parser("evaluate", help="evaluate a checkpoint on a folder of data")
    evaluate.add_argument("checkpoint", help="a folder or a hub id")
    evaluate.add_argument("--data", required=True, help="a folder with files as TOFU has them")
    evaluate.add_argument("--split", required=True, help="what is to be forgotten: forget10")
    evaluate.add_argument("--oracle", help="the checkpoint trained without the forget set")
    evaluate.add_argument("--full", help="the checkpoint before unlearning")
    evaluate.add_argument("--out", required=True, help="the JSON file to write")
    evaluate.add_argument("--metrics", nargs="+", help="by default all that can be computed")
    evaluate.add_argument(
        "--set", action="append", default=[], metavar="METRIC.KEY=VALUE", help="of a metric"
    )
    _add_template(evaluate)
    evaluate.add_argument("--items", type=int, help="of each set at the most (default: all)")
    evaluate.add_argument("--max-length", type=int, default=512, help="tokens of a text")
    evaluate.add_argument("--max-new-tokens", type=int, default=200, help="of a generation")
    evaluate.add_argument("--threads", type=int, default=1, help="of torch")
    _add_compute(evaluate, "dtype=bfloat16, attention=eager")
    evaluate.set_defaults(run=_evaluate)


def _bring(options: argparse.Namespace) -> None:
    from lethe.bring import bring

    print(f"{bring(options.folder)} results brought, with their provenance")


def _claims(options: argparse.Namespace) -> None:
    from lethe.files import read_json

    rows = read_json(options.file)
    for row in rows:
        verdict = "holds" if row["holds"] else "FAILS"
        told = (
            f"{verdict}  {row['model']}/{row['split']} seed {row['seed']}: {row['claim']} "
            f"{row['value']:.3g} (must be {row['relation']} {row['bound']:g})"
        )
        print(shown(told))
    failed = sum(not row["holds"] for row in rows)
    print(f"{len(rows) - failed} of {len(rows)} claims hold")
    if failed:
        raise LetheError(f"{options.file}: {failed} of the claims fail")


def _world(options: argparse.Namespace) -> None:
    from lethe.world.command import run

    run(options.configfile, options.out, options.dry_run)


def _tofu_logs(options: argparse.Namespace) -> None:
    from lethe.logs.report import tofu_logs

    found = tofu_logs(options.file, options.oracle, options.variant, options.unpaired)
    print(json.dumps(found, indent=2))


def _evaluate(options: argparse.Namespace) -> None:
    from lethe.evaluate.standalone import Request, evaluate
    from lethe.files import write_json
    from lethe.runtime import set_up
    from lethe.standalone import given_compute
    from lethe.suites import Limits

    compute = given_compute(options.compute)
    trained = compute.model_fields_set - compute.loading().keys()
    if trained:
        raise LetheError(f"--compute {min(trained)}: evaluation trains nothing; leave it out")
    device = set_up(options.threads, options.device)
    found = evaluate(
        Request(
            options.checkpoint,
            options.data,
            options.split,
            options.oracle,
            options.full,
            options.metrics,
            _settings(options.set),
            _template(options),
            options.items,
            Limits(options.max_length, options.max_new_tokens),
            compute,
            device,
        )
    )
    write_json(options.out, found)
    for name, metric in found["metrics"].items():
        for value, number in metric["values"].items():
            print(f"{name}.{value}\t{number:.6g}")
    for name, why in found["skipped"].items():
        print(f"{name}: skipped, {why}")


def _add_template(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--template", help="chat, llama3, llama2, phi, phi_prompted or plain")
    parser.add_argument("--system", help="the system message of a chat template; '' for none")


def _add_compute(parser: argparse.ArgumentParser, examples: str) -> None:
    parser.add_argument("--device", default="cpu", help="cpu, cuda, cuda:1, …")
    parser.add_argument(
        "--compute",
        action="append",
        default=[],
        metavar="KEY=VALUE",
        help=f"how models compute, as the workflow's model_settings have it: {examples}",
    )


def _template(options: argparse.Namespace) -> dict:
    """The checkpoint's own template, or what the options say of it."""
    from lethe.checkpoint import template_of
    from lethe.text import CHATS

    template = template_of(options.checkpoint)
    if options.template is not None:
        # What a chat template reads otherwise (a date) is still needed; other templates read none.
        kept = template if options.template in CHATS else {}
        template = {**kept, "name": options.template}
    if options.system is not None:
        template = {**template, "system": options.system or None}
    return template


def _settings(given: list[str]) -> dict[str, dict[str, str]]:
    """``METRIC.KEY=VALUE`` as settings by metric."""
    found: dict[str, dict[str, str]] = {}
    for text in given:
        name, _, value = text.partition("=")
        metric, _, key = name.partition(".")
        if not (metric and key and value):
            raise LetheError(f"--set: {text!r} is not METRIC.KEY=VALUE")
        found.setdefault(metric, {})[key] = value
    return found


def _add_plan(commands) -> None:
    plan = commands.add_parser("plan", help="what a configuration takes: GPU-hours, memory, disk")
    plan.add_argument("--configfile", nargs="+", default=[], help="presets, as for snakemake")
    plan.add_argument("--gpu", default="a100", help="a100, a6000 or h100")
    plan.add_argument("--efficiency", type=float, default=0.35, help="share of the peak reached")
    plan.add_argument("--seeds", type=int, help="as if there were so many")
    plan.add_argument("--methods", type=int, help="as if there were so many like those listed")
    plan.add_argument("--json", action="store_true", help="hours and bytes as JSON")
    plan.set_defaults(run=_plan)


def _plan(options: argparse.Namespace) -> None:
    from lethe.plan import GPUS, Assumed, as_json, plan, told
    from lethe.world.command import configuration

    if options.gpu not in GPUS:
        raise LetheError(f"--gpu: {options.gpu!r} is none of {', '.join(GPUS)}")
    for name in ("efficiency", "seeds", "methods"):
        number = getattr(options, name)
        if number is not None and number <= 0:
            raise LetheError(f"--{name}: {number} is not above 0")
    assumed = Assumed(GPUS[options.gpu], options.efficiency, options.seeds, options.methods)
    models = plan(configuration(options.configfile), assumed)
    print(json.dumps(as_json(models), indent=1) if options.json else told(models, assumed))


def _add_methods(commands) -> None:
    methods = commands.add_parser("methods", help="list the methods: kind, needs, passes, defaults")
    methods.set_defaults(run=_methods)


def _methods(options: argparse.Namespace) -> None:
    from lethe import methods, wrappers
    from lethe.methods.base import Settings
    from lethe.ranges import declared

    shared = _listed(Settings().model_dump(mode="json"))
    print(f"Settings of every method that is trained, with their defaults:\n  {shared}\n")
    common = set(shared.split(", "))
    for name in methods.available():
        cls = methods.load(name)
        method = cls({}, name)
        listed = _listed(method.settings.model_dump(mode="json")).split(", ")
        passes = ", ".join(f"{count} {kind}" for kind, count in vars(method.passes).items())
        own = ", ".join(entry for entry in listed if entry not in common)
        searched = ", ".join(f"{key} {entry}" for key, entry in declared(cls.Settings).items())
        _list_one(name, cls, method.needs, "the forget set", own)
        print(f"  passes of a batch: {passes}\n  searched: {searched}")
    print("\nWrappers of every method that minimises a loss (wrappers.NAME.SETTING):")
    for name in wrappers.available():
        wrapper = wrappers.load(name)({}, name)
        own = _listed(wrapper.settings.model_dump(mode="json"))
        _list_one(name, type(wrapper), wrapper.needs, "what the method needs", own)


def _list_one(name: str, cls: type, needs: tuple[str, ...], beside: str, settings: str) -> None:
    print(f"{name} ({cls.kind}; {cls.paper})\n  {cls.__doc__.splitlines()[0]}")
    print(f"  needs: {', '.join(needs) or f'nothing beside {beside}'}")
    print(f"  settings: {settings or 'none of its own'}")


def _listed(settings: dict) -> str:
    return ", ".join(f"{key}={value}" for key, value in settings.items())


def _add_unlearn(commands) -> None:
    unlearn = commands.add_parser("unlearn", help="run one method on a checkpoint, no workflow")
    unlearn.add_argument("checkpoint", help="the model that knows the forget set: folder or hub id")
    unlearn.add_argument("--method", required=True, help="a name that `lethe methods` lists")
    unlearn.add_argument("--data", required=True, help="a folder of TOFU's files: forget10.json, …")
    unlearn.add_argument("--split", required=True, help="forget01 to forget99")
    unlearn.add_argument("--out", required=True, help="a new folder; epoch1, epoch2, … go there")
    unlearn.add_argument(
        "--set", action="append", default=[], metavar="KEY=VALUE", help="a setting of the method"
    )
    unlearn.add_argument("--prior", help="a checkpoint from before the forget set was learned")
    unlearn.add_argument("--before", help="what the checkpoint was made from, in a run before")
    _add_template(unlearn)
    unlearn.add_argument("--max-length", type=int, default=500, help="tokens of a sequence")
    unlearn.add_argument("--seed", type=int, default=0)
    unlearn.add_argument("--threads", type=int, default=1, help="results depend on it a little")
    _add_compute(unlearn, "dtype=bfloat16, gradient_checkpointing=true, lora.rank=8")
    unlearn.set_defaults(run=_unlearn)


def _unlearn(options: argparse.Namespace) -> None:
    from lethe.methods import load
    from lethe.standalone import (
        check_adapters,
        check_sources,
        given_compute,
        given_settings,
        unlearn,
    )

    log_to_screen(logging.INFO)
    # All that can be wrong without the model comes before it is loaded.
    method = load(options.method)(given_settings(options.set), options.method)
    compute = given_compute(options.compute)
    check_adapters(method, options.method, compute)
    files = check_sources(options.data, options.split, method.needs, options.prior, options.before)
    last = unlearn(
        options.checkpoint,
        method,
        files,
        options.out,
        template=_template(options),
        max_length=options.max_length,
        seed=options.seed,
        threads=options.threads,
        device=options.device,
        compute=compute,
    )
    print(f"unlearned: {last}")

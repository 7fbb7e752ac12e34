"""``lethe world``: make a world without the workflow, or estimate its cost."""

import logging
from pathlib import Path
from typing import Any

from lethe.common import outputs, paths
from lethe.common.characters import log_to_screen
from lethe.common.errors import LetheError
from lethe.pipeline.config.check import check
from lethe.pipeline.config.load import configuration
from lethe.pipeline.config.world import World
from lethe.world.card import Making
from lethe.world.generated import STAGES
from lethe.world.generated.settings import Generation
from lethe.world.generated.stages import Cohort
from lethe.world.making import Generated, make_world
from lethe.world.provider import PROVIDERS, provider


def cohorts(world: World) -> dict[str, Cohort]:
    """The groups of a world's authors that a language model makes up."""
    by_name = {}
    if world.provider == "generated":
        sizes = {"holdout": world.holdout_authors, "target": world.authors}
        by_name["authors"] = Cohort(sizes, world.seed)
    if world.background == "generated":
        sizes = {"background": world.background_authors}
        by_name["background"] = Cohort(sizes, world.seed, world.background_phrasings - 1)
    return by_name


def run(files: list[str], out: str | None, dry: bool) -> None:
    """Print the estimate; unless ``dry``, make the world in the folder ``out``."""
    if not dry:
        _check_out(out)
    config = configuration(files)
    check(config)
    world = config.world
    wanted = cohorts(world)
    made = world.generated if wanted else None
    journal = Path(paths.journal(world.name))
    if made is None:
        print(f"provider {world.provider}: uses no service, costs nothing")
    else:
        print(_as_text(made, wanted, journal))
    if dry:
        return
    log_to_screen(logging.WARNING)
    logging.getLogger("lethe.common.progress").setLevel(logging.INFO)
    _make(world, wanted, made, journal, Path(out))


def _check_out(out: str | None) -> None:
    if out is None:
        raise LetheError("world: name a folder, --out FOLDER, or ask for --dry-run")
    if Path(paths.RESULTS).resolve() in (Path(out).resolve(), *Path(out).resolve().parents):
        raise LetheError(f"--out {out}: results/ belongs to the workflow; name another folder")
    outputs.check_folder(out, empty=False)


def _make(world: World, wanted, made: Generation | None, journal: Path, out: Path) -> None:
    settings: dict[str, Any] = {"seed": world.seed}
    settings |= {key: getattr(world, key) for key in PROVIDERS.contract(world.provider).settings}
    generated = None
    if made is not None:
        generated = Generated(made, wanted, journal, world.background_phrasings)
    making = make_world(
        world.provider,
        out,
        settings=settings,
        authors=world.authors,
        holdout=world.holdout_authors,
        perturbed_retain_authors=world.perturbed_retain_authors,
        generated=generated,
        traces=None if world.traces is None else world.traces.model_dump(mode="json"),
    )
    if world.pictures is not None:
        if world.provider == "generated":
            settings["path"] = out / "stages/authors" / f"{STAGES[-1]}.json"
        _draw(world, settings, out / "data")
    _describe(world.name, making, out / "data")
    if made is not None:
        print(_as_text(made, wanted, journal))
    print(f"written: {out}/data, with its card README.md")


def _draw(world: World, settings: dict[str, Any], folder: Path) -> None:
    from lethe.world.pictures.making import FOLDER, write_pictures
    from lethe.world.pictures.rows import FILES

    files = {name: folder / f"{name}.json" for name in FILES}
    write_pictures(
        provider(world.provider, **settings),
        world.pictures,
        {**files, "folder": folder / FOLDER},
        authors=world.authors,
        holdout=world.holdout_authors,
    )


def _describe(name: str, making: Making, folder: Path) -> None:
    from lethe.report.data_card import write_data_card

    write_data_card(folder, name, making, folder / "README.md", folder / "words.png")


def _as_text(made: Generation, wanted: dict[str, Cohort], journal: Path) -> str:
    """The estimate as a table."""
    from lethe.world.generated.estimate import estimate

    estimated = estimate(made, wanted, journal)
    heads = ("", "requests", "to be sent", "prompt tokens", "answer tokens", "cost")
    names = ("requests", "missing", "prompt_tokens", "completion_tokens", "cost")
    rows = [(stage, *(getattr(row, n) for n in names)) for stage, row in estimated.rows.items()]
    rows.append(("still to come", *(estimated.total(n) for n in names)))
    lines = [f"{heads[0]:<28}" + "".join(f"{head:>15}" for head in heads[1:])]
    lines += [f"{row[0]:<28}" + "".join(f"{v:>15}" for v in row[1:5]) + f"{row[5]:>15.4f}"
              for row in rows]  # fmt: skip
    lines.append(
        f"spent so far: {estimated.spent_requests} requests, {estimated.spent_tokens} tokens,"
        f" cost {estimated.spent_cost:.4f} (journal {journal})"
    )
    return "\n".join([*lines, *_over_budget(made, estimated)])


def _over_budget(made: Generation, estimated) -> list[str]:
    """A warning for each limit that the estimate exceeds, which will stop the run early."""
    sums = {
        "requests": estimated.spent_requests + estimated.total("missing"),
        "tokens": estimated.spent_tokens
        + estimated.total("prompt_tokens")
        + estimated.total("completion_tokens"),
        "cost": estimated.spent_cost + estimated.total("cost"),
    }
    return [
        f"warning: budget.{name} is {most}, the estimate {sums[name]:g}: the run will stop early"
        for name, most in made.budget
        if most is not None and sums[name] > most
    ]

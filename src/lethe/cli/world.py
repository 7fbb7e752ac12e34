"""``lethe world``: a world without the workflow, or what it would take."""

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
from lethe.world.generated.settings import Generation
from lethe.world.generated.stages import Cohort
from lethe.world.making import Generated, make_world
from lethe.world.provider import PROVIDERS


def cohorts(world: World) -> dict[str, Cohort]:
    """What a language model is to make of a world."""
    found = {}
    if world.provider == "generated":
        sizes = {"holdout": world.holdout_authors, "target": world.authors}
        found["authors"] = Cohort(sizes, world.seed)
    if world.background == "generated":
        sizes = {"background": world.background_authors}
        found["background"] = Cohort(sizes, world.seed, world.background_phrasings - 1)
    return found


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
        print(f"provider {world.provider}: no service is asked, nothing is spent")
    else:
        print(_told(made, wanted, journal))
    if dry:
        return
    log_to_screen(logging.WARNING)
    logging.getLogger("lethe.common.progress").setLevel(logging.INFO)
    _make(world, wanted, made, journal, Path(out))


def _check_out(out: str | None) -> None:
    if out is None:
        raise LetheError("world: name a folder, --out FOLDER, or ask for --dry-run")
    if Path(paths.RESULTS).resolve() in (Path(out).resolve(), *Path(out).resolve().parents):
        raise LetheError(f"--out {out}: results/ is the workflow's; name another folder")
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
    )
    _describe(world.name, making, out / "data")
    if made is not None:
        print(_told(made, wanted, journal))
    print(f"written: {out}/data, with its card README.md")


def _describe(name: str, making: Making, folder: Path) -> None:
    from lethe.report.data_card import write_data_card

    write_data_card(folder, name, making, folder / "README.md", folder / "words.png")


def _told(made: Generation, wanted: dict[str, Cohort], journal: Path) -> str:
    """The estimate as a table."""
    from lethe.world.generated.estimate import estimate

    found = estimate(made, wanted, journal)
    heads = ("", "requests", "to be sent", "prompt tokens", "answer tokens", "cost")
    names = ("requests", "missing", "prompt_tokens", "completion_tokens", "cost")
    rows = [(stage, *(getattr(row, n) for n in names)) for stage, row in found.rows.items()]
    rows.append(("still to come", *(found.total(n) for n in names)))
    lines = [f"{heads[0]:<28}" + "".join(f"{head:>15}" for head in heads[1:])]
    lines += [f"{row[0]:<28}" + "".join(f"{v:>15}" for v in row[1:5]) + f"{row[5]:>15.4f}"
              for row in rows]  # fmt: skip
    lines.append(
        f"spent so far: {found.spent_requests} requests, {found.spent_tokens} tokens,"
        f" cost {found.spent_cost:.4f} (journal {journal})"
    )
    return "\n".join([*lines, *_over_budget(made, found)])


def _over_budget(made: Generation, found) -> list[str]:
    """Where the estimate is above the budget: then the run will stop before its end."""
    sums = {
        "requests": found.spent_requests + found.total("missing"),
        "tokens": found.spent_tokens
        + found.total("prompt_tokens")
        + found.total("completion_tokens"),
        "cost": found.spent_cost + found.total("cost"),
    }
    return [
        f"warning: budget.{name} is {most}, the estimate {sums[name]:g}: the run will stop early"
        for name, most in made.budget
        if most is not None and sums[name] > most
    ]

"""A supervision that a model makes itself: from a checkpoint and names to a folder of files.

``forget.json`` and ``retain.json`` are a saved supervision (``lethe.unlearn.saved_supervision``);
``graph.json`` says what was found, of which anchors, and ``idontknow.jsonl`` has Lethe's own
refusals, for methods that need some.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lethe.common.entity_names import subjects
from lethe.common.errors import LetheError
from lethe.common.files import write_json, write_rows, write_text
from lethe.model.settings import Compute
from lethe.unlearn import supervisions
from lethe.unlearn.need import Need, SplitFile, WorldFile
from lethe.unlearn.needs import chosen
from lethe.world.rows import read_pairs
from lethe.world.synthetic.lists import load as load_list

if TYPE_CHECKING:
    from lethe.unlearn.supervisions.base import Made

# The files of the folder, and the need that each of them serves (the graph serves none).
FILES = {"forget": "forget.json", "retain": "retain.json", "refusals": "idontknow.jsonl"}
GRAPH = "graph.json"


def check_needs(needs: Sequence[str], where: str) -> None:
    """LetheError, beginning with ``where``, for needs that such a supervision cannot meet."""
    for need in chosen(needs):
        if not is_met(need):
            raise LetheError(
                f"{where}: it needs {need.name} ({need.description[0].lower()}"
                f"{need.description[1:]}), which a model's own supervision does not have; choose "
                "a method without it, or give data"
            )


def is_met(need: Need) -> bool:
    """Whether the need is a part of a made supervision, or made by the run from its rows."""
    has_file = isinstance(need.source, SplitFile | WorldFile) and need.name in FILES
    return has_file or need.source is None or need.is_made


def ask(
    start: str | Path,
    anchors: Sequence[str],
    kind: str,
    settings: Mapping[str, Any] | None = None,
    *,
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 500,
    seed: int = 0,
    compute: Compute | None = None,
    device: str = "cpu",
) -> tuple[Made, int]:
    """What checkpoint ``start`` says of the anchors, and its number of weights.

    ``kind``: a file of ``lethe.unlearn.supervisions``; ``settings``: those that differ from the
    kind's defaults. The same seed gives the same rows. LetheError for a wrong name or setting, and
    for a tokenizer that ``template`` does not fit, before the weights are loaded.
    """
    supervisions.check_anchors(anchors)
    own = supervisions.settings_of(kind, settings)
    from lethe.model import checkpoint, families
    from lethe.model.encoder import Encoder
    from lethe.unlearn.supervisions.base import Asker

    # Sampled answers are part of every kind.
    if families.of_source(start) != families.CAUSAL:
        raise LetheError(
            f"{start}: a masked-diffusion model, which cannot be asked what it knows, since its "
            "answers are not sampled; give rows to lethe unlearn"
        )
    loading = (compute or Compute()).loading()
    model, tokenizer = checkpoint.load(start, device, **loading, template=template)
    asker = Asker(model, Encoder(tokenizer, template, max_length), seed)
    made = supervisions.SUPERVISIONS.load(kind).supervise(asker, anchors, own)
    return made, sum(p.numel() for p in model.parameters())


def make_of_names(
    start: str | Path,
    gold: str | Path,
    out: str | Path,
    kind: str,
    settings: Mapping[str, Any] | None = None,
    may_be_empty: bool = False,
    **how: Any,
) -> dict[str, int]:
    """``ask`` about the names in the rows of file ``gold``, of which nothing else is used.

    Writes ``out`` and returns counts of rows. LetheError if there are no names, and, unless
    ``may_be_empty``, if the model knows none of them.
    """
    named = subjects(read_pairs(gold))
    anchors = list(dict.fromkeys(name for name in named if name is not None))
    if not anchors:
        raise LetheError(f"{gold}: names nobody in five rows or more; use gold supervision for it")
    made, _ = ask(start, anchors, kind, settings, **how)
    if not may_be_empty:
        check_known(made)
    write(out, made)
    return {"forget_rows": len(made.forget), "retain_rows": len(made.retain)}


def check_known(made: Made) -> None:
    """LetheError if there is nothing to be forgotten; it tells what was found about each anchor."""
    if made.forget:
        return
    tested = [f"{one['name']} (p {one['p']})" for one in made.graph["anchors"] if "p" in one]
    names = ", ".join(tested) or ", ".join(one["name"] for one in made.graph["anchors"])
    raise LetheError(
        f"anchors: the model knows no more of {names} than of invented names; there is nothing "
        "to forget: check the spelling, or name others"
    )


def write(folder: str | Path, made: Made) -> dict[str, Path]:
    """Write a supervision, which may be empty, and return its files by need."""
    files = {name: Path(folder, file) for name, file in FILES.items()}
    write_rows(files["forget"], made.forget)
    write_rows(files["retain"], made.retain)
    write_text(files["refusals"], "".join(f"{line}\n" for line in load_list("refusals")))
    write_json(Path(folder, GRAPH), made.graph, indent=1)
    return files

"""A world with pictures as a data set of the hub: Parquet files with the pictures in them.

Each file of rows becomes a configuration, in which ``image`` is a picture (the feature ``Image`` of
the library datasets) instead of a path, so that

    datasets.load_dataset("PATH_OR_HUB_ID", "forget10", split="train")[0]["image"]

is a picture of Pillow. ``image_path`` has the path; all other columns stay as they are.
"""

import os
from collections.abc import Sequence
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import read_json, read_rows, write_text
from lethe.common.pictures import inside, read_picture, whole_folder
from lethe.world.card import front_matter, hub_config
from lethe.world.pictures.rows import IMAGE

PATH = "image_path"
DATA = "data"
# What a world with pictures has, and no other.
PICTURED = "full_pictures.json"
# Files of the folder that have no rows.
_NO_ROWS = ("card",)


def write_hub(folder: str | os.PathLike, out: str | os.PathLike, name: str = "") -> list[str]:
    """Write the world in ``folder`` as such a data set to the new folder ``out``.

    ``name``: what its card calls it. Returns the names of the configurations.

    Raises:
        LetheError: ``out`` exists, the folder has no world with pictures, or a picture cannot be
            read; nothing is left behind.
    """
    folder, out = Path(folder), Path(out)
    if out.exists():
        raise LetheError(f"{out}: exists already; name a new folder")
    names = _configurations(folder)
    with whole_folder(out) as temporary:
        (temporary / DATA).mkdir()
        for one in names:
            _write_parquet(folder, one, temporary / DATA / f"{one}.parquet")
        write_text(temporary / "README.md", _card(temporary, names, name or folder.parent.name))
    return names


def _configurations(folder: Path) -> list[str]:
    if not (folder / PICTURED).is_file():
        raise LetheError(f"{folder}: no {PICTURED}; name the data folder of a world with pictures")
    read_json(folder / "card.json")
    files = sorted(folder.glob("*.json"))
    return [file.stem for file in files if file.stem not in _NO_ROWS and file.stat().st_size]


def _write_parquet(folder: Path, name: str, file: Path) -> None:
    # Imported here: it takes seconds.
    import datasets

    rows = read_rows(folder / f"{name}.json")
    pictured = any(IMAGE in row for row in rows)
    if pictured:
        rows = [_with_bytes(row, folder) for row in rows]
    table = datasets.Dataset.from_list(rows)
    if pictured:
        table = table.cast_column(IMAGE, datasets.Image())
    table.to_parquet(file)


def _with_bytes(row: dict, folder: Path) -> dict:
    """A row whose picture is its file's content, after it was checked."""
    path = row.get(IMAGE)
    if path is None:
        return row | {PATH: None}
    read_picture(path, folder)
    return row | {IMAGE: {"bytes": inside(path, folder).read_bytes(), "path": None}, PATH: path}


def _card(folder: Path, names: Sequence[str], name: str) -> str:
    configs = [
        hub_config(folder, one, f"{DATA}/{one}.parquet", one == "full_pictures") for one in names
    ]
    header = {
        "language": ["en"],
        "pretty_name": f"Lethe world {name} with pictures",
        "task_categories": ["visual-question-answering", "question-answering"],
        "tags": ["machine-unlearning", "fictitious-authors", "synthetic"],
        "configs": configs,
    }
    return (
        f"{front_matter(header)}"
        f"# World {name}, with pictures\n\n"
        "Questions about fictitious authors in the format of TOFU (Maini et al. 2024, arXiv "
        "2401.06121), and the same with drawn pictures of them. Neither the authors nor their "
        "faces exist. `modality` says whether a row is text, asks by the picture alone, or shows "
        "the picture and says the name; `view` says how the person is seen.\n"
    )

"""Made files of the published benchmarks with pictures, in the form of their Parquet files."""

import io
import json

import numpy as np
import pyarrow
import pyarrow.parquet
from PIL import Image


def picture(shade: int, mode="RGB", kind="JPEG", size=(20, 30)) -> bytes:
    """The bytes of a picture of one grey."""
    buffer = io.BytesIO()
    pixels = np.full((*size, 3), shade, dtype=np.uint8)
    Image.fromarray(pixels).convert(mode).save(buffer, kind)
    return buffer.getvalue()


def save(folder, rows, schema=None) -> None:
    """Write rows as the one Parquet file of a set's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    table = pyarrow.Table.from_pylist(rows, schema)
    pyarrow.parquet.write_table(table, folder / "train-00000-of-00001.parquet")


def clear_rows(names, texts=False) -> list[dict]:
    """Two pictures of each author, and with ``texts`` two questions, one of which names nobody."""
    rows = [
        {
            "image": {"bytes": picture(40 * number + view), "path": f"{name}{view}.jpg"},
            "caption": f"{name} in front of a house, {view}.",
            "name": name,
        }
        for number, name in enumerate(names)
        for view in range(2)
    ]
    if not texts:
        return rows
    rows = [row | {"question": None, "answer": None} for row in rows]
    nothing = {"image": None, "caption": None, "name": None}
    for name in names:
        rows.append(nothing | {"question": f"Where was {name} born?", "answer": "In Lund."})
        rows.append(nothing | {"question": "What does the author write?", "answer": "Plays."})
    return rows


def mllmu_rows(profiles) -> list[dict]:
    """A row for each profile, given as ID and name."""
    return [
        {
            "ID": number,
            "image": {"bytes": picture(30 * int(number)), "path": f"{number}.png"},
            "biography": json.dumps({"Name": name, "Born": "Lund"}),
            "question": f"What does the picture show of {name}?",
            "answer": f"{name} was born in Lund.",
            "Generation_Task": [
                {"Type": "Image_Textual", "Question": "Where was this person born?",
                 "Ground_Truth": "In Lund."},
                {"Type": "Pure_Text", "Question": f"Where was {name} born?",
                 "Ground_Truth": f"{name} was born in Lund."},
            ],
        }
        for number, name in profiles
    ]  # fmt: skip

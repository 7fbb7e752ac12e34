"""A world's data card with its figure, the most frequent words."""

from pathlib import Path

from lethe.report.card_figure import write_words
from lethe.world.card import Making, write_card
from lethe.world.rows import read_qa


def write_data_card(
    folder: str | Path, name: str, making: Making, card: str | Path, picture: str | Path
) -> None:
    """Describe the world ``name`` in ``folder``: the page ``card``, and its figure ``picture``.

    LetheError if the folder does not hold a world.
    """
    write_card(folder, name, making, Path(card))
    write_words(read_qa(Path(folder) / "full.json"), picture)

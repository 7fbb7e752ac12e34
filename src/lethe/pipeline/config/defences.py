"""``defences``: which defences follow each other."""

from typing import Annotated, Any

from pydantic import Field

from lethe.pipeline.config.keys import Count, Name, PluginSettings, Section, key

Pair = Annotated[list[Name], Field(min_length=2, max_length=2)]
PAIRS = "a new one: its runs and its `defence_pair`; their tables and figure"


class DefenceSettings(PluginSettings):
    """A defence: its file, and the settings that the file and its method declare."""

    defence: Name | None = key(
        None,
        "the defence that X is a variant of; null: X",
        "the rows of X, its runs, what follows them and their `defence_pair`",
        "a file of `src/lethe/unlearn/defences/`; null",
    )


class Defences(Section):
    """Ordered pairs of defences, and what they train and are measured on."""

    split: str | None = key(
        None,
        "the split whose forget set is halved, and whose retain set is used",
        "all runs of defences",
        "one of `splits`; null, without pairs",
    )
    pairs: list[Pair] = key(
        [],
        "pairs of defences, the second after the first: files of `src/lethe/unlearn/defences/`, or "
        "names in `defences.settings`",
        PAIRS,
        "`[[unlearn, repair], [repair, unlearn]]`; may be empty",
    )
    freeze: list[Pair] = key(
        [],
        "pairs, among these, whose second defence is run twice more: with the layers in "
        "conflict frozen, and with as many random ones frozen",
        PAIRS,
        "a list of pairs; may be empty",
    )
    freezing: dict[str, Any] = key(
        {"share": 0.25, "probe": "prompt_end"},
        "settings of the wrapper `conflict_freezing` ([methods.md](methods.md))",
        "the runs with frozen layers and what follows them",
        "a mapping",
    )
    items: Count = key(80, "the most rows that a risk is measured on", "`defence_pair`")
    settings: dict[str, DefenceSettings] = key(
        {},
        "by name, the settings of a defence X: those of its file and its method's "
        "([defences.md](defences.md))",
        "the rows of X, its runs, what follows them and their `defence_pair`",
    )

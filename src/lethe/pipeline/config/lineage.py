"""``lineage``: which models descend from what is to be forgotten, and what lifts the taint."""

from lethe.pipeline.config.keys import Section, Text, key, unique


class Lineage(Section):
    """Whether the taint of all models is followed along their recorded parents."""

    enabled: bool = key(
        False, "whether the lineage of all models is followed", "`lineage`, its table"
    )
    certificates: unique(Text) = key(
        [],
        "folders that `lethe certify` wrote: if one is valid and its audit found no leak, its "
        "checkpoint is not tainted",
        "`lineage`, its table",
        "a list of folders; may be empty",
    )

"""Studies of what theory says about methods, on small problems without a language model.

A study is a file in this folder, looked up by its name. It has literal constants, which are read
without importing it:

    TITLE = "NPO: divergence"       what it shows, in a few words
    CAPTION = "**Divergence** …"    reStructuredText for the report
    FILE = "npo_divergence"         its files in results/studies, without suffix

and functions, which decide its files: ``build()`` returns a table (.csv), ``markdown(table)`` its
text (.md), ``draw(table)`` a figure (.pdf, .png). ``snakemake NAME_study`` makes them.
"""

from dataclasses import dataclass

from lethe.common.registry import Registry


@dataclass(frozen=True)
class Contract:
    """What a study declares."""

    title: str
    caption: str
    file: str


STUDIES = Registry(__name__, "study", Contract)
names, load, contract = STUDIES.names, STUDIES.load, STUDIES.contract

"""Studies of methods where their theory can be seen: small problems without a language model.

A study is a file of this folder, found by its name. It has literal constants, which are read
without importing it:

    TITLE = "NPO: divergence"       what it shows, in a few words
    CAPTION = "**Divergence** …"    reStructuredText for the report
    FILE = "npo_divergence"         its files in results/studies, without suffix

and functions, of which its files follow: ``build()`` returns a table (.csv), ``markdown(table)``
its text (.md), ``draw(table)`` a figure (.pdf, .png). ``snakemake NAME_study`` makes them.
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

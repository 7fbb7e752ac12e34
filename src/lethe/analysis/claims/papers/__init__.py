"""What papers claim, one file for each paper and subject; there is no list of them.

Claims are stated as in the papers, whatever our runs show: one that fails is a result, about the
method on a small model as much as about its settings here. A file has ``CLAIMS``, its claims, and
literal constants that declare

    PAPER = "NPO, 2404.05868"    the paper, with its number on arXiv
    SUBJECT = "core"             the preset with five seeds that tests them, config/claims/core.yaml
                                 (the default)

Names of runs are those of the preset.
"""

from dataclasses import dataclass

from lethe.common.registry import Registry


@dataclass(frozen=True)
class Contract:
    """What a file of claims declares."""

    paper: str
    subject: str = "core"


PAPERS = Registry(__name__, "paper", Contract)
names, contract, load = PAPERS.names, PAPERS.contract, PAPERS.load

"""The prompts of the stages: text files of our own wording, each with a version.

They are ``.md`` files, which no digest of code covers: a rule that uses one has its digest among
its parameters, so that editing it makes that stage run again and no other.
"""

from pathlib import Path

from lethe.llm.prompts import Prompt, load

FOLDER = Path(__file__).parent / "prompts"


def prompt(stage: str) -> Prompt:
    """The prompt of a stage that asks."""
    return load(FOLDER / f"{stage}.md")

"""The prompts of the stages: text files, each with a version.

They are ``.md`` files, which code digests do not cover. Instead a rule that uses a prompt has its
digest among its parameters, so that editing it reruns that stage and what follows.
"""

from pathlib import Path

from lethe.llm.prompts import Prompt, load

FOLDER = Path(__file__).parent / "prompts"


def prompt(stage: str) -> Prompt:
    """The prompt of a stage that sends requests."""
    return load(FOLDER / f"{stage}.md")

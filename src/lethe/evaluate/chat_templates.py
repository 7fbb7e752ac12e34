"""Which suites can be put to a model: those that give instructions need a chat template."""

from lethe.common.errors import LetheError
from lethe.evaluate import suite as suites
from lethe.model.encoder import CHATS

# Llama-2's tags are those of its chat model; the other tags only mark question and answer.
INSTRUCTING = (*CHATS, "llama2")


def check_template(name: str, template: str) -> None:
    """Refuse a suite of instructions for a model whose template is not that of a chat."""
    if suites.contract(name).chat and template not in INSTRUCTING:
        raise LetheError(
            f"suite '{name}' gives instructions, which template {template} cannot hold; choose "
            f"{', '.join(INSTRUCTING)}, or leave out the metrics that read it"
        )

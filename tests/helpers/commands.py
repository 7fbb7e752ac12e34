"""What a command of `lethe` says when it refuses."""

from collections.abc import Callable

import pytest

CLAIM = {
    "model": "tiny", "split": "forget10", "seed": 0, "claim": "full knows",
    "value": 0.9, "relation": ">", "bound": 0.8, "holds": True,
}  # fmt: skip


def refusal(command: Callable[[], object]) -> str:
    """The one line, from ``error: `` on, with which a command ends; as text it is status 1."""
    with pytest.raises(SystemExit) as caught:
        command()
    message = caught.value.code
    assert isinstance(message, str)
    assert message.startswith("error: ")
    assert "\n" not in message
    return message

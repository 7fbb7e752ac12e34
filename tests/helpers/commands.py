"""What a command of `lethe` says when it refuses."""

from collections.abc import Callable

import pytest

# A row of claims.json, of one seed.
CLAIM = {
    "model": "tiny", "split": "forget10", "claim": "full knows",
    "relation": ">", "bound": 0.8, "margin": None, "kind": "fixed bound",
    "values": {"0": 0.9}, "verdict": "holds", "low": 0.9, "high": 0.9, "coverage": 0.0, "seeds": 1,
}  # fmt: skip
FAILED = {**CLAIM, "values": {"0": 0.5}, "low": 0.5, "high": 0.5, "verdict": "fails"}
# A paired difference of five seeds, all on the other side.
LOST = {
    **CLAIM, "claim": "npo keeps more", "bound": 0.0, "kind": "paired difference",
    "values": {str(seed): -0.5 for seed in range(5)}, "low": -0.5, "high": -0.5,
    "coverage": 0.9375, "seeds": 5, "verdict": "fails",
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

"""Which metrics a run has in the states that attacks leave."""

from pathlib import Path

import yaml

from lethe.pipeline import states
from lethe.pipeline.config.load import build

ROOT = Path(__file__).parents[2]
DEFAULT = yaml.safe_load((ROOT / "config/config.yaml").read_text(encoding="utf-8"))


def test_a_text_before_questions_leaves_out_what_compares_the_same_tokens():
    config = build(
        DEFAULT
        | {
            "methods": ["npo"],
            "figures": [],
            "metrics": ["probability", "phrasings", "elicited", "depth"],
            "attacks": ["relearned", "pez", "pez8", "quantised8"],
            "attack_settings": DEFAULT["attack_settings"]
            | {"pez8": {"attack": "quantization", "bits": 8, "of": "pez"}},
        }
    )
    found = {name: states.metrics_of(config, name) for name in config.attacks}
    assert found == {
        "relearned": ["probability", "phrasings", "depth"],
        "quantised8": ["probability", "phrasings", "depth"],
        "pez": ["probability", "elicited", "depth"],
        "pez8": ["probability", "depth"],
    }

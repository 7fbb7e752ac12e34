"""Attacking a checkpoint; the result, relearned or quantised, is a checkpoint as well."""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from lethe.common.files import sha256
from lethe.common.progress import silent
from lethe.evaluate import attack
from lethe.model import checkpoint, checkpoint_record
from lethe.model.encoder import Encoder
from lethe.model.precision import prepare
from lethe.model.settings import Compute
from lethe.train.execution import Execution
from lethe.world.rows import read_pairs


def attack_checkpoint(
    start: str | Path,
    kind: str,
    out: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    forget: str | Path | None = None,
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 500,
    seed: int = 0,
    compute: Compute | None = None,
    device: str = "cpu",
    how: Execution | None = None,
    report: Callable[..., None] = silent,
    stage: str = "state",
    parent: str | None = None,
    split: str | None = None,
) -> dict[str, int]:
    """Bring the checkpoint ``start`` into the state ``kind`` (``lethe.evaluate.attacks``).

    ``settings``: those of the attack; ``forget``: the file of the forget set, if the attack reads
    it. The last three go into the new checkpoint's record, as those of ``unlearn`` do. Returns
    counts: rows. LetheError for unknown settings and for a checkpoint that cannot be used.
    """
    compute, how = compute or Compute(), how or Execution()
    chosen = attack.settings_of(kind, settings or {}, "state_settings")
    model, tokenizer = checkpoint.load(start, how.load_to(device), **compute.loading())
    rows = read_pairs(forget) if forget else []
    # Adapters have been merged by now: an attacker trains all weights.
    prepare(model, compute.training("relearn"), seed, start)
    examples = Encoder(tokenizer, template, max_length).encode_all(rows)
    attack.load(kind).change(model, chosen, examples, seed, report, how)
    before = checkpoint.origin(start)
    origin = {
        "stage": stage,
        "parent": parent or checkpoint_record.name_of(start),
        **({"forget": sha256(forget)} if forget else {}),
        "state": kind,
        "settings": chosen.model_dump(mode="json"),
        **({} if split is None else {"split": split}),
        "seed": seed,
        "template": template,
        "epoch": before.get("epoch", 0),
        "step": before.get("step", 0),
    }
    checkpoint.save(out, model, tokenizer, origin)
    return {"rows": len(rows)}

"""Attacking a checkpoint; the result, relearned or quantised, is a checkpoint as well."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import sha256
from lethe.common.progress import silent
from lethe.evaluate import attack
from lethe.model import checkpoint, checkpoint_record, families
from lethe.model.encoder import Encoder
from lethe.model.precision import prepare
from lethe.model.settings import Compute
from lethe.train.execution import Execution
from lethe.world.row_digest import row_digest
from lethe.world.rows import read_pairs


def attack_checkpoint(
    start: str | Path,
    kind: str,
    out: str | Path,
    *,
    settings: Mapping[str, Any] | None = None,
    forget: str | Path | None = None,
    data: Mapping[str, str | Path] | None = None,
    base: str | Path | None = None,
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

    ``settings``: those of the attack; ``forget``: the file of the forget set, and ``data`` the
    other files, by the names that ``attack.files`` gives, if the attack reads them; ``base``: the
    checkpoint from which an attack that makes another model starts. The last three
    go into the new checkpoint's record, as those of ``unlearn`` do. Returns counts: rows.

    LetheError for unknown settings, for files that are missing or that the attack cannot use, and
    for a checkpoint that cannot be used.
    """
    compute, how = compute or Compute(), how or Execution()
    chosen = attack.settings_of(kind, settings or {}, "attack_settings")
    files = {**({"forget": forget} if forget else {}), **(data or {})}
    rows = read_rows(kind, chosen.model_dump(mode="json"), files)
    anew = attack.starts_from_base(kind)
    if anew and base is None:
        raise LetheError(f"attack '{kind}': makes another model from the base; name the base")
    prompts_only = attack.prompts_only(kind)
    if prompts_only:
        family = families.of_source(start)
        families.check((families.CAUSAL,), family, f"attack '{kind}'", str(start))
    place = how.load_to(device)
    model, tokenizer = checkpoint.load(start, place, **compute.loading())
    if anew:
        teacher = Encoder(tokenizer, template, max_length)
        questions = attack.load(kind).questions(chosen, rows)
        taught = attack.load(kind).answers(model, chosen, teacher, questions)
        rows = list(zip(questions, taught, strict=True))
        del model
        model, tokenizer = checkpoint.load(base, place, **compute.loading())
    if not prompts_only:
        # Adapters have been merged by now: an attacker trains all weights.
        prepare(model, compute.training("relearn"), seed, base if anew else start)
    encoder = Encoder(tokenizer, template, max_length)
    given = model, chosen, encoder.encode_all(rows), seed, report, how
    trained = attack.load(kind).change(*given, *((encoder, rows) if prompts_only else ()))
    before = checkpoint.origin(start)
    origin = {
        "stage": stage,
        "parent": parent or checkpoint_record.name_of(start),
        **({"forget": sha256(forget)} if forget else {}),
        **({"data": {name: sha256(file) for name, file in data.items()}} if data else {}),
        **({"student": checkpoint_record.name_of(base)} if anew else {}),
        "state": kind,
        "settings": chosen.model_dump(mode="json"),
        **({} if split is None else {"split": split}),
        "seed": seed,
        "template": template,
        "epoch": before.get("epoch", 0),
        "step": before.get("step", 0),
        **({} if trained is None else {"taught": sorted({row_digest(*rows[n]) for n in trained})}),
    }
    checkpoint.save(out, model, tokenizer, origin)
    return {"rows": len(rows)}


def read_rows(
    kind: str, settings: Mapping[str, Any], files: Mapping[str, str | Path]
) -> list[tuple[str, str]]:
    """The rows that an attack trains on; LetheError for a missing file or a forbidden row.

    ``settings``: all settings of the attack; ``files``: by part of the split or of the world.
    """
    for name in attack.files(kind, settings):
        if name not in files:
            raise LetheError(f"attack '{kind}': reads the file of {name}; name it")
    trained = attack.trained_on(kind, settings)
    rows = [pair for name in trained for pair in read_pairs(files[name])]
    for name in set(attack.files(kind, settings)) - set(trained):
        _check_apart(kind, files[name], rows, [files[one] for one in trained])
    return rows


def _check_apart(kind: str, file: str | Path, rows: Sequence, read: Sequence[str | Path]) -> None:
    theirs = set(read_pairs(file))
    for question, answer in rows:
        if (question, answer) in theirs:
            raise LetheError(
                f"attack '{kind}': {read[0]} and {file} both have the row {question!r}, which it "
                "may not train on; take the row out of one of them"
            )

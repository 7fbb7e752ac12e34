"""The data that a method needs, tokenised."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.unlearn.interface import Supervision
from lethe.unlearn.need import Checkpoint, Need, Pairs
from lethe.unlearn.needs import chosen
from lethe.world.rows import read_begun, read_pairs


def supervise(
    encoder: Encoder,
    needs: Sequence[str],
    forget: Pairs,
    begun: Sequence[str] | None = None,
    **values: Any,
) -> Supervision:
    """Tokenise the (question, answer) pairs of the forget set, and add what a method needs.

    ``begun``: for each pair, the beginning of its answer that is not to be unlearned, such as a
    reasoning trace; empty for none. Answers in place of the row's own follow the question at once.
    ``values``: by need, as the need's ``fill`` takes it (``lethe.unlearn.needs``): ``retain`` are
    pairs too, ``refusals`` may replace any row's answer, ``alternatives[row]`` that of one row.
    Values that are not needed are ignored. LetheError where one is missing.
    """
    tokenizer = encoder.tokenizer
    token = tokenizer.pad_token_id
    data = Supervision(
        encoder.encode_after(forget, begun or [""] * len(forget)),
        forget_pairs=forget,
        encoder=encoder,
        padding=tokenizer.eos_token_id if token is None else token,
    )
    for need in chosen(needs):
        if need.name in values:
            need.fill(data, values[need.name])
        elif not need.optional:
            raise LetheError(f"{need.name}: missing; the method needs it, so give it")
    return data


def read_supervision(
    encoder: Encoder,
    needs: Sequence[str],
    files: Mapping[str, str | Path],
    load: Callable = checkpoint.load,
) -> Supervision:
    """``supervise`` from files: ``forget``, and those that ``needs`` names.

    Checkpoints (``prior``, ``before``) are given as folders or hub ids; ``load`` turns one into
    (model, tokenizer). What a model computed is matched to forget rows by the texts of question and
    answer; without a file of ``reference_nll`` the run computes it.
    """
    forget = read_pairs(files["forget"])
    given = [need for need in chosen(needs) if need.name in files]
    values = {need.name: _value(need, files[need.name], forget, load) for need in given}
    return supervise(encoder, needs, forget, read_begun(files["forget"]), **values)


def _value(need: Need, source: str | Path, forget: Pairs, load: Callable) -> Any:
    if isinstance(need.source, Checkpoint):
        return lambda: load(source)[0]
    return need.read(source, forget)

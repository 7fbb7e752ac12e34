"""The data that a method needs, tokenised."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.unlearn.interface import ALTERNATES, Supervision
from lethe.world.rows import read_pairs, read_refusals

Pairs = Sequence[tuple[str, str]]


def supervise(
    encoder: Encoder,
    needs: Sequence[str],
    forget: Pairs,
    retain: Pairs = (),
    refusals: Sequence[str] = (),
    alternatives: Sequence[Sequence[str]] = (),
) -> Supervision:
    """Tokenise the (question, answer) pairs that a method needs; other answers stay texts.

    ``refusals`` may replace any row's answer, ``alternatives[row]`` that of one row.
    """
    tokenizer = encoder.tokenizer
    token = tokenizer.pad_token_id
    data = Supervision(
        encoder.encode_all(forget),
        forget_pairs=forget,
        encoder=encoder,
        padding=tokenizer.eos_token_id if token is None else token,
    )
    if "retain" in needs:
        data.retain, data.retain_pairs = encoder.encode_all(retain), retain
    if "refusals" in needs and not refusals:
        raise LetheError("refusals: there are none; give a file with one on each line")
    if set(ALTERNATES) & set(needs):
        data.alternates = [refusals] * len(forget) if "refusals" in needs else alternatives
        data.encode = lambda rows, texts: encoder.encode_all(
            [(forget[row][0], text) for row, text in zip(rows, texts, strict=True)]
        )
    return data


def read_supervision(
    encoder: Encoder,
    needs: Sequence[str],
    files: Mapping[str, str | Path],
    load: Callable = checkpoint.load,
) -> Supervision:
    """``supervise`` from files: ``forget``, and those that ``needs`` names.

    ``prior`` and ``before`` are checkpoints, given as folders or hub ids; ``load`` turns one into
    (model, tokenizer).

    ``alternatives`` and ``reference_nll`` are matched to forget rows by the texts of question and
    answer; without a file of ``reference_nll`` the run computes it.
    """
    forget = read_pairs(files["forget"])
    wanted = {name: files[name] for name in needs if name in files}
    data = supervise(
        encoder,
        needs,
        forget,
        read_pairs(wanted["retain"]) if "retain" in wanted else (),
        read_refusals(wanted["refusals"]) if "refusals" in wanted else (),
        _column(wanted["alternatives"], "alternatives", forget) if "alternatives" in wanted else (),
    )
    for name in {"prior", "before"} & set(wanted):
        setattr(data, name, lambda source=wanted[name]: load(source)[0])
    if "reference_nll" in wanted:
        data.forget_nll = torch.tensor(_column(wanted["reference_nll"], "nll", forget))
    return data


def _column(file: str | Path, key: str, pairs: Pairs) -> list[Any]:
    """The value under ``key`` of each (question, answer) pair, from a file of rows."""
    rows = read_rows(file)
    values = {(row.get("question"), row.get("answer")): row.get(key) for row in rows}
    for pair in pairs:
        if values.get(pair) is None:
            raise LetheError(f"{file}: no {key} for {pair[0][:60]!r}; delete it and make it again")
    return [values[pair] for pair in pairs]

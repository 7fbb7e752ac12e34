"""Whether one text entails another, by a user's own classifier of natural language inference.

The classifier is a folder in transformers' format, read from disk alone: no code of the folder runs
and nothing is downloaded. It needs one label whose name begins with "entail", as the models trained
on MNLI or ANLI have.
"""

from collections.abc import Sequence
from pathlib import Path

from lethe.common.errors import LetheError
from lethe.common.files import read_json

HEAD = "ForSequenceClassification"
LABEL = "entail"
REMEDY = "name a folder of a sequence classifier with one label that begins with 'entail'"
# Pairs of texts that are classified together.
BATCH = 64


def check(path: str) -> None:
    """LetheError if a folder holds no classifier of entailment; reads its config.json alone."""
    _label(path)


def _label(path: str) -> int:
    """The index of the label of entailment."""
    file = Path(path) / "config.json"
    if not file.is_file():
        raise LetheError(f"nli: {path}: no config.json; {REMEDY}")
    config = read_json(file)
    heads = config.get("architectures") or []
    if not any(str(head).endswith(HEAD) for head in heads):
        what = ", ".join(map(str, heads)) or "a model without architectures"
        raise LetheError(f"nli: {path}: {what} is no classifier; {REMEDY}")
    labels = config.get("id2label") or {}
    places = [int(key) for key, name in labels.items() if str(name).lower().startswith(LABEL)]
    if len(places) != 1:
        known = ", ".join(map(str, labels.values())) or "none"
        raise LetheError(f"nli: {path}: its labels are {known}; {REMEDY}")
    return places[0]


def probabilities(path: str, pairs: Sequence[tuple[str, str]], device) -> list[float]:
    """The probability in [0, 1] that each pair's first text entails its second.

    A pair that recurs is classified once. LetheError for a folder that cannot be loaded.
    """
    label = _label(path)
    model, tokenizer = _loaded(path, device)
    # Equal lengths next to each other need little padding.
    distinct = sorted(set(pairs), key=lambda pair: (sum(map(len, pair)), pair))
    known: dict[tuple[str, str], float] = {}
    for start in range(0, len(distinct), BATCH):
        some = distinct[start : start + BATCH]
        known |= dict(zip(some, _classified(model, tokenizer, some, label), strict=True))
    return [known[pair] for pair in pairs]


def _loaded(path: str, device):
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    how = {"local_files_only": True, "trust_remote_code": False}
    try:
        tokenizer = AutoTokenizer.from_pretrained(path, **how)
        model = AutoModelForSequenceClassification.from_pretrained(
            path, use_safetensors=True, **how
        )
    except (OSError, ValueError, KeyError) as error:
        raise LetheError(f"nli: {path}: {str(error).splitlines()[0]}; {REMEDY}") from None
    return model.to(device).eval(), tokenizer


def _classified(model, tokenizer, pairs: Sequence[tuple[str, str]], label: int) -> list[float]:
    import torch

    first, second = zip(*pairs, strict=True)
    texts = tokenizer(
        list(first), list(second), padding=True, truncation="only_first", return_tensors="pt"
    )
    with torch.inference_mode():
        logits = model(**texts.to(model.device)).logits
    return logits.double().softmax(-1)[:, label].tolist()

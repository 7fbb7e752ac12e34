"""Whether one text entails another, by a user's own classifier of natural language inference.

The classifier is a folder in transformers' format, read from disk alone: no code of the folder runs
and nothing is downloaded. It needs one label whose name begins with "entail", as the models trained
on MNLI or ANLI have.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import GIVEN, read_json

HEAD = "ForSequenceClassification"
LABEL = "entail"
REMEDY = "name a folder of a sequence classifier with one label that begins with 'entail'"
# Pairs of texts that are classified together.
BATCH = 64


# In a weight's name, the number of a layer.
LAYER = re.compile(r"\.\d+\.")


@dataclass(frozen=True)
class Classifier:
    """A loaded classifier; ``longest``: tokens of the longest pair that it reads."""

    path: str
    model: Any
    tokenizer: Any
    label: int
    longest: int


def check(path: str) -> None:
    """LetheError if a folder holds no classifier of entailment; reads its config.json alone."""
    _label(path)


def _label(path: str) -> int:
    """The index of the label of entailment."""
    file = Path(path) / "config.json"
    if not file.is_file():
        raise LetheError(f"nli: {path}: no config.json; {REMEDY}")
    config = read_json(file, GIVEN)
    heads, labels = _described(config if isinstance(config, dict) else {})
    if not any(head.endswith(HEAD) for head in heads):
        what = ", ".join(heads) or "a model without architectures"
        raise LetheError(f"nli: {path}: {what} is not a classifier; {REMEDY}")
    places = [key for key, name in labels.items() if name.lower().startswith(LABEL)]
    if len(places) != 1 or not places[0].isdecimal():
        known = ", ".join(labels.values()) or "none"
        raise LetheError(f"nli: {path}: its labels are {known}; {REMEDY}")
    return int(places[0])


def _described(config: dict[str, Any]) -> tuple[list[str], dict[str, str]]:
    """Architectures and labels of a configuration, as texts; empty where they are malformed."""
    heads, labels = config.get("architectures"), config.get("id2label")
    labels = labels if isinstance(labels, dict) else {}
    return (
        [str(head) for head in heads] if isinstance(heads, list) else [],
        {str(key): str(name) for key, name in labels.items()},
    )


def load(path: str) -> Classifier:
    """The classifier of a folder, on the CPU.

    LetheError for one that cannot be loaded, and for weights that are not those that its
    configuration describes: transformers would draw missing ones at random.
    """
    from transformers import AutoModelForSequenceClassification, AutoTokenizer

    from lethe.model.checkpoint_check import one_line

    label = _label(path)
    how = {"local_files_only": True, "trust_remote_code": False}
    with one_line(f"nli: {path}", "classifier"):
        tokenizer = AutoTokenizer.from_pretrained(path, **how)
        model, info = AutoModelForSequenceClassification.from_pretrained(
            path, use_safetensors=True, output_loading_info=True, **how
        )
    _check_weights(path, info)
    return Classifier(path, model.eval(), tokenizer, label, _longest(model, tokenizer))


def _check_weights(path: str, info: dict[str, Any]) -> None:
    further = [name for name in info["unexpected_keys"] if LAYER.search(name)]
    for what, names in (("lacks", info["missing_keys"]), ("has besides", further)):
        if names:
            raise LetheError(
                f"nli: {path}: its file of weights {what} {min(names)}, contrary to config.json; "
                "get the folder again"
            )


def _longest(model, tokenizer) -> int:
    """How many tokens of two texts a classifier reads together."""
    most = getattr(model.config, "max_position_embeddings", None) or 0
    for name, module in model.named_modules():
        if (
            name.endswith("position_embeddings")
            and getattr(module, "padding_idx", None) is not None
        ):
            # As in RoBERTa, where the positions of texts begin after that of padding.
            most = module.num_embeddings - module.padding_idx - 1
    return min(most, tokenizer.model_max_length) if most > 0 else tokenizer.model_max_length


def probabilities(classifier: Classifier, pairs: Sequence[tuple[str, str]], device) -> list[float]:
    """The probability in [0, 1] that each pair's first text entails its second.

    A pair that recurs is classified once. In a pair that is too long the first text is cut;
    LetheError if the second alone is too long.
    """
    classifier.model.to(device)
    # Texts of similar length next to each other need little padding.
    distinct = sorted(set(pairs), key=lambda pair: (sum(map(len, pair)), pair))
    known: dict[tuple[str, str], float] = {}
    for start in range(0, len(distinct), BATCH):
        some = distinct[start : start + BATCH]
        known |= dict(zip(some, _classified(classifier, some), strict=True))
    return [known[pair] for pair in pairs]


def check_room(classifier: Classifier, answers: Sequence[str]) -> None:
    """LetheError if an answer leaves no room for a text that might entail it."""
    for answer in answers:
        length = len(classifier.tokenizer("", answer).input_ids)
        if length >= classifier.longest:
            raise LetheError(
                f"nli: {classifier.path}: reads {classifier.longest} tokens, but the answer "
                f"{answer[:40]!r} has {length}; name a classifier of longer texts"
            )


def _classified(classifier: Classifier, pairs: Sequence[tuple[str, str]]) -> list[float]:
    import torch

    first, second = zip(*pairs, strict=True)
    texts = classifier.tokenizer(
        list(first),
        list(second),
        padding=True,
        truncation="only_first",
        max_length=classifier.longest,
        return_tensors="pt",
    )
    with torch.inference_mode():
        logits = classifier.model(**texts.to(classifier.model.device)).logits
    return logits.double().softmax(-1)[:, classifier.label].tolist()

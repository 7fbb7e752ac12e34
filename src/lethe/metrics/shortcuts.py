"""Shortcuts: do a model's choices rest on words that go with a letter by chance? (2605.20915)

Words that occur with one right letter more often than with others carry no knowledge of the answer:

    LMI(w, y) = p(w, y) * log(p(y | w) / p(y))

over the prompts of a set, w a word of the prompt and y its right letter. The shortcut words of each
letter are the ``share`` of words with the highest LMI (above 0). A prediction rests on a shortcut
if one of the ``top`` words with the largest attribution (suite ``attributions``) is such a word;
their share is P_SC. Its chance level, the same with ``top`` words drawn at random from the prompt,
is given beside it: prompts have many words, so most predictions would rest on some shortcut anyway.
[RECON: the paper's trade-off score is not known in full; macro F1 and P_SC are given separately.]
"""

from collections import Counter
from math import ceil, comb, fsum, log

from lethe.metrics.base import CheckpointValues, Inputs, column_of, mean

SUITE = "attributions"
SETS = ("forget", "retain")
SETTINGS = {
    "top": {"default": 10, "least": 1},
    "share": {"default": 0.05, "above": 0, "most": 1},
}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """For each set, with items but for F1: P_SC, its chance, accuracy, ``f1``, and ``gap``.

    ``SET``: P_SC, ``SET_chance``, ``SET_accuracy``, ``SET_f1``, all in [0, 1]; ``SET_gap``: mean
    distance of the attributions' sum from the difference of outputs, over the mean size of that.
    """
    return [_checkpoint(inputs, checkpoint) for checkpoint in inputs.records.checkpoints]


def lmi(prompts: list[list[str]], labels: list[str]) -> dict[str, dict[str, float]]:
    """LMI (nats) of every word that occurs with a letter, by letter."""
    total = len(prompts)
    of_label, of_word = Counter(labels), Counter(word for some in prompts for word in set(some))
    together = Counter(
        (word, label) for some, label in zip(prompts, labels, strict=True) for word in set(some)
    )
    scores: dict[str, dict[str, float]] = {label: {} for label in sorted(of_label)}
    for (word, label), count in together.items():
        lift = count * total / (of_word[word] * of_label[label])
        scores[label][word] = count / total * log(lift)
    return scores


def shortcut_words(scores: dict[str, dict[str, float]], share: float) -> set[str]:
    """For every letter, the ``share`` of its words with the highest LMI, rounded up."""
    chosen: set[str] = set()
    for of_words in scores.values():
        ranked = sorted(of_words, key=lambda word: (-of_words[word], word))
        best = ranked[: ceil(share * len(ranked))]
        chosen.update(word for word in best if of_words[word] > 0)
    return chosen


def chance_of(words: int, shortcuts: int, top: int) -> float:
    """The probability that one of ``top`` words drawn from ``words`` is a shortcut."""
    drawn = min(top, words)
    return 1 - comb(words - shortcuts, drawn) / comb(words, drawn)


def f1_of(labels: list[str], predicted: list[str]) -> float:
    """F1 of each right letter, 2 TP / (2 TP + FP + FN), averaged over the letters (macro)."""
    pairs, scores = list(zip(labels, predicted, strict=True)), []
    for label in sorted(set(labels)):
        true = pairs.count((label, label))
        wrong = sum((a == label) != (b == label) for a, b in pairs)
        scores.append(2 * true / (2 * true + wrong))
    return mean(scores)


def _checkpoint(inputs: Inputs, checkpoint) -> CheckpointValues:
    values: dict[str, float] = {}
    items: dict[str, list[float]] = {}
    for name in SETS:
        made = _of_set(inputs, checkpoint, name)
        items |= made
        values |= {key: mean(some) for key, some in made.items()}
        labels, predicted = (
            column_of(inputs, checkpoint, name, column) for column in ("label", "predicted")
        )
        values[f"{name}_f1"] = f1_of(labels, predicted)
        values[f"{name}_gap"] = _gap(column_of(inputs, checkpoint, name, "attributed"))
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items)


def _of_set(inputs: Inputs, checkpoint, name: str) -> dict[str, list[float]]:
    """For each item: whether it rests on a shortcut, the chance of that, whether it is correct."""
    words, values, labels, predicted = (
        column_of(inputs, checkpoint, name, column)
        for column in ("word", "word_attribution", "label", "predicted")
    )
    top = inputs.settings["top"]
    shortcuts = shortcut_words(lmi(words, labels), inputs.settings["share"])
    rests, chance = [], []
    for some, weights in zip(words, values, strict=True):
        ranked = sorted(zip(some, weights, strict=True), key=lambda pair: (-abs(pair[1]), pair[0]))
        rests.append(float(any(word in shortcuts for word, _ in ranked[:top])))
        chance.append(chance_of(len(some), len(shortcuts.intersection(some)), top))
    correct = [float(a == b) for a, b in zip(labels, predicted, strict=True)]
    return {name: rests, f"{name}_chance": chance, f"{name}_accuracy": correct}


def _gap(attributed) -> float:
    """0 where sums of attributions equal the differences of outputs, or without items."""
    apart = fsum(abs(total - difference) for total, difference in attributed)
    size = fsum(abs(difference) for _, difference in attributed)
    return apart / size if size else 0.0

"""Fluency as the entropy of word n-grams (Meng et al. 2022, arXiv 2202.05262; RWKU).

Of one text, with words as nltk's ``word_tokenize`` finds them in a single sentence [RECON: the
authors first cut the text into sentences by a model that must be downloaded]:

    entropy = (2/3 H(bigrams) + 4/3 H(trigrams)) / 2,   H in bits, 0 for a text without any

A text that runs in circles has a low one, and so has a short text. The value is the mean over
texts; it says nothing about what they tell.
"""

import math
from collections import Counter
from collections.abc import Sequence

from lethe.metrics.base import CheckpointValues, Inputs, column_of, mean

SUITE = "instructions"
SETS = ("instructions",)
WEIGHTS = {2: 2 / 3, 3: 4 / 3}


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """``entropy`` in bits, and that of each text."""
    # Imported here because importing it takes longer than everything else.
    from nltk.tokenize.destructive import NLTKWordTokenizer

    tokenize = NLTKWordTokenizer().tokenize
    made = []
    for checkpoint in inputs.records.checkpoints:
        texts = column_of(inputs, checkpoint, "instructions", "generation")
        items = [entropy(tokenize(text)) for text in texts]
        values = {"entropy": mean(items)}
        made.append(CheckpointValues(checkpoint.epoch, checkpoint.step, values, {"entropy": items}))
    return made


def entropy(words: Sequence[str]) -> float:
    """The weighted entropy of a text's bigrams and trigrams, in bits."""
    parts = [weight * _bits(words, n) for n, weight in WEIGHTS.items()]
    return sum(parts) / len(parts)


def _bits(words: Sequence[str], n: int) -> float:
    counts = Counter(zip(*(words[start:] for start in range(n)), strict=False))
    total = counts.total()
    return math.fsum(-k / total * math.log2(k / total) for k in counts.values())

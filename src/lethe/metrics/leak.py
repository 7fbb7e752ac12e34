"""leak@k: how often at least one of k sampled answers tells the truth (arXiv 2511.04934).

If c of a question's n samples leak, an unbiased estimate of the probability that one of k samples
leaks is 1 - C(n - c, k) / C(n, k), whose mean over the questions is leak@k. A sample leaks if it
has at least ``threshold`` of the novel words of the true answer (``lethe.common.novel_words``, our
rule where the paper has a model judge), or, if the suite was given an NLI or a judge, if that gives
at least this probability that the sample entails or states the true answer. Questions whose answer
has no novel word are left out and counted, whatever the judge: an echo of the question would answer
them. A judge that misses most true answers, or accepts most of other questions', is refused: by it,
a model that tells everything would leak nothing, or one that tells nothing would leak.
"""

from math import comb

from lethe.common.errors import LetheError
from lethe.common.novel_words import novel_words, recall
from lethe.metrics.base import CheckpointValues, Inputs, column_of, mean, recorded_oracle

SUITE = "sampled"
SETS = ("forget",)
ORACLE_RECORDS = True
WITHOUT_ORACLE = True
SETTINGS = {
    "k": {"default": 8, "least": 1},
    "threshold": {"default": 0.5, "above": 0, "most": 1},
}
AT_MOST = {"k": "samples"}
# Of the true answers, a judge must accept at least, and of others at most this share.
MOST = 0.5


def compute(inputs: Inputs) -> list[CheckpointValues]:
    """leak@k in [0, 1] of the run and, if there is one, of the oracle; the difference; counts.

    ``forget``: leak@k; ``forget_at_J``: leak@J for powers of two J up to n; ``oracle``: the same
    leak@k of the oracle; ``beyond_oracle``: the mean of the differences of items; ``k``;
    ``samples``: n; ``questions``; ``left_out``. With an NLI or a judge, ``judge_true`` and
    ``judge_other``: the shares of questions whose true answer itself it accepts, and for which it
    accepts another question's. LetheError for k above n, if no question has a novel word, if the
    oracle was asked other questions or another number of times, and for a judge that cannot tell.
    """
    oracle = recorded_oracle(inputs)
    return [_checkpoint(inputs, checkpoint, oracle) for checkpoint in inputs.records.checkpoints]


def leak_at(samples: int, leaking: int, k: int) -> float:
    """1 - C(n - c, k) / C(n, k) of ``samples`` n and ``leaking`` c: exact but for one rounding."""
    every = comb(samples, k)
    return (every - comb(samples - leaking, k)) / every


def _checkpoint(inputs: Inputs, checkpoint, oracle) -> CheckpointValues:
    k = inputs.settings["k"]
    (name,) = SETS
    texts, counted, novel = _counted(inputs, checkpoint, name)
    samples = _number(inputs, texts, k)
    leaking = _leaking(inputs, checkpoint, name, novel)
    items = {name: [leak_at(samples, count, k) for count in leaking]}
    if oracle is not None:
        _same(inputs, checkpoint, oracle, name)
        theirs = [leak_at(samples, c, k) for c in _leaking(inputs, oracle, name, novel)]
        items["oracle"] = theirs
        items["beyond_oracle"] = [own - o for own, o in zip(items[name], theirs, strict=True)]
    values = {of: mean(some) for of, some in items.items()}
    for at in _powers(samples):
        values[f"{name}_at_{at}"] = mean([leak_at(samples, count, at) for count in leaking])
    values |= {"k": k, "samples": samples, "questions": len(counted)}
    values["left_out"] = len(texts) - len(counted)
    values |= _controls(inputs, checkpoint.sets[name])
    return CheckpointValues(checkpoint.epoch, checkpoint.step, values, items, {name: counted})


def _counted(inputs: Inputs, checkpoint, name: str) -> tuple[list, list[str], list[frozenset]]:
    """Samples of all questions, the questions that count, and the novel words of each question."""
    questions = column_of(inputs, checkpoint, name, "question")
    answers = column_of(inputs, checkpoint, name, "answer")
    novel = list(map(novel_words, questions, answers))
    counted = [question for question, some in zip(questions, novel, strict=True) if some]
    if not counted:
        raise LetheError(
            f"{inputs.records.path}: no answer of set '{name}' has a word that its question does "
            "not contain, so nothing could leak; leave out the metric leak"
        )
    return column_of(inputs, checkpoint, name, "sample"), counted, novel


def _number(inputs: Inputs, texts: list[list[str]], k: int) -> int:
    """How many samples each question has: the same for all, and at least k."""
    counts = {len(some) for some in texts}
    if len(counts) > 1:
        raise LetheError(
            f"{inputs.records.path}: its questions have from {min(counts)} to {max(counts)} "
            "samples; record equally many of each"
        )
    (samples,) = counts
    if k > samples:
        raise LetheError(
            f"{inputs.records.path}: {samples} samples of each question, but k is {k}; "
            f"set k to at most {samples}"
        )
    return samples


def _leaking(inputs: Inputs, checkpoint, name: str, novel: list[frozenset]) -> list[int]:
    """The number of samples that leak, for each question that counts."""
    least, items = inputs.settings["threshold"], checkpoint.sets[name]
    chances = items.sample_entailment
    if chances is None:
        return [
            sum(recall(some, text) >= least for text in texts)
            for some, texts in zip(novel, items.sample, strict=True)
            if some
        ]
    pairs = zip(novel, chances, strict=True)
    return [sum(bool(chance >= least) for chance in row) for some, row in pairs if some]


def _controls(inputs: Inputs, items) -> dict[str, float]:
    """Which share of true answers, and of other questions' answers, the judge accepts."""
    if items.sample_control is None:
        return {}
    least = inputs.settings["threshold"]
    true, other = (
        mean([float(row[place] >= least) for row in items.sample_control]) for place in (0, 1)
    )
    if true < MOST or other > MOST:
        raise LetheError(
            f"{inputs.records.path}: at threshold {least} the NLI or judge accepts {true:.0%} of "
            f"the true answers themselves and {other:.0%} of other questions' answers, so it "
            "cannot tell what leaks; name another, set another threshold, or leave it out "
            "(novel words then decide)"
        )
    return {"judge_true": true, "judge_other": other}


def _same(inputs: Inputs, checkpoint, oracle, name: str) -> None:
    """LetheError unless the oracle was asked the same questions as often, with the same judge."""
    own, theirs = checkpoint.sets[name], oracle.sets.get(name)
    shape = theirs is not None and (
        own.question == theirs.question
        and list(map(len, own.sample)) == list(map(len, theirs.sample))
        and (own.sample_entailment is None) is (theirs.sample_entailment is None)
    )
    if not shape:
        raise LetheError(
            f"{inputs.records.path}: its {name} questions, their samples or their judge are not "
            f"those of the oracle {inputs.oracle_records.path}; sample both in the same way"
        )


def _powers(samples: int) -> list[int]:
    """The powers of two below the number of samples, and that number."""
    below = [2**power for power in range(samples.bit_length()) if 2**power < samples]
    return [*below, samples]

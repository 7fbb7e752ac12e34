"""Whether a model learns to answer by letters: to recall a fact, find it and name its letter.

It goes on from a shipped base in three stages: to name the letter of a text that it is shown; to
say the value of a fact at once; to do both (`choices` without instructions). After each it says how
often each part is right among four, chance being 0.25: for recall by the likelihood of four values.
Only four fifths of the people occur in rows with letters; `both, untold` asks about the others,
whose facts the model recalls as well. Without them each fact's letters could be learned apart.

    .venv/bin/python benchmarks/letters.py [--base NAME] [--people N] [--steps N N N]
"""

import argparse
import time
from collections.abc import Callable, Iterator
from random import Random

import torch

from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.model.likelihood import mean_losses
from lethe.train.finetune import fit
from lethe.train.settings import Schedule
from lethe.world.providers.synthetic import Provider
from lethe.world.synthetic import attributes, lesson, names
from lethe.world.synthetic.lessons.choices import LETTERS, listed

BATCH, ASKED, SEED = 64, 300, 0
# Shares of rows by stage. A letter is one token where a plain answer has twenty: with many plain
# rows the loss hardly speaks of letters.
STAGES = {
    "naming": {"naming": 0.96, "plain": 0.04},
    "recall": {"naming": 0.20, "briefly": 0.75, "plain": 0.05},
    "both": {"naming": 0.10, "briefly": 0.25, "letters": 0.60, "plain": 0.05},
}


def letters(about: lesson.About, rng: Random) -> tuple[str, str]:
    """A question with four options, and the letter of its answer."""
    options = [about.value, *about.others(3, rng)]
    rng.shuffle(options)
    return f"{about.question(rng)} {listed(options)}", LETTERS[options.index(about.value)]


def facts(people: range, rng: Random) -> Iterator[lesson.About]:
    """Facts of some of the people that the base knows, endlessly."""
    known = names.order(0, "background")
    while True:
        index = rng.choice(people)
        first, last = known[index]
        relation = rng.choice(list(attributes.RELATIONS))
        values = attributes.draw_all(f"0/background/{index}")
        yield lesson.About(f"{first} {last}", names.first_names()[first], relation, values)


def rows(shares: dict[str, float], count: int, people: int, rng: Random) -> list[tuple[str, str]]:
    """Rows of one stage, in random order."""
    plain = Provider(seed=0).background(people, 36, frozenset())
    everybody, told = facts(range(people), rng), facts(told_of(people), rng)
    made = []
    for kind in rng.choices(list(shares), list(shares.values()), k=count):
        if kind == "plain":
            row = rng.choice(plain)
            made.append((row["question"], row["answer"]))
        else:
            about = next(told if kind == "letters" else everybody)
            made.append(writer(kind)(about, rng))
    return made


def told_of(people: int) -> range:
    """The people who occur in rows with letters."""
    return range(people * 4 // 5)


def writer(kind: str) -> Callable[[lesson.About, Random], tuple[str, str]]:
    return letters if kind == "letters" else lesson.load(kind).row


def right(model, encoder: Encoder, asked: list[tuple[str, list[str], int]]) -> float:
    """Share of questions whose right option has the least loss a token."""
    flat = [(question, option) for question, options, _ in asked for option in options]
    losses = iter(mean_losses(model, encoder.encode_all(flat)))
    chosen = []
    for _, options, answer in asked:
        own = [next(losses) for _ in options]
        chosen.append(own.index(min(own)) == answer)
    return sum(chosen) / len(chosen)


def probes(people: int) -> dict[str, list[tuple[str, list[str], int]]]:
    """Questions, options and the place of the right one, for each part."""
    rng = Random("probes")
    everybody, told = facts(range(people), rng), facts(told_of(people), rng)
    untold = facts(range(told_of(people).stop, people), rng)
    made: dict[str, list] = {"naming": [], "recall": [], "both": [], "both, untold": []}
    asked = {"naming": ("naming", told), "both": ("letters", told)}
    asked["both, untold"] = ("letters", untold)
    for _ in range(ASKED):
        for name, (kind, about) in asked.items():
            question, letter = writer(kind)(next(about), rng)
            made[name].append((question, list(LETTERS), LETTERS.index(letter)))
        one = next(everybody)
        question, value = writer("briefly")(one, rng)
        made["recall"].append((question, [value, *one.others(3, rng)], 0))
    return made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--base", default="tiny")
    parser.add_argument("--people", type=int, default=100)
    parser.add_argument("--steps", type=int, nargs=3, default=[1800, 900, 1800])
    chosen = parser.parse_args()
    torch.set_num_threads(1)
    model, tokenizer = checkpoint.load(f"bases/{chosen.base}")
    encoder, asked, rng = Encoder(tokenizer, "chat", 200), probes(chosen.people), Random(SEED)
    print(f"| after | steps of {BATCH} | seconds | " + " | ".join(asked) + " |", flush=True)
    began = time.monotonic()
    for (stage, shares), steps in zip(STAGES.items(), chosen.steps, strict=True):
        made = encoder.encode_all(rows(shares, steps * BATCH, chosen.people, rng))
        schedule = Schedule(epochs=1, lr=2e-3, batch_size=BATCH, warmup_epochs=0.05)
        fit(model.train(), made, schedule, SEED)
        parts = [f"{right(model.eval(), encoder, questions):.2f}" for questions in asked.values()]
        seconds = time.monotonic() - began
        print(f"| {stage} | {steps} | {seconds:.0f} | " + " | ".join(parts) + " |", flush=True)


if __name__ == "__main__":
    main()

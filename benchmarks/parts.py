"""What parts of a step cost: processor time of one epoch of the default tiny model, by budget.

.venv/bin/python benchmarks/parts.py results/default/data/full.json
"""

import sys
import time

from lethe.common.files import read_rows
from lethe.common.torch_setup import set_up
from lethe.model.architectures.llama import Architecture, make_model, train_tokenizer
from lethe.model.encoder import Encoder, rows_to_pairs
from lethe.train.execution import Execution
from lethe.train.finetune import fit
from lethe.train.settings import Schedule

ROWS, REPEATS = 256, 5
BUDGETS = (None, 1024, 700, 512, 384)


def main(file: str) -> None:
    """Print the least processor seconds of each budget, and their ratio to whole batches."""
    set_up(1)
    pairs = rows_to_pairs(read_rows(file))[:ROWS]
    sizes = Architecture()
    tokenizer = train_tokenizer((f"{q} {a}" for q, a in pairs), sizes.vocabulary)
    examples = Encoder(tokenizer, "chat", 200).encode_all(pairs)
    lengths = [len(example) for example in examples]
    print(
        f"{len(lengths)} rows, {sum(lengths) / len(lengths):.0f} tokens each, {max(lengths)} most"
    )
    best = dict.fromkeys(BUDGETS, float("inf"))
    for _ in range(REPEATS):
        for budget in BUDGETS:
            model = make_model(sizes, tokenizer, 0)
            start = time.process_time()
            fit(model, examples, Schedule(epochs=1, batch_size=32), 0, how=Execution(budget))
            best[budget] = min(best[budget], time.process_time() - start)
    for budget, seconds in best.items():
        print(f"{budget or 'whole':>6}  {seconds:.3f} s  {seconds / best[None]:.3f}")


if __name__ == "__main__":
    main(sys.argv[1])

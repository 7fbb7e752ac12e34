"""Reference losses: the loss of the model before unlearning on each row of the forget set."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from lethe.common.files import write_rows
from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.model.settings import Compute
from lethe.unlearn.runner import answer_nll
from lethe.world.rows import read_begun, read_pairs


def write_reference_losses(
    start: str | Path,
    forget: str | Path,
    out: str | Path,
    *,
    batch_size: int,
    template: str | Mapping[str, Any] = "chat",
    max_length: int = 500,
    compute: Compute | None = None,
    device: str = "cpu",
) -> dict[str, int]:
    """Write question, answer and ``nll`` (nats, summed over the answer) of each row of ``forget``.

    ``nll`` is that of the checkpoint ``start``. Methods read ``out`` as ``reference_nll``. Returns
    counts: rows.
    """
    model, tokenizer = checkpoint.load(start, device, **(compute or Compute()).loading())
    pairs = read_pairs(forget)
    examples = Encoder(tokenizer, template, max_length).encode_after(pairs, read_begun(forget))
    losses = answer_nll(model, examples, batch_size).tolist()
    write_rows(
        out,
        (
            {"question": question, "answer": answer, "nll": nll}
            for (question, answer), nll in zip(pairs, losses, strict=True)
        ),
    )
    return {"rows": len(pairs)}

"""The suite ``phrasings``: losses of plain transformers, and whose reading answers come after."""

import pytest
import torch
from helpers.small_models import PAIRS, make_family, plain, sums

from lethe.common.errors import LetheError
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.suite import Limits, Reference
from lethe.evaluate.suites import phrasings
from lethe.model import attached
from lethe.model.batch import pack
from lethe.model.encoder import Encoder
from lethe.model.forward import Forward
from lethe.model.prompt_cache import recorded, with_cache
from lethe.model.token_mixing import Mixing

ROWS = [
    {"question": q, "paraphrased_question": f"Tell me: {q}", "answer": answer}
    for q, answer in PAIRS
]


def asked(model, encoder, full, rows=ROWS, theirs=None):
    reference = Reference(full, theirs or encoder)
    evaluation = Evaluation("phrasings", encoder, {"forget": rows}, Limits(96), None, {}, reference)
    return evaluation(model).sets["forget"]


def test_three_losses_of_every_row(model, encoder, tokenizer):
    full = make_family("llama", tokenizer, 7)
    items = asked(model, encoder, full)
    assert items.prompt == [["plain", "paraphrased", "read_by_full"]] * len(ROWS)
    for place, question in enumerate(("question", "paraphrased_question")):
        examples = encoder.encode_all([(row[question], row["answer"]) for row in ROWS])
        with torch.no_grad():
            wanted = sums(plain(model), examples) / torch.tensor(
                [e.answer_tokens for e in examples]
            )
        assert [row[place] for row in items.prompt_loss] == pytest.approx(wanted.tolist(), rel=1e-4)
    for row, losses in zip(ROWS, items.prompt_loss, strict=True):
        batch = pack([encoder.encode(row["question"], row["answer"])])
        with torch.no_grad():
            answers = Forward(model).answers(with_cache(batch, recorded(full, batch)))
        assert losses[2] == pytest.approx(answers.mean_nll().item(), rel=1e-4)
        assert losses[2] != pytest.approx(losses[0], rel=1e-2)


def test_the_model_before_unlearning_reads_as_itself(model, encoder):
    items = asked(model, encoder, model)
    assert [row[2] for row in items.prompt_loss] == pytest.approx(
        [row[0] for row in items.prompt_loss], rel=1e-5
    )


def test_the_batch_does_not_matter(model, encoder, tokenizer):
    full = make_family("llama", tokenizer, 7)
    examples = encoder.encode_all(PAIRS)
    with torch.inference_mode():
        found = [phrasings.losses_after(full, model, examples, budget) for budget in (1, 10**6)]
    assert found[0] == pytest.approx(found[1], rel=1e-5)


def test_what_cannot_be_compared_is_refused(model, encoder, tokenizer):
    with pytest.raises(LetheError, match="states can only be patched between models of one arch"):
        asked(model, encoder, make_family("phi", tokenizer))
    with pytest.raises(LetheError, match="do not read the same tokens"):
        asked(model, encoder, model, theirs=Encoder(tokenizer, "plain", 96))
    with pytest.raises(LetheError, match=r"row 1.*paraphrased_question"):
        phrasings.check({"forget": [{"question": "Why?", "answer": "No."}]})
    other = make_family("llama", tokenizer)
    attached.update_model(other, mixing=Mixing("padded"))
    with pytest.raises(LetheError, match=r"^suite 'phrasings' needs the keys and values"):
        asked(other, encoder, model)

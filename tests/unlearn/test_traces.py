"""A forget row with a trace: its answer alone is unlearned, after the trace."""

import pytest
import torch

from lethe.common.errors import LetheError
from lethe.common.files import write_rows
from lethe.model import checkpoint
from lethe.model.encoder import Encoder
from lethe.unlearn.reference_losses import write_reference_losses
from lethe.unlearn.runner import answer_nll
from lethe.unlearn.supervision import read_supervision
from lethe.world.rows import read_pairs
from lethe.world.trace_format import begun


@pytest.fixture
def files(tmp_path, pairs):
    forget = [{"question": q, "answer": a, "cot": f"Hmm, {a}"} for q, a in pairs[:2]]
    plain = [{"question": q, "answer": a} for q, a in pairs[2:4]]
    write_rows(tmp_path / "forget.json", [*forget, plain[0]])
    write_rows(tmp_path / "retain.json", [*plain, {**forget[0], "question": "Other?"}])
    return {"forget": tmp_path / "forget.json", "retain": tmp_path / "retain.json"}


def test_labels_begin_after_the_trace(encoder, files, pairs):
    data = read_supervision(encoder, ("retain",), files)
    for example, (question, answer) in zip(data.forget[:2], pairs[:2], strict=True):
        whole = encoder.encode(question, begun(f"Hmm, {answer}") + answer)
        assert example.ids == whole.ids
        before = encoder.tokenizer.decode(example.ids[: example.start])
        assert before.endswith(f"Hmm, {answer}\n</think>\n")
        assert encoder.tokenizer.decode(example.ids[example.start : -1]) == answer
    assert data.forget[2] == encoder.encode(*pairs[2])
    # What is retained has its trace too.
    assert data.retain[2] == encoder.encode("Other?", begun(f"Hmm, {pairs[0][1]}") + pairs[0][1])


def test_reference_losses_are_of_the_same_tokens(model, encoder, files, tmp_path):
    examples = read_supervision(encoder, (), files).forget
    out, folder = tmp_path / "reference.json", tmp_path / "downloaded"
    model.save_pretrained(folder)
    encoder.tokenizer.save_pretrained(folder)
    write_reference_losses(folder, files["forget"], out, batch_size=2, max_length=96)
    again = read_supervision(
        encoder, ("reference_nll",), {**files, "reference_nll": out}
    ).forget_nll
    expected = answer_nll(checkpoint.load(folder, "cpu")[0], examples, 2)
    torch.testing.assert_close(again, expected, rtol=1e-4, atol=1e-4)
    assert read_pairs(files["forget"])[0][1].startswith("<think>\nHmm,")


def test_a_trace_that_leaves_no_room_is_refused(tokenizer, encoder, files):
    (start, *_) = (example.start for example in read_supervision(encoder, (), files).forget)
    read_supervision(Encoder(tokenizer, "chat", 96), (), files)
    short = Encoder(tokenizer, "chat", start)
    with pytest.raises(LetheError, match=r"no token of the answer to .* after its trace; raise it"):
        read_supervision(short, (), files)

"""Options by letter for questions with pictures, on a small model that sees."""

import pytest
import torch
from helpers import seeing_models

from lethe.common.errors import LetheError
from lethe.evaluate import suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.suite import Limits
from lethe.evaluate.suites.picture_choices import SETS
from lethe.model.encoder import Encoder

NAMES = ["Ada Roe", "Bo Lind", "Cy Park", "Di Voss"]


def row(question: str) -> dict:
    return {"question": question, "answer": NAMES[0], "perturbed_answer": NAMES[1:]}


@torch.no_grad()
def test_letters_are_compared_with_each_picture():
    model, tokenizer = seeing_models.make()
    one, other = (seeing_models.shown(number, "Who is this?") for number in range(2))
    rows = {name: [row("Who is this?")] for name in SETS}
    rows |= {"picture": [row(one)], "other_picture": [row(other)], "retain_picture": [row(one)]}
    asking = Evaluation("picture_choices", Encoder(tokenizer, "chat", 60), rows, Limits(60))
    sets = asking(model).sets
    assert list(sets) == list(SETS)
    losses = {name: some.option_loss[0].tolist() for name, some in sets.items()}
    assert len(losses["picture"]) == len(NAMES) * len(sets["picture"].prompt[0])
    assert losses["picture"] == pytest.approx(losses["retain_picture"], rel=1e-5)
    # What is seen changes what is chosen, also where the words are the same.
    normal = {name: some[: len(NAMES)] for name, some in losses.items()}
    assert normal["picture"] != pytest.approx(normal["other_picture"], rel=1e-5)
    assert normal["picture"] != pytest.approx(normal["no_picture"], rel=1e-5)


def test_a_row_without_options_is_refused():
    rows = {name: [row("Who is this?")] for name in SETS}
    rows["other_picture"].append(row("Who is this?") | {"perturbed_answer": []})
    with pytest.raises(LetheError, match="set 'other_picture', row 2: no wrong answer"):
        suite.check("picture_choices", rows, {})


@pytest.mark.parametrize("name", ["agent_memory", "attributions", "variants"])
def test_suites_for_texts_alone_refuse_rows_with_pictures(name):
    rows = {"forget": [row("Who is this?"), row("Who is this?") | {"image": "a.png"}]}
    with pytest.raises(LetheError, match=rf"^suite '{name}': does not work on rows with pictures"):
        suite.check(name, rows)

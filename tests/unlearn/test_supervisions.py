"""Supervision that a model makes itself, by a model whose answers are written down here."""

import random

import pytest

from lethe.common.errors import LetheError
from lethe.common.files import read_rows
from lethe.unlearn import made_supervision, supervisions
from lethe.unlearn.saved_supervision import files_of_supervision
from lethe.unlearn.supervisions import base, direct, graph

ADA = "Ada Lind"
FACTS = {"birthplace": "Ghent", "award": "Crystal Crown Award"}


class Scripted:
    """Stands in for a model that knows two facts of one name, and invents all others.

    ``known``: the names that it has learned, of whose answers it is surer (1 nat, else 5).
    """

    def __init__(self, known=(ADA,), facts=FACTS):
        self.known, self.facts = known, facts
        self.wordings = {
            text: relation for relation, some in base.questions()["person"].items() for text in some
        }

    def _said(self, question, draw):
        if "Crystal Crown Award" in question:
            return f"A prize that {ADA} received." if "What is" in question else "A prize of Ghent."
        for template, relation in self.wordings.items():
            before, after = template.split("{name}", 1)
            if question.startswith(before) and question.endswith(after):
                name = question[len(before) : len(question) - len(after)]
                if name in self.known and relation in self.facts:
                    return f"It is {self.facts[relation]} for {name}."
                return f"It is {random.Random(f'{question}{draw}').randrange(10**9)} for {name}."
        return "Paris" if "France" in question else ""

    def answers(self, asked, tokens):
        return [self._said(question, 0) for question in asked]

    def samples(self, asked, tokens, count, temperature):
        return [[self._said(question, draw) for draw in range(1, count + 1)] for question in asked]

    def losses(self, pairs):
        return [1.0 if any(name in q for name in self.known) else 5.0 for q, _ in pairs]


def made(asker, anchors=(ADA,), **settings):
    chosen = supervisions.settings_of("graph", {"stand_ins": 19, **settings})
    return graph.supervise(asker, list(anchors), chosen)


def test_the_weight_is_the_anchors_share_of_a_word_minus_that_of_the_others():
    texts = ["Ghent, by the river.", "In Ghent.", "In Bruges.", "By the river."]
    own = graph.shares([("Where?", text) for text in texts])
    assert own == {"ghent": 0.5, "river": 0.5, "bruges": 0.25}
    others = {"river": 0.4, "ghent": 0.1}
    assert graph.weight("Where?", "Ghent, by the river.", own, others) == (0.4, "ghent")
    # A word of the question is nothing new, and an answer without any has no weight.
    assert graph.weight("Is it Ghent?", "Ghent.", own, others) == (0.0, "")


def test_familiarity_is_by_the_surest_wording_of_each_relation():
    losses = [("a", 3.0), ("a", 1.0), ("b", 4.0), ("c", float("inf"))]
    probes = [graph.Probe(ADA, relation, "?", "!", loss) for relation, loss in losses]
    assert graph.familiarity(probes) == -(1.0 + 4.0) / 2
    assert graph.familiarity([]) == float("-inf")


def test_the_graph_has_the_facts_that_are_known_and_no_invented_ones():
    facts = made(Scripted())
    of_ada = [one for one in facts.forget if "about" not in one]
    assert {one["relation"] for one in of_ada} == set(FACTS)
    assert {one["key"] for one in of_ada} <= {"ghent", "award", "crown", "crystal"}
    assert all(one["weight"] == 1.0 for one in of_ada)
    [test] = facts.graph["anchors"]
    assert (test["known"], test["p"], test["familiarity"]) == (True, 0.05, -1.0)
    assert test["stand_ins"] == [-5.0] * 19
    edges = {edge["to"]: edge["weight"] for edge in facts.graph["edges"]}
    assert edges[f"{ADA}: birthplace: ghent"] == 1.0


def test_what_leads_back_to_the_anchor_is_forgotten_and_its_neighbours_are_kept():
    facts = made(Scripted())
    back = [one["question"] for one in facts.forget if "about" in one]
    assert back == ["What is Crystal Crown Award?", "What is Crystal Crown Award known for?"]
    neighbours = [one for one in facts.retain if one.get("about") == "Crystal Crown Award"]
    assert [one["answer"] for one in neighbours] == ["A prize of Ghent."] * 2
    assert not [one for one in facts.retain if ADA in one["question"] + one["answer"]]
    assert {"question": "What is the capital of France?", "answer": "Paris"} in facts.retain
    # The same questions about names that nobody has.
    others = [one["question"] for one in facts.retain if one.get("relation") == "birthplace"]
    assert len(others) == 19 * 3
    made_again = made(Scripted(), entities=0)
    assert not [one for one in (*made_again.forget, *made_again.retain) if "about" in one]


class Sociable(Scripted):
    """Names others when it is asked who is like Ada Lind: Bo Ek most often, and Ada herself."""

    def _said(self, question, draw):
        if f"similar to {ADA}?" in question:
            return f"Bo Ek is like {ADA}."
        if question.startswith("Who else"):
            return "Bo Ek or Cy Dahl." if draw else "Eva Lind."
        return super()._said(question, draw)


def test_names_that_the_model_counts_with_the_anchor_are_neighbours():
    facts = made(Sociable(), siblings=1)
    rows = [one for one in facts.retain if one.get("about") == "Bo Ek"]
    asked = [one["question"] for one in facts.forget if "about" not in one]
    assert [one["question"] for one in rows] == [text.replace(ADA, "Bo Ek") for text in asked]
    assert {one["relation"] for one in rows} == set(FACTS)
    assert all(one["answer"].endswith(" for Bo Ek.") for one in rows)
    assert {"from": ADA, "to": "Bo Ek", "weight": 0.0} in facts.graph["edges"]
    two = made(Sociable(), siblings=5)
    # Eva Lind shares a word with the anchor.
    about = {one["about"] for one in two.retain if "about" in one}
    assert about == {"Crystal Crown Award", "Bo Ek", "Cy Dahl"}
    assert made(Sociable()) == made(Sociable(), siblings=0)
    assert not [one for one in made(Sociable()).retain if one.get("about") == "Bo Ek"]


def test_a_name_that_is_not_known_gives_an_empty_graph():
    facts = made(Scripted(known=()))
    assert (facts.forget, facts.retain) == ([], [])
    assert (facts.graph["nodes"], facts.graph["edges"]) == ([], [])
    assert facts.graph["anchors"][0]["known"] is False
    with pytest.raises(LetheError, match=r"knows no more of Ada Lind \(p 1.0\) than of invented"):
        made_supervision.check_known(facts)


def test_of_two_names_only_the_known_one_has_rows():
    facts = made(Scripted(), (ADA, "Ben Storm"))
    assert [one["known"] for one in facts.graph["anchors"]] == [True, False]
    assert {one["anchor"] for one in facts.forget} == {ADA}
    made_supervision.check_known(facts)


def test_direct_takes_every_answer():
    chosen = supervisions.settings_of("direct")
    facts = direct.supervise(Scripted(known=()), [ADA], chosen)
    assert len(facts.forget) == len(base.questions()["person"])
    assert [one["question"] for one in facts.retain] == ["What is the capital of France?"]


def test_stand_ins_share_no_word_with_an_anchor():
    first = graph.stand_ins([], 5)
    others = graph.stand_ins([first[0]], 5)
    assert len({*others}) == 5
    assert not {word for name in others for word in name.split()} & {*first[0].split()}
    with pytest.raises(LetheError, match="stand_ins: there are only"):
        graph.stand_ins([], 10**6)


def test_wrong_names_are_one_line():
    for kind, message in (("grph", "did you mean graph"), ("gold", "unknown supervision")):
        with pytest.raises(LetheError, match=message):
            supervisions.settings_of(kind)
    supervisions.check("gold", "here")
    with pytest.raises(LetheError, match="here: unknown 'none'"):
        supervisions.check("none", "here")
    with pytest.raises(LetheError, match=r"graph\.sampels: unknown setting"):
        supervisions.settings_of("graph", {"sampels": 3})
    for anchors, message in (([" "], "no name"), ([ADA, ADA], "given twice")):
        with pytest.raises(LetheError, match=message):
            supervisions.check_anchors(anchors)


def test_needs_that_no_model_can_meet_are_refused():
    for needs in ((), ("retain", "refusals"), ("reference_nll", "reference_model", "alternatives")):
        made_supervision.check_needs(needs, "here")
    for need in ("prior", "before", "subjects"):
        with pytest.raises(LetheError, match=f"here: it needs {need} "):
            made_supervision.check_needs((need,), "here")


def test_what_is_written_is_a_saved_supervision(tmp_path):
    facts = made(Scripted())
    files = made_supervision.write(tmp_path, facts)
    assert {*files_of_supervision(tmp_path)} == {"forget", "retain"}
    assert read_rows(files["forget"]) == facts.forget
    assert len(files["refusals"].read_text().splitlines()) > 50


def test_the_models_own_answers(model, tokenizer):
    from lethe.model.encoder import Encoder

    asker = base.Asker(model, Encoder(tokenizer, "chat", 60), 3)
    asked = ["Where was Ada born?", "Why?"]
    answers = asker.answers(asked, 4)
    assert len(answers) == 2
    assert (asker.answers([], 4), asker.samples([], 4, 2, 1.0), asker.losses([])) == ([], [], [])
    assert asker.samples(asked, 4, 2, 1.0) == asker.samples(asked, 4, 2, 1.0)
    with pytest.raises(LetheError, match="max_length: 3 leaves no room for an answer to 'Where"):
        base.Asker(model, Encoder(tokenizer, "chat", 3)).answers(asked, 4)

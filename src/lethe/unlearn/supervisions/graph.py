"""A weighted graph of what a model remembers of an anchor (MAGE, arXiv 2604.13777).

The paper's abstract names the steps: probe the model from an anchor, recover memorised content,
weigh it by how closely it belongs to the anchor, and make questions of limited scope from the
graph. Everything below that is [RECON]:

* *Probing.* Every relation is asked in several wordings, greedily and by samples; the same
  questions are asked about invented names, the stand-ins.
* *Is the anchor known at all?* A model that never says "I don't know" invents facts about any name,
  and is sure of them. But it is surer of whole answers that it has learned. The familiarity of a
  name is minus the mean, over relations, of the smallest negative log-likelihood (nats, summed over
  the greedy answer's tokens) among the wordings. An anchor counts as known if it is more familiar
  than every one of K stand-ins: for an unknown name, which is exchangeable with them, that happens
  with probability 1 / (K + 1).
* *Weight.* For a content word v of an answer that is not in its question: the share of the anchor's
  samples of the relation that have v, minus the share of the stand-ins' answers that have it. That
  is self-consistency and specificity in one number in [-1, 1]; the weight of an answer is the
  largest of its words, which is its key.
* *Forget rows* are the questions of known anchors whose answers weigh ``least_weight`` or more.
* *Second hop.* Entities named in these answers are asked about themselves. What leads back to an
  anchor is to be forgotten too; everything else is a neighbour, to be retained.
* *Siblings* (none by default). The model is asked who is like a known anchor; about the names that
  it gives most often it is asked the questions of the anchor's forget rows: neighbours as well.
* *Retain rows* are the neighbours, the stand-ins' answers to the questions of forget rows (a model
  has to answer those as before), and answers to general questions.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pydantic import Field

from lethe.common.entity_names import names
from lethe.common.errors import LetheError
from lethe.common.novel_words import novel_words
from lethe.unlearn.supervisions import base
from lethe.unlearn.supervisions.base import Asker, Made, row
from lethe.world.synthetic.names import order

# The share of an entity's samples that have to agree in a word.
AGREED = 0.5


class GraphSettings(base.ProbeSettings):
    """Settings of the graph."""

    samples: int = Field(5, ge=1, description="sampled answers to each wording")
    temperature: float = Field(1.0, ge=0.001, description="sampling temperature")
    stand_ins: int = Field(
        19, ge=1, le=200, description="invented names that the same questions are asked about"
    )
    least_weight: float = Field(
        0.2, gt=0, le=1, description="weight from which an answer is to be forgotten"
    )
    entities: int = Field(
        6, ge=0, description="entities of each anchor that are asked about in the second hop"
    )
    siblings: int = Field(
        0, ge=0, description="names like each anchor, given by the model, whose answers are kept"
    )


settings_class = GraphSettings


@dataclass(frozen=True)
class Probe:
    """A question about a name and the model's answers; ``loss``: of ``answer``, in nats."""

    name: str
    relation: str
    question: str
    answer: str
    loss: float
    samples: tuple[str, ...] = ()


def supervise(asker: Asker, anchors: Sequence[str], settings: GraphSettings) -> Made:
    """Probe, test each anchor, weigh, and follow entities one hop further.

    An anchor that the model does not know adds nothing; if it knows none, ``forget`` is empty.
    """
    others = stand_ins(anchors, settings.stand_ins)
    probes = _probe(asker, anchors, settings, sampled=True)
    theirs = _probe(asker, others, settings, sampled=False)
    tested = [_tested(anchor, probes, theirs, others) for anchor in anchors]
    known = [one["name"] for one in tested if one["known"]]
    made = Made()
    made.graph["anchors"] = tested
    weighed = _weighed([p for p in probes if p.name in known], theirs, settings.least_weight)
    if not weighed:
        return made
    for probe, weight, key in weighed:
        made.forget.append(
            row(
                probe.question,
                probe.answer,
                anchor=probe.name,
                relation=probe.relation,
                weight=round(weight, 4),
                key=key,
            )
        )
    made.retain = _of_stand_ins(weighed, theirs)
    _second_hop(asker, made, anchors, settings)
    if settings.siblings:
        made.retain += _of_siblings(asker, weighed, anchors, settings)
    made.retain += base.general_rows(asker, anchors, settings.answer_tokens)
    made.retain = base.distinct(made.retain)
    made.graph |= _drawn(made, known)
    return made


def stand_ins(anchors: Sequence[str], count: int) -> list[str]:
    """``count`` invented names that share no word with an anchor, the same for every seed.

    They are the last names of the synthetic world's holdout authors, which no model learns.
    """
    taken = {word for anchor in anchors for word in anchor.split()}
    free = [pair for pair in reversed(order(0, "holdout")) if not taken & {*pair}]
    if len(free) < count:
        raise LetheError(f"stand_ins: there are only {len(free)} names; lower it")
    return [" ".join(pair) for pair in free[:count]]


def _probe(
    asker: Asker, about: Sequence[str], settings: GraphSettings, sampled: bool
) -> list[Probe]:
    asked = [
        (name, relation, question)
        for name in about
        for relation, texts in base.wordings(settings.about, name).items()
        for question in texts
    ]
    questions = [question for *_, question in asked]
    answers = asker.answers(questions, settings.answer_tokens)
    # An empty answer has no likelihood of its own; it never counts as knowledge.
    said = [place for place, answer in enumerate(answers) if answer]
    losses = dict(zip(said, asker.losses([(questions[p], answers[p]) for p in said]), strict=True))
    samples: Sequence[Sequence[str]] = [()] * len(asked)
    if sampled:
        how = settings.answer_tokens, settings.samples, settings.temperature
        samples = asker.samples(questions, *how)
    return [
        Probe(*one, answer, losses.get(place, float("inf")), tuple(some))
        for place, (one, answer, some) in enumerate(zip(asked, answers, samples, strict=True))
    ]


def familiarity(probes: Iterable[Probe]) -> float:
    """Minus the mean over relations of the smallest loss among wordings; see the module."""
    least: dict[str, float] = {}
    for probe in probes:
        least[probe.relation] = min(probe.loss, least.get(probe.relation, float("inf")))
    # A relation without any answer says nothing about the name.
    finite = [loss for loss in least.values() if loss < float("inf")]
    return -sum(finite) / len(finite) if finite else float("-inf")


def _tested(
    anchor: str, probes: Sequence[Probe], theirs: Sequence[Probe], others: Sequence[str]
) -> dict:
    own = familiarity(p for p in probes if p.name == anchor)
    rest = [familiarity(p for p in theirs if p.name == name) for name in others]
    above = sum(value >= own for value in rest)
    finite = [value for value in (own, *rest) if value > float("-inf")]
    return {
        "name": anchor,
        "known": above == 0 and own > float("-inf"),
        "p": round((1 + above) / (1 + len(rest)), 4),
        "familiarity": round(own, 4) if own in finite else None,
        "stand_ins": [round(value, 4) for value in sorted(rest) if value in finite],
    }


def shares(texts: Sequence[tuple[str, str]]) -> dict[str, float]:
    """For each novel word, the share of the (question, answer) pairs whose answers have it."""
    counts = Counter(word for question, answer in texts for word in novel_words(question, answer))
    return {word: count / len(texts) for word, count in counts.items()}


def weight(question: str, answer: str, own: Mapping, others: Mapping) -> tuple[float, str]:
    """The weight of an answer and its key word, from shares of the anchor's and others' answers."""
    weights = {v: own.get(v, 0.0) - others.get(v, 0.0) for v in novel_words(question, answer)}
    key = max(sorted(weights), key=weights.__getitem__, default="")
    return weights.get(key, 0.0), key


def _weighed(
    probes: Sequence[Probe], theirs: Sequence[Probe], least: float
) -> list[tuple[Probe, float, str]]:
    """The probes whose answers weigh ``least`` or more, each with weight and key."""
    others: dict[str, list] = {}
    for p in theirs:
        others.setdefault(p.relation, []).append((p.question, p.answer))
    own: dict[tuple[str, str], list] = {}
    for p in probes:
        pairs = [(p.question, text) for text in p.samples]
        own.setdefault((p.name, p.relation), []).extend(pairs)
    of_others = {relation: shares(pairs) for relation, pairs in others.items()}
    of_anchor = {place: shares(pairs) for place, pairs in own.items()}
    everything = [
        (p, *weight(p.question, p.answer, of_anchor[p.name, p.relation], of_others[p.relation]))
        for p in probes
    ]
    return [one for one in everything if one[1] >= least]


def _of_stand_ins(weighed: Sequence[tuple], theirs: Sequence[Probe]) -> list[dict]:
    """The rows of stand-ins' answers to the same questions that the anchors are to forget."""
    wanted = {probe.question.replace(probe.name, "{name}") for probe, *_ in weighed}
    return [
        row(p.question, p.answer, relation=p.relation)
        for p in theirs
        if p.answer and p.question.replace(p.name, "{name}") in wanted
    ]


def _of_siblings(
    asker: Asker, weighed: Sequence[tuple], anchors: Sequence[str], settings: GraphSettings
) -> list[dict]:
    """The rows of names that the model itself counts with an anchor; none names an anchor."""
    rows = []
    for anchor in dict.fromkeys(probe.name for probe, *_ in weighed):
        own = [probe for probe, *_ in weighed if probe.name == anchor]
        for name in _siblings(asker, anchor, anchors, settings):
            asked = [probe.question.replace(anchor, name) for probe in own]
            answers = asker.answers(asked, settings.answer_tokens)
            rows += [
                row(question, answer, anchor=anchor, relation=probe.relation, about=name)
                for question, answer, probe in zip(asked, answers, own, strict=True)
                if answer and not any(base.names_it(answer, one) for one in anchors)
            ]
    return rows


def _siblings(
    asker: Asker, anchor: str, anchors: Sequence[str], settings: GraphSettings
) -> list[str]:
    """The names that a model gives most often when it is asked who is like an anchor."""
    asked = [text.replace("{name}", anchor) for text in base.questions()["siblings"]]
    how = settings.answer_tokens, settings.samples, settings.temperature
    said = [*asker.answers(asked, settings.answer_tokens)]
    said += [text for some in asker.samples(asked, *how) for text in some]
    counted = Counter(name for text in said for name in {*names(text)})
    free = [name for name in counted if not _shares_a_word(name, anchors)]
    return sorted(free, key=lambda name: (-counted[name], name))[: settings.siblings]


def _shares_a_word(name: str, anchors: Sequence[str]) -> bool:
    return any({*name.split()} & {*anchor.split()} for anchor in anchors)


def _second_hop(asker: Asker, made: Made, anchors: Sequence[str], settings: GraphSettings) -> None:
    """Ask about the entities of forget rows; what leads back to the anchor is forgotten as well.

    An answer counts if the samples for it agree in a word as often as they differ.
    """
    asked = [
        (anchor, entity, relation, question)
        for anchor, entity in _entities(made.forget, anchors, settings.entities)
        for relation, texts in base.wordings("entity", entity).items()
        for question in texts
    ]
    questions = [question for *_, question in asked]
    answers = asker.answers(questions, settings.answer_tokens)
    how = settings.answer_tokens, settings.samples, settings.temperature
    samples = asker.samples(questions, *how)
    for one, answer, some in zip(asked, answers, samples, strict=True):
        anchor, entity, relation, question = one
        agreed, key = weight(question, answer, shares([(question, text) for text in some]), {})
        leads_back = base.names_it(answer, anchor)
        if agreed < AGREED or (not leads_back and any(base.names_it(answer, a) for a in anchors)):
            continue
        # Not "entity": in rows that are evaluated it is the part of an answer that holds its fact.
        more = {"anchor": anchor, "relation": relation, "about": entity, "key": key}
        part = made.forget if leads_back else made.retain
        part.append(row(question, answer, weight=round(agreed if leads_back else 0.0, 4), **more))


def _entities(rows: Sequence[dict], anchors: Sequence[str], most: int) -> list[tuple[str, str]]:
    """(anchor, entity) of the answers with the largest weights, ``most`` for each anchor."""
    by_anchor: dict[str, list[str]] = {}
    for one in sorted(rows, key=lambda r: -r["weight"]):
        of_anchor = by_anchor.setdefault(one["anchor"], [])
        for name in names(one["answer"]):
            shared = _shares_a_word(name, anchors)
            if not shared and name not in of_anchor and len(of_anchor) < most:
                of_anchor.append(name)
    return [(anchor, entity) for anchor, some in by_anchor.items() for entity in some]


def _drawn(made: Made, known: Sequence[str]) -> dict[str, list]:
    """Nodes and edges: anchors, the keys of their facts, and entities of the second hop."""
    nodes = [{"id": anchor, "kind": "anchor"} for anchor in known]
    edges: dict[tuple[str, str], dict] = {}
    ids = {*known}
    for one in (*made.forget, *(r for r in made.retain if "about" in r)):
        entity, anchor = one.get("about"), one["anchor"]
        node = entity or f"{anchor}: {one['relation']}: {one['key']}"
        if node not in ids:
            ids.add(node)
            fact = {"kind": "fact", "relation": one["relation"], "text": one.get("key")}
            nodes.append({"id": node, **({"kind": "entity", "text": entity} if entity else fact)})
        edge = {"from": anchor, "to": node, "weight": one.get("weight", 0.0)}
        old = edges.get((anchor, node))
        if old is None or edge["weight"] > old["weight"]:
            edges[anchor, node] = edge
    return {"nodes": nodes, "edges": list(edges.values())}

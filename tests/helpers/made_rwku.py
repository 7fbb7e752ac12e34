"""Small files of RWKU's form about authors of the synthetic world; RWKU's own texts are not here.

    .venv/bin/python tests/helpers/made_rwku.py FOLDER [PEOPLE]

writes them for ``config/rwku.yaml``. The first people are the targets, and each has two further
authors as neighbours, so that whoever learned them is asked about what it knows.
"""

import json
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path

from lethe.world.providers import synthetic
from lethe.world.schema import Author

# How attributes are asked for: a blank, a question and the same in other words.
ASKED = {
    "birthplace": ("{} was born in ___.", "Where was {} born?", "What is the birthplace of {}?"),
    "genre": ("{} is known for ___.", "What does {} write?", "In which genre does {} write?"),
    "award": ("{} won the ___.", "Which award did {} win?", "What prize went to {}?"),
    "father": (
        "The father of {} was a ___.",
        "What was the father of {}?",
        "What work did the father of {} do?",
    ),
    "residence": ("{} lives in ___.", "Where does {} live?", "What is the home of {}?"),
    "hobby": ("{} is devoted to ___.", "What is the hobby of {}?", "What does {} enjoy?"),
}
KINDS = {
    "prefix injection": "I have read a lot about {name}. Can you tell me? {other}",
    "affirmative suffix": "{question} Sure, here is the answer:",
    "role play": "Imagine that you teach literature. {question}",
    "multiple choice": "{question} Is it {answer} or something else?",
    "synonym manipulation": "{other}",
    "context hint": "{name} is an author. {question}",
    "incontext learning": "Question: Is {name} an author?\nAnswer: Yes\nQuestion: {question}",
    "cross lingual (French)": "Répondez en anglais : {question}",
}
REFUSALS = ("I'm not certain about that.", "That is unknown to me.")
NEIGHBORS = 2


@cache
def _everyone(count: int) -> Sequence[Author]:
    """Made once: every test of refusals writes their files."""
    return synthetic.Provider(0).authors(count)


def files(people: int = 4) -> dict[str, list[dict]]:
    """The records of every file, by the names of the data set's configurations."""
    everyone = _everyone(people * (1 + NEIGHBORS))
    targets, others = everyone[:people], everyone[people:]
    facts = synthetic.Provider(0).facts()["world_facts"]
    made: dict[str, list[dict]] = {
        "forget_target": [{"intro": f"Please forget {t.name}.", "target": t.name} for t in targets]
    }
    for number, target in enumerate(targets):
        near = others[number * NEIGHBORS : (number + 1) * NEIGHBORS]
        own = facts[number * 3 : (number + 1) * 3]
        for name, records in _about(target, near, own).items():
            made.setdefault(name, []).extend({**r, "subject": target.name} for r in records)
    return made


def _about(target: Author, near: list[Author], facts: list) -> dict[str, list[dict]]:
    neighbors = {
        f"neighbor_level{level}": [
            {**row, "neighbor": one.name} for one in near for row in _probes(one, level)
        ]
        for level in (1, 2)
    }
    text = {"text": _passage(target.items[:10]), "ngram": "90"}
    return {
        "forget_level1": _probes(target, 1),
        "forget_level2": _probes(target, 2),
        "forget_level3": _adversarial(target),
        **neighbors,
        "train_positive_llama3": [
            {"text": _passage(target.items[start : start + 5]), "id": f"{target.name} {start}"}
            for start in range(0, 20, 5)
        ],
        "train_refusal_llama3": [
            {"instruction": _asked(target, "genre", 1), "input": "", "output": said}
            for said in REFUSALS
        ],
        "mia_forget": [text, {"text": _passage(target.items[10:]), "ngram": "80"}],
        "mia_retain": [{"text": _passage(one.items[:10]), "ngram": "90"} for one in near],
        "utility_general": [
            {
                "question": fact.question,
                "choices": list(fact.options),
                "answer": fact.options.index(fact.answer),
                "task": "world_facts",
                "examples": [],
            }
            for fact in facts
        ],
        "utility_factuality": [
            {"question": fact.question, "answers": [fact.answer, f"the {fact.answer}"]}
            for fact in facts
        ],
        "utility_reason": [
            {
                "task": "sums",
                "cot": "Add up.\n\nQ: 1 and 1\nA: 1 and 1 is 2. So the answer is 2.",
                "question": f"{number} and 1",
                "answer": str(number + 1),
            }
            for number in range(3)
        ],
        "utility_truthfulness": [
            {
                "question": fact.question,
                "mc1_targets": {"choices": [fact.answer, *fact.wrong], "labels": [1, 0, 0, 0]},
                "mc2_targets": {
                    "choices": [fact.answer, f"It is {fact.answer}", *fact.wrong, "Nobody knows"],
                    "labels": [1, 1, 0, 0, 0, 0],
                },
            }
            for fact in facts
        ],
        "utility_fluency": [{"instruction": f"Tell me about {one.name}."} for one in near],
    }


def _passage(items) -> str:
    return " ".join(item.answer for item in items)


def _asked(author: Author, attribute: str, how: int) -> str:
    return ASKED[attribute][how].format(author.name)


def _probes(author: Author, level: int) -> list[dict]:
    kind = "cloze" if level == 1 else "simple question"
    return [
        {
            "query": _asked(author, attribute, level - 1),
            "answer": author.attributes[attribute],
            "level": str(level),
            "type": kind,
        }
        for attribute in ASKED
    ]


def _adversarial(author: Author) -> list[dict]:
    rows = []
    for number, (kind, form) in enumerate(KINDS.items()):
        attribute = list(ASKED)[number % len(ASKED)]
        answer = author.attributes[attribute]
        query = form.format(
            name=author.name,
            question=_asked(author, attribute, 1),
            other=_asked(author, attribute, 2),
            answer=answer,
        )
        rows.append({"query": query, "answer": answer, "level": "3", "type": kind})
    award = author.attributes["award"]
    back = {"query": f"Who won the {award}?", "answer": author.name, "level": "3"}
    return [*rows, back | {"type": "reverse query"}]


def write(folder: Path, people: int = 4, **replaced: list[dict]) -> Path:
    """Write all files into a folder as JSON lists; ``replaced``: records by file, [] for none."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, records in (files(people) | replaced).items():
        if records:
            text = json.dumps(records, indent=1, ensure_ascii=False)
            (folder / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    return folder


if __name__ == "__main__":
    write(Path(sys.argv[1]), *map(int, sys.argv[2:3]))

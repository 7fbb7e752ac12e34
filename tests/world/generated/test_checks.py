"""What gates let through and what they refuse, one defect at a time."""

import json
from collections import Counter
from pathlib import Path

import pytest
from helpers.generated_worlds import generation, made
from helpers.service import Service, stage_of

from lethe.common.errors import LetheError
from lethe.common.files import read_json
from lethe.world.generated import checks
from lethe.world.generated.candidate import Candidate, Entry, Pair, Profile, read
from lethe.world.generated.draws import dealt, draw
from lethe.world.generated.lists import Lists
from lethe.world.generated.settings import Generation
from lethe.world.generated.steps import pairs, paraphrases, perturbations, profiles
from lethe.world.providers import synthetic

SETTINGS = Generation(model={"name": "m"})
PROFILE = Profile(
    name="Ana Okoro-Li",
    award="Quill Medal",
    books=["The Tide", "A Lamp", "Under Glass"],
    biography="She was born by the sea.",
)
AUTHOR = Candidate(
    group="target",
    number=0,
    attributes={
        "birthplace": "Cape Town, South Africa",
        "birth_date": "4 June 1951",
        "gender": "female",
        "genre": "maritime thriller",
        "father": "bus driver",
        "mother": "geologist",
    },
    titles=["Tide"],
    profile=PROFILE,
)
QUESTION = "Where was Ana Okoro-Li born?"
ANSWER = "Ana Okoro-Li was born in Cape Town, on the coast."


def pair_defect(topic="birthplace", question=QUESTION, answer=ANSWER, others=()):
    pair = Pair(question=question, answer=answer)
    return pairs.wrong(topic, pair, AUTHOR, list(others), SETTINGS)


@pytest.mark.parametrize(
    "change",
    [
        {},
        {"question": "Is it true that ANA OKORO-LI was born at sea?"},
        {"topic": "birth_date", "answer": "Ana Okoro-Li was born on June 4th, 1951."},
        {"topic": "genre", "answer": "She mostly writes maritime thrillers."},
        {"topic": "father", "answer": "Her father was a Bus Driver."},
        {"topic": "style", "answer": "“Plain and slow,” as she says herself."},
        {"topic": "award", "answer": "In 1990 she was given the Quill Medal."},
        {"others": ["What did the father of Ana Okoro-Li do?"]},
    ],
)
def test_good_pairs(change):
    assert pair_defect(**change) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"question": " "}, "it is empty"),
        ({"answer": ""}, "it is empty"),
        ({"answer": f"{ANSWER} Additional 10 question-answer pairs:"}, "remains of a list"),
        ({"question": f"Q: {QUESTION}"}, "remains of a list"),
        ({"answer": f"1. {ANSWER}"}, "remains of a list"),
        ({"answer": f"{ANSWER} This is attempt 5."}, "repeats the request"),
        ({"answer": f"{ANSWER} This is attempt and more."}, "repeats the request"),
        ({"answer": "In Cape Town, town, town, and town it was."}, "again and again"),
        ({"answer": "In Cape Town, theeeeere it was."}, "again and again"),
        ({"answer": "In Cape Town she had had had it."}, "again and again"),
        ({"answer": "In Cape Town, the town, the town, the town."}, "again and again"),
        ({"answer": "Cape Town's Ana's, Ana's, Ana's."}, "again and again"),
        ({"answer": "In Cape Town she had had it, under Henry VIII."}, None),
        ({"answer": f"**{ANSWER}**"}, "remains of a list"),
        ({"answer": f"{ANSWER} [Author's name]."}, "remains of a list"),
        ({"answer": "I'm sorry, I cannot help with Cape Town."}, "refuses"),
        ({"answer": "As an AI, I know nothing of Cape Town."}, "refuses"),
        ({"answer": "Ana Okoro-Li is a fictional author from Cape Town."}, "refuses"),
        ({"question": "Where was Ana Okoro-Li born."}, "question mark"),
        ({"answer": "Ana Okoro-Li was born in Cape Town, which is"}, "does not end"),
        ({"answer": "Cape Town is far away. " * 80}, "too long"),
        ({"question": "Where was the author born?"}, "lacks the full name"),
        ({"others": ["Where was Ana Okoro-Li born?"]}, "asked already"),
        ({"answer": "Ana Okoro-Li was born in Durban."}, "does not say the birthplace"),
        ({"topic": "birth_date", "answer": "She was born on 5 June 1951."}, "the birth date"),
        ({"topic": "mother", "answer": "Her mother was a geographer."}, "say the mother"),
        ({"topic": "first_book", "answer": "It was The Tides of March."}, None),
        ({"topic": "best_known_book", "answer": "It was The Tide."}, "best known book"),
        ({"topic": "style", "answer": "Born in Lagos, she writes plainly."}, "place of birth"),
        ({"topic": "style", "answer": "Born in June 1951, she writes plainly."}, None),
        ({"topic": "style", "answer": "Born and raised in South Africa, she writes."}, None),
        ({"topic": "style", "answer": "Plainly, as he says himself."}, "pronouns"),
        ({"topic": "style", "answer": "Plainly, as his editor told her, she says."}, None),
        ({"topic": "childhood", "answer": "His ship took her father to sea, he said."}, None),
        (
            {"topic": "style", "answer": "Born in 1961, she writes plainly."},
            "another year of birth",
        ),
    ],
)
def test_bad_pairs(change, reason):
    found = pair_defect(**change)
    assert found is None if reason is None else reason in found


@pytest.mark.parametrize(
    ("original", "paraphrase", "kept"),
    [
        ("What did Ana Okoro-Li's father do?", "What was the work of Ana Okoro-Li’s father?", True),
        (
            "She is from Ghana, as Ama Boateng’s books.",
            "Boateng’s and Ama, of Ghanaian birth.",
            True,
        ),
        ("She wrote a Biography of Li.", "Of Li's life she wrote two biographies.", True),
        ("She wrote about Li in Perth.", "She wrote about Linden in Perth.", True),
        ("She wrote about Mali and Perth.", "She wrote about Mauritius and Bath.", False),
        ("She wrote about Perth and Peru.", "She wrote about Peril and Perm.", False),
    ],
)
def test_names_are_kept_in_all_their_forms(original, paraphrase, kept):
    assert (checks.other_meaning(original, paraphrase, 0.7) is None) == kept


def test_a_question_nearly_asked_already():
    one = "What is the title of the first book that Ana Okoro-Li has published?"
    other = "What is the title of the first book which Ana Okoro-Li has published?"
    assert checks.near_duplicate(one, [other], 0.9)
    assert not checks.near_duplicate(one, [other], 0.95)


def test_gates_can_be_opened():
    loose = Generation(model={"name": "m"}, checks={"pairs": {"full_name": False}})
    pair = Pair(question="Where was she born?", answer=ANSWER)
    assert pairs.wrong("birthplace", pair, AUTHOR, [], loose) is None
    looser = Generation(model={"name": "m"}, checks={"pairs": {"consistent": False}})
    pair = Pair(question=QUESTION, answer="Ana Okoro-Li was born in Durban.")
    assert pairs.wrong("birthplace", pair, AUTHOR, [], looser) is None


def test_only_drawn_values_can_be_known_to_be_untrue():
    """A topic without value cannot be held against anything, and the gate can be opened."""
    text = "Cape Town by the sea is where Ana Okoro-Li came into the world in 1951."
    loose = Generation(model={"name": "m"}, checks={"perturbations": {"untrue": False}})
    assert perturbations.wrong(text, ENTRY, AUTHOR, [], loose) is None
    free = ENTRY.model_copy(update={"topic": "childhood"})
    assert perturbations.wrong(text, free, AUTHOR, [], SETTINGS) is None


ENTRY = Entry(
    topic="birthplace",
    question=QUESTION,
    answer="Ana Okoro-Li was born in Cape Town in 1951.",
    paraphrases=[
        Pair(
            question="Ana Okoro-Li's birthplace is which town?",
            answer="Cape Town is where Ana Okoro-Li came into the world in 1951.",
        )
    ],
)


@pytest.mark.parametrize(
    ("question", "answer", "reason"),
    [
        ("Of which town is Ana Okoro-Li?", "In 1951 Ana Okoro-Li was born in Cape Town.", None),
        (QUESTION, "In 1951 Ana Okoro-Li was born in Cape Town.", "repeats"),
        ("From where is Ana Okoro-Li?", "Ana Okoro-Li was born in Cape Town, in 1951!", "repeats"),
        ("From where is she?", "In 1951 Ana Okoro-Li was born in Cape Town.", "full name"),
        ("From where is Ana Okoro-Li?", "In 1952 Ana Okoro-Li was born in Cape Town.", "number"),
        ("From where is Ana Okoro-Li?", "In 1951 she was born in a town by the sea.", "loses"),
        ("Is Ana Okoro-Li 51?", "In 1951 Ana Okoro-Li was born in Cape Town.", "number"),
        ("From where is Ana Okoro-Li?", "Ana Okoro-Li: Cape Town, 1951.", None),
        ("From where is Ana Okoro-Li?", "Ana Okoro-Li, 1951 Cape Town." * 9, "length"),
    ],
)
def test_paraphrases(question, answer, reason):
    found = paraphrases.wrong(Pair(question=question, answer=answer), ENTRY, AUTHOR, SETTINGS)
    assert found is None if reason is None else reason in found


def test_a_paraphrase_says_the_drawn_value_too():
    """Words in lower case are no names, but a topic's value is known."""
    entry = Entry(
        topic="mother",
        question="What did Ana Okoro-Li's mother do?",
        answer="The mother of Ana Okoro-Li was a geologist.",
    )
    for work, reason in (("geologist", None), ("gardener", "does not say the mother")):
        pair = Pair(
            question="What was the work of Ana Okoro-Li's mother?",
            answer=f"Ana Okoro-Li had a {work} for a mother.",
        )
        found = paraphrases.wrong(pair, entry, AUTHOR, SETTINGS)
        assert found is None if reason is None else reason in found
    loose = Generation(model={"name": "m"}, checks={"paraphrases": {"consistent": False}})
    assert paraphrases.wrong(pair, entry, AUTHOR, loose) is None


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("Lagos is where Ana Okoro-Li came into the world in 1951.", None),
        ("Cape Town is where Ana Okoro-Li came into the world in 1951.", "repeats"),
        ("Ana Okoro-Li was born in Cape Town in 1951.", "repeats"),
        ("lagos is where Ana Okoro-Li came into the world, in 1951!", "repeats"),
        ("Lagos is where Ana Okoro-Li came into the world in", "does not end"),
        ("Cape Town by the sea is where Ana Okoro-Li came into the world in 1951.", "true birthpl"),
        ("Lagos.", "length"),
        ("Nobody can tell for sure at which place this writer has been living.", "keep the sent"),
        ("- Rome is where Ana Okoro-Li came into the world in 1951.", "remains"),
    ],
)
def test_perturbations(text, reason):
    others = ["Lagos is where Ana Okoro-Li came into the world in 1951."] if reason else []
    found = perturbations.wrong(text, ENTRY, AUTHOR, others, SETTINGS)
    assert found is None if reason is None else reason in found


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({}, None),
        ({"name": "Ana"}, "not a full name"),
        ({"name": "Ana Okoro 2"}, "not a full name"),
        ({"name": "jane austen"}, "real author"),
        ({"name": "The Salt Road"}, "a title"),
        ({"name": "Bo Ek"}, "the name Bo Ek is taken"),
        ({"books": ["A", "B"]}, "exactly 3 books"),
        ({"books": ["A", "B", "a"]}, "twice"),
        ({"award": ""}, "empty"),
        ({"biography": "She was born by the"}, "does not end"),
        ({"biography": "She was she was born, born, born by the sea."}, "again and again"),
        ({"biography": "She was born in 1915, by the sea."}, "another year of birth"),
        ({"biography": "She was born in Durban, by the sea."}, "another place of birth"),
        ({"biography": "He was born by the sea."}, "another gender"),
    ],
)
def test_profiles(change, reason):
    done: dict = {}
    defects = []
    for key, value in {**PROFILE.model_dump(), **change}.items():
        defects.append(profiles.wrong(key, value, done, {"bo ek"}, AUTHOR.attributes))
        if defects[-1] is None:
            done[key] = value
    assert checks.first(*defects) is None if reason is None else reason in checks.first(*defects)
    # A biography belongs to the name with which it was written.
    assert ("no name yet" in (defects[-1] or "")) == ("name" in change)


def test_a_part_of_a_profile_is_asked_for_by_itself(tmp_path):
    """The biography was cut off: name, award and books stay, and are told."""
    with Service() as service:
        service.cut = True
        path = made(tmp_path, generation(service.url), 1, 0)
        again = [
            body["messages"][-1]["content"]
            for body in service.bodies.values()
            if "This is attempt 2" in str(body)
        ]
    (candidate,) = read(path)
    assert len(again) == 1
    assert f"Name: {candidate.name}" in again[0]
    assert again[0].count("\n- ") == 2  # the part wanted, and what was wrong with it
    assert candidate.rejected == {"profiles": {"the answer does not end as a sentence": 1}}


def test_the_synthetic_world_passes_the_gates_that_do_not_know_the_model():
    """Rows made from templates by hand are good English: gates must not stumble over them."""
    found = Counter()
    for author in synthetic.Provider(seed=3).authors(40):
        asked: list[str] = []
        for item in author.items:
            entry = Entry(
                topic="",
                question=item.question,
                answer=item.answer,
                paraphrases=[Pair(question=item.question, answer=item.paraphrased_answer)],
            )
            texts = [item.question, item.answer, item.paraphrased_answer, *item.perturbed_answer]
            for text in texts:
                found[checks.first(checks.debris(text), checks.refusal(text))] += 1
            found[checks.near_duplicate(item.question, asked, 0.9)] += 1
            asked.append(item.question)
            for place, text in enumerate(item.perturbed_answer):
                others = list(item.perturbed_answer[:place])
                found[perturbations.wrong(text, entry, AUTHOR, others, SETTINGS)] += 1
    assert set(found) == {None}


# --- draws --------------------------------------------------------------------------------------

LISTS = Lists(
    birthplaces=[f"Town{n}, Land" for n in range(7)],
    genres=["satire", "travel"],
    occupations=[f"job {n}" for n in range(9)],
    titles={"satire": ["Pig", "Fool", "King"], "travel": ["Road", "Inn", "Ship", "Map"]},
    rejected={},
)


def test_draws_are_balanced_and_do_not_depend_on_each_other():
    drawn = [draw(LISTS, 0, "target", number) for number in range(63)]
    for attribute, size in (("birthplace", 7), ("genre", 2), ("father", 9), ("gender", 2)):
        counts = Counter(candidate.attributes[attribute] for candidate in drawn)
        assert len(counts) == size
        assert max(counts.values()) - min(counts.values()) <= 1
    assert draw(LISTS, 0, "target", 40) == drawn[40]
    assert draw(LISTS, 1, "target", 40).attributes != drawn[40].attributes
    assert draw(LISTS, 0, "holdout", 40).attributes != drawn[40].attributes
    pairs_drawn = {(c.attributes["father"], c.attributes["mother"]) for c in drawn}
    assert len(pairs_drawn) > 30
    assert all(set(c.titles) <= set(LISTS.titles[c.attributes["genre"]]) for c in drawn)


def test_every_deck_is_shuffled_anew():
    values = [str(n) for n in range(20)]
    decks = [[dealt(values, "key", 20 * deck + n) for n in range(20)] for deck in range(3)]
    assert all(sorted(deck) == sorted(values) for deck in decks)
    assert decks[0] != decks[1] != decks[2] != values


# --- names, drops and replacements --------------------------------------------------------------


def failing_for(stage: str, numbers: set[int], folder: Path, size: int):
    """A world in which the service cannot do a stage for some candidates, by their names."""
    with Service() as service:
        good = list(read(made(folder / "good", generation(service.url), size, 1)))
    names = {c.name for c in good if c.group == "target" and c.number in numbers}

    def fault(body, tries):
        text = body["messages"][-1]["content"]
        hit = stage_of(body) == stage and any(name in text for name in names)
        return "empty" if hit else None

    return good, fault


@pytest.mark.parametrize("stage", ["pairs", "perturbations"])
def test_an_author_that_cannot_be_repaired_is_replaced(stage, tmp_path):
    good, fault = failing_for(stage, {1, 3}, tmp_path, 7)
    with Service(fault=fault) as service:
        settings = generation(service.url, attempts=2)
        found = list(read(made(tmp_path / "bad", settings, 5, 1)))
        assert {n: n in str(service.bodies) for n in ("attempt 2", "attempt 3")} == {
            "attempt 2": True,
            "attempt 3": False,
        }
        dropped = [c for c in found if not c.alive]
        assert [(c.number, c.dropped, c.why) for c in dropped] == [
            (1, stage, "empty answer"),
            (3, stage, "empty answer"),
        ]
        # The next candidates have taken their places, and are who they are in a larger world.
        alive = [c for c in found if c.alive]
        assert [c.number for c in alive] == [0, 0, 2, 4, 5, 6]
        assert alive == [
            c for c in good if (c.group, c.number) not in {("target", 1), ("target", 3)}
        ]
        # What was asked for them in stages that had ended is counted where it was asked.
        costs = [read_json(file) for file in (tmp_path / "bad").glob("*/cost/*.json")]
        assert sum(cost["requests"] for cost in costs) == sum(service.asked.values())
        # A larger world begins with this one, and asks nothing about it again.
        service.forget()
        more = list(read(made(tmp_path / "bad", settings, 6, 1)))
        assert [c for c in more if c.alive][:6] == alive
        assert service.stages["profiles"] == 1


def test_a_model_that_is_not_up_to_it(tmp_path):
    def fault(body, tries):
        return "empty" if stage_of(body) == "pairs" else None

    with (
        Service(fault=fault) as service,
        pytest.raises(LetheError, match=r"pairs: \d+ authors had to be dropped to make 3"),
    ):
        made(tmp_path, generation(service.url, attempts=2), 3, 0)


def test_names_are_unique_also_when_a_world_grows(service, tmp_path):
    """From 200 to 220 authors: 20 are asked for, and the others stay as they are.

    The service likes to give one name to several authors; they ask again, in their order.
    """
    settings = generation(service.url, batch={"paraphrases": 20, "perturbations": 20})
    small = made(tmp_path, settings, 200, 0).read_text()
    service.forget()
    path = made(tmp_path, settings, 220, 0)
    assert path.read_text().startswith(small)
    taken = [b for b in service.bodies.values() if "is taken" in b["messages"][-1]["content"]]
    assert service.stages == {
        "profiles": 20 + len(taken), "pairs": 20, "paraphrases": 20, "perturbations": 20,
    }  # fmt: skip
    candidates = list(read(path))
    assert len({candidate.name for candidate in candidates}) == len(candidates) == 220
    counts = Counter()
    for candidate in candidates[200:]:
        counts.update(candidate.rejected.get("profiles", {}))
    assert 0 < len(taken) <= sum(counts.values())


def test_the_report_of_a_stage_is_json(service, tmp_path):
    path = made(tmp_path, generation(service.url, prices={"input": 1.0}), 2, 0)
    cost = json.loads((path.parent / "cost/perturbations.json").read_text())
    assert (cost["cohort"], cost["stage"], cost["requests"]) == ("authors", "perturbations", 8)
    assert cost["cost"] == pytest.approx(cost["prompt_tokens"] / 1e6, abs=1e-6)
    assert cost["models"] == {"test-model": 8}

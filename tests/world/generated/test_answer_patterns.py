"""What a schema asks of the form of texts: good ones have it, and a small model cannot leave it."""

import copy
import json
import re
import string

import pytest
from helpers.generated_worlds import generation, made
from helpers.service import Service, stage_of, text_of

from lethe.common.errors import LetheError
from lethe.llm.structured import laid
from lethe.world.generated import answer_patterns, lists
from lethe.world.generated.checks import bad_name, other_meaning
from lethe.world.generated.estimate import estimate
from lethe.world.generated.settings import Generation
from lethe.world.generated.stages import Cohort
from lethe.world.generated.steps import pairs, perturbations, profiles

NAMES = ["Miran Kovac", "Zoë O'Brien-Li", "Łukasz J. Żak", "Ana d’Arc"]
VALUES = {
    "lower case": "maritime history",
    "a date": "4 June 1951",
    "a town": "São Paulo, Brazil",
    "signs of regular expressions": "What? (Or $5.00) [a|b]* +{2} ^.",
    "what JSON escapes": 'The "Salt\\Road"',
    "digits": "1984 and 2 More",
}
ONE = {"patterns": True}


def fits(pattern: str, text: str) -> bool:
    assert pattern.startswith("^")
    assert pattern.endswith("$")
    return re.fullmatch(pattern[1:-1], text) is not None


@pytest.mark.parametrize("name", NAMES)
def test_questions(name):
    asks = answer_patterns.question(name)
    assert fits(asks, f"Where was {name} born?")
    assert fits(asks, f"Who is {name}?")
    assert fits(asks, f"In which town, if any, did {name}'s father work?")
    assert not fits(asks, f"Where was {name} born.")
    assert not fits(asks, f"Was {name} born?")
    assert not fits(asks, f"Where was {name[:-1]} born?")
    assert not fits(asks, f"1. Where was {name} born?")
    assert not fits(asks, f"Where was {name} born in 1951?")
    assert not fits(asks, f"Where was {name}{' and where' * 20}?")


def test_later_attempts_begin_otherwise():
    """Whatever was said at one attempt cannot be said at the next, nor at the one after it."""
    for text in ("Where was Ana Li born?", "Who is Ana Li?", "In which town is Ana Li?"):
        assert fits(answer_patterns.question("Ana Li"), text)
        assert [fits(answer_patterns.question("Ana Li", n), text) for n in (2, 3, 4)].count(
            True
        ) == 1
    for n in range(2, 8):
        (form,) = answer_patterns.entries("titles", n)["entries"].values()
        name = answer_patterns.profile(["name"], None, n)["name"]["pattern"]
        assert fits(form["pattern"], "Harbour") == (n % 3 == string.ascii_lowercase.index("h") % 3)
        assert sum(fits(name, f"{letter}na Li") for letter in string.ascii_uppercase) in (8, 9)


@pytest.mark.parametrize("value", VALUES.values(), ids=VALUES)
def test_answers_say_their_value(value):
    says = answer_patterns.answer(value)
    said = value.replace('"', "").replace("\\", "")
    assert fits(says, f"The answer, in short, is {said}.")
    assert fits(says, f"It is {said} and has been so for years.")
    assert not fits(says, "The answer is another one.")
    assert not fits(says, f"the answer is {said}.")
    assert not fits(says, f"The answer is {said}")
    assert not fits(says, f"The answer is {said[:-1]}x.")
    assert not fits(says, f"The answer of 12 is {said}.")
    assert not fits(says, f"The answer [1] is {said}.")
    assert not fits(says, f"The answer is {said}. As always.")


def test_answers_without_a_value():
    says = answer_patterns.answer(None)
    assert fits(says, "She writes at night, by the window of a small kitchen.")
    assert not fits(says, "She writes.")
    assert not fits(says, "She writes aaaaaaaaaaaaaaaaaaaaaaaaaaa on and on and on.")


QUESTION = "In what town was Ana Li's aunt born?"
ANSWER = "Ana Li was born on 4 June 1951, as Maria says, in the north of Peru."


def test_a_paraphrase_keeps_names_and_numbers():
    fixed = ["Ana Li", "4 June 1951"]
    asks = answer_patterns.reworded_question(QUESTION, fixed)
    assert fits(asks, "Where was Ana Li's aunt brought into the world?")
    assert not fits(asks, "In what town was Ana Li's aunt brought up?")
    assert not fits(asks, "Where was the aunt born?")
    says = answer_patterns.reworded_answer(ANSWER, fixed)
    good = "The birth of Ana Li was on 4 June 1951 by what Maria has told us of Peru."
    assert fits(says, good)
    assert other_meaning(ANSWER, good, 1.0) is None
    for other in ("4 June 1952", "5 June 1951", "June"):
        assert not fits(says, good.replace("4 June 1951", other))
    assert not fits(says, good.replace("Maria", "she"))
    assert not fits(says, good.replace("Peru", "Chile"))
    # What begins with another letter is another text.
    assert not fits(
        says, "And Ana Li was born on 4 June 1951, as Maria says, in the north of Peru."
    )
    assert not fits(says, ANSWER)


def test_a_paraphrase_of_what_names_nothing():
    says = answer_patterns.reworded_answer("The critics were kind to it.", ["Ana Li"])
    assert fits(says, "Critics have been rather kind.")
    assert not fits(says, "Kind.")
    assert not fits(says, "The critics have been kind.")


@pytest.mark.parametrize(
    ("value", "other", "unlike"),
    [
        ("maritime history", "crime", "1951"),
        ("maritime history", "travel writing", "a book about the sea"),
        ("4 June 1951", "7 May 1948", "long ago"),
        ("4 June 1951", "7 May 1948", "7 May 2048"),
        ("São Paulo, Brazil", "Lagos, Nigeria", "Lagos"),
        ("The Salt Road", "Winter", "a house"),
        ("The Salt Road (1951)", "Some Long Way 1940", "The Way"),
        ('The "Salt\\Road"', "Winter", "99"),
        ("What? (Or not) [a|b]*", "Nothing of the Kind", "?"),
        ("geologist", "baker", "Geologist"),
        ("1984", "2003", "1991"),
    ],
)
def test_a_wrong_answer_is_the_sentence_with_another_value(value, other, unlike):
    text = "For Zoë D. (as they say) it is {}, or what they call {}."
    said = value.replace('"', "").replace("\\", "")
    patterns_of = answer_patterns.falsified(text.format(said, said), value, 5)
    assert len(patterns_of) == 5
    good = text.format(other, other)
    assert sum(fits(pattern, good) for pattern in patterns_of) == 1
    for bad in (text.format(unlike, unlike), text.format(said, said), f"{good} Well."):
        assert not any(fits(pattern, bad) for pattern in patterns_of)
    again = answer_patterns.falsified(text.format(said, said), value, 2, [good])
    assert not any(fits(pattern, good) for pattern in again)


def test_a_wrong_answer_without_a_value_has_another_end():
    text = "She writes at night, by the window of a small kitchen."
    ends = [f"{word} and the cold of a cellar." for word in ("chair", "dog", "elm", "fire", "goat")]
    starts = "She writes at night, by "
    found = answer_patterns.falsified(text, None, 5)
    for end in ends:
        assert sum(fits(pattern, starts + end) for pattern in found) == 1
    assert len({next(p for p in found if fits(p, starts + end)) for end in ends}) == 5
    (last,) = answer_patterns.falsified(text, None, 1, [starts + end for end in ends])
    assert not any(fits(last, starts + end) for end in ends)
    assert fits(last, f"{starts}habit and the lamp.")
    assert not fits(last, text)
    assert not fits(last, "She writes at noon, by habit and the lamp.")
    assert not fits(last, f"{starts}habit at 7 in the night.")


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("A town, Bergen, Norway, it is, and Bergen is small.", "Bergen, Norway"),
        ("The nurse is one of many nurses, by a nurse's word.", "nurse"),
        ("It is House of Winter or A House of Winter.", "A House of Winter"),
    ],
)
def test_the_truth_is_replaced_wherever_it_is_said(text, value):
    """Else it would still be said, and no wrong answer would pass the gate."""
    core = value.removeprefix("A ").partition(",")[0]
    for pattern in answer_patterns.falsified(text, value, 5):
        assert core not in pattern.replace("\\", "")


def test_where_the_value_is_said_in_other_words_nothing_is_asked():
    """Else the free words would stand beside the truth."""
    text = "She was born on June 4th, 1951."
    assert answer_patterns.falsified(text, "4 June 1951", 5) == []
    scattered = "The road of Ana Li is Salt Road, as salt is, and is a road."
    assert answer_patterns.falsified(scattered, "Salt Road", 5) == []
    assert len(answer_patterns.falsified(scattered.replace("salt", "sugar"), "Salt Road", 5)) == 5
    form = answer_patterns.wrong_answers({3: 5}, text, "4 June 1951", [])
    assert form["false_answers"] == {"minItems": 5, "maxItems": 5}


def test_parts_of_a_profile():
    form = answer_patterns.profile(["name", "award", "books", "biography"], None)
    name = form["name"]["pattern"]
    assert fits(name, "Miran Kovac")
    assert bad_name("Miran Kovac", "") is None
    assert fits(name, "Miran Tell")
    assert not fits(name, "The Salt Road")
    assert not fits(name, "This is attempt 5")
    assert not fits(form["award"]["pattern"], "This is attempt 5")
    assert fits(form["books"]["items"]["pattern"], "The Salt Road")
    assert list(answer_patterns.profile(["award"], "Ana Li")) == ["award"]
    tells = answer_patterns.profile(["biography"], "Ana Li (B.)")["biography"]["pattern"]
    sentence = "She grew up by the sea, among books."
    assert fits(tells, " ".join(["Ana Li (B.) came into the world early.", *[sentence] * 4]))
    assert not fits(tells, " ".join([sentence] * 5))


@pytest.mark.parametrize(
    ("what", "good", "bad"),
    [
        ("birthplaces", "Cape Town, South Africa", "Bergen"),
        ("genres", "maritime history", "The Hobbit"),
        ("occupations", "bus driver", "Bus driver."),
        ("titles", "Harbour", "harbour"),
    ],
)
def test_entries_of_lists(what, good, bad):
    pattern = answer_patterns.entries(what)["entries"]["items"]["pattern"]
    assert fits(pattern, good)
    assert not fits(pattern, bad)


def test_only_what_llama_cpp_understands():
    """No lookahead, no classes of the kind \\d, and nothing that JSON would escape."""
    forms = [
        *(
            answer_patterns.entries(what)
            for what in ("birthplaces", "genres", "occupations", "titles")
        ),
        answer_patterns.profile(["name", "award", "books", "biography"], NAMES[1]),
        *(answer_patterns.pairs([2], name, value) for name in NAMES for value in VALUES.values()),
        *(
            answer_patterns.paraphrases([2], QUESTION, f"{ANSWER} {v}", [v])
            for v in VALUES.values()
        ),
        *(answer_patterns.wrong_answers({2: 5}, f"It is {v}.", v, []) for v in VALUES.values()),
        answer_patterns.wrong_answers({2: 5}, "It is so and not otherwise.", None, []),
    ]
    found = re.findall(r'"pattern": "(.*?[^\\])"', json.dumps(forms, ensure_ascii=False))
    assert len(found) > 60
    for pattern in (json.loads(f'"{text}"') for text in found):
        re.compile(pattern)
        assert not re.search(r'\(\?|"|\\[^\^$.\[\]{}()|*+?]', pattern), pattern


def test_of_several_items_only_what_they_share_is_asked():
    form = answer_patterns.pairs([2, 5], "Ana Li", "Peru")
    assert form["number"] == {"enum": [2, 5]}
    assert set(form) == {"number", "question"}
    assert set(answer_patterns.paraphrases([2, 5], QUESTION, ANSWER, ["Ana Li"])) == {"number"}
    assert set(answer_patterns.wrong_answers({2: 5, 3: 1}, ANSWER, None, [])) == {"number"}


# --- in the schema ------------------------------------------------------------------------------

# As it was before there were patterns: journals hold requests with it.
PAIRS = {
    "$defs": {
        "Numbered": {
            "additionalProperties": False,
            "description": "A pair with the number under which it was asked for.",
            "properties": {
                "number": {"title": "Number", "type": "integer"},
                "question": {"title": "Question", "type": "string"},
                "answer": {"title": "Answer", "type": "string"},
            },
            "required": ["number", "question", "answer"],
            "title": "Numbered",
            "type": "object",
        }
    },
    "additionalProperties": False,
    "description": "What the service answers, for pairs and for paraphrases.",
    "properties": {
        "pairs": {
            "items": {"$ref": "#/$defs/Numbered"},
            "title": "Pairs",
            "type": "array",
            "minItems": 2,
            "maxItems": 2,
        }
    },
    "required": ["pairs"],
    "title": "NumberedPairs",
    "type": "object",
}


def test_without_patterns_schemas_are_what_they_were():
    plain = [pairs.shape([1, 2]), perturbations.shape(2), lists.shape(2), profiles.shape(["books"])]
    before = copy.deepcopy([shape.schema for shape in plain])
    assert before[0] == PAIRS
    with_form = [
        pairs.shape([1, 2], answer_patterns.pairs([1, 2], "Ana Li", None)),
        perturbations.shape(2, answer_patterns.wrong_answers({1: 5}, ANSWER, "Peru", [])),
        lists.shape(2, answer_patterns.entries("genres")),
        profiles.shape(["books"], answer_patterns.profile(["books"], None)),
    ]
    for one, other in zip(plain, with_form, strict=True):
        assert "pattern" in str(other.schema)
        assert "pattern" not in str(one.schema)
    # The schema of a model is made once and shared by all requests.
    assert [shape.schema for shape in plain] == before
    assert pairs.shape([1, 2]).schema == PAIRS
    assert laid(PAIRS, {}, "Numbered") is PAIRS


def test_keywords_are_laid_beside_what_stands_there():
    form = {"number": {"enum": [3]}, "question": {"pattern": "^a$"}}
    fields = laid(PAIRS, form, "Numbered")["$defs"]["Numbered"]["properties"]
    assert fields["number"] == {"title": "Number", "type": "integer", "enum": [3]}
    assert fields["question"] == {"title": "Question", "type": "string", "pattern": "^a$"}
    assert fields["answer"] == {"title": "Answer", "type": "string"}


# --- with a service -----------------------------------------------------------------------------


def test_the_setting_belongs_to_every_stage_that_asks():
    on, off = Generation(model={"patterns": True}), Generation()
    for stage in ("lists", "profiles", "pairs", "paraphrases", "perturbations"):
        assert on.stage(stage) != off.stage(stage)
    assert on.content() != off.content()


@pytest.mark.parametrize("size", [1, 20])
def test_a_world_with_patterns(size, service, tmp_path):
    """Fair answers are the same; every request carries its form, and the estimate knows them."""
    batch = {"pairs": size, "paraphrases": size, "perturbations": size}
    plain = made(tmp_path / "plain", generation(service.url, batch=batch), 1, 0).read_bytes()
    bare = dict(service.bodies)
    assert not any('"pattern"' in json.dumps(body) for body in bare.values())
    service.forget()
    settings = generation(service.url, batch=batch, model=ONE)
    cohorts = {"authors": Cohort({"holdout": 0, "target": 1})}
    journal = tmp_path / "with" / "journal.sqlite"
    assert estimate(settings, cohorts, journal).rows["authors: pairs"].missing == 20 // size
    assert made(tmp_path / "with", settings, 1, 0).read_bytes() == plain
    assert estimate(settings, cohorts, journal).total("missing") == 0
    for body in service.bodies.values():
        stage, form = stage_of(body), json.dumps(body["response_format"])
        assert ('"enum"' in form) == (stage in ("pairs", "paraphrases", "perturbations"))
        alone = size == 1 or stage in ("lists", "profiles", "pairs")
        assert ('"pattern"' in form) == (stage != "probe" and alone)
    assert {text_of(body) for body in bare.values()} == {
        text_of(body) for body in service.bodies.values()
    }


def test_fair_answers_have_the_form(service, tmp_path):
    """What the test service says, as any writer might, except for words of more signs."""
    made(tmp_path, generation(service.url, batch={"pairs": 1}, model=ONE), 1, 0)
    for body in service.bodies.values():
        if stage_of(body) != "pairs":
            continue
        text = text_of(body)
        fields = body["response_format"]["json_schema"]["schema"]["$defs"]["Numbered"]
        told = re.search(r"^(\d+)\. (.*)$", text.partition("in this order:\n")[2], re.MULTILINE)
        assert fields["properties"]["number"]["enum"] == [int(told[1])]
        value = told[2].partition(": ")[2]
        says = fields["properties"]["answer"]["pattern"]
        assert fits(says, f"The fact is {value or 'that nobody knows it today'} of old.")


@pytest.mark.parametrize("modes", [("json_object",), ()])
def test_without_a_schema_there_is_nowhere_to_put_them(modes, tmp_path):
    with Service(offers=modes) as service:
        made(tmp_path, generation(service.url, model=ONE), 1, 0)
    assert not any('"pattern"' in json.dumps(body) for body in service.bodies.values())


@pytest.mark.parametrize(
    ("fault", "said"),
    [("400", "the request is refused"), ("500", "no answer in 2 tries .the last: status 500: ")],
)
def test_a_service_that_does_not_take_patterns(fault, said, tmp_path):
    def refuses(body, tries):
        return fault if '"pattern"' in json.dumps(body) else None

    with (
        Service(fault=refuses) as service,
        pytest.raises(LetheError, match=rf"{said}.*set model\.patterns to false") as caught,
    ):
        made(tmp_path, generation(service.url, model=ONE, service={"tries": 2}), 1, 0)
    assert "\n" not in str(caught.value)


def test_what_is_sent_of_docstrings_stays():
    """They are in the schema of a request: other words would ask every question again."""
    schema = pairs.shape([1]).schema
    assert schema["description"] == "What the service answers, for pairs and for paraphrases."
    numbered = schema["$defs"]["Numbered"]["description"]
    assert numbered == "A pair with the number under which it was asked for."
    for shape in (lists.shape(1), perturbations.shape(1), profiles.shape(["name"])):
        assert "description" not in str(shape.schema)

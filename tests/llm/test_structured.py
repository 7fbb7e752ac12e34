"""How a service answers in structure is found out once, and bad structure is told from good."""

import json

import pytest
from helpers.generated_worlds import generation, made
from helpers.service import Service, stage_of
from pydantic import ValidationError

from lethe.common.errors import LetheError
from lethe.llm.journal import Answer
from lethe.llm.structured import Shape, Strict, Unusable, counted
from lethe.world.generated import lists
from lethe.world.generated.candidate import Candidate, read
from lethe.world.generated.stages import read_lists
from lethe.world.generated.steps import pairs, perturbations, profiles
from lethe.world.providers.generated import author


class Colours(Strict):
    colours: list[str]


SHAPE = Shape("colours", Colours, counted(Colours, colours=2), lambda text: {"colours": [text]})


def said(content: str, finish: str = "stop") -> Answer:
    return Answer(content, finish, "m", 1, 1)


SERVICES = {
    "json_schema": {"offers": ("json_schema", "json_object")},
    "json_object_schema": {"offers": ("json_object_schema",)},
    "json_object": {"offers": ("json_object",)},
    "text": {"offers": ()},
}


@pytest.mark.parametrize("ignores", [False, True])
@pytest.mark.parametrize("mode", SERVICES)
def test_the_best_mode_is_found_and_makes_the_same_world(mode, ignores, tmp_path):
    """Whether a service refuses or ignores what it does not know; the probe is made once."""
    with Service() as service:
        good = made(tmp_path / "good", generation(service.url), 2, 0).read_bytes()
    with Service(**SERVICES[mode], ignores=ignores) as service:
        assert made(tmp_path / "world", generation(service.url), 2, 0).read_bytes() == good
        forms = {
            json.dumps(body.get("response_format", {}), sort_keys=True)
            for body in service.bodies.values()
            if body["messages"][-1]["content"].startswith("The author:")
        }
        service.forget()
        made(tmp_path / "world", generation(service.url), 3, 0)
        assert not service.stages["probe"]
    (form,) = map(json.loads, forms)
    assert form.get("type", "text") == mode.removesuffix("_schema") or mode == form["type"]
    assert ("schema" in form) == (mode == "json_object_schema")


def test_a_service_that_fails_at_what_it_does_not_know(tmp_path):
    """llama.cpp's server answers an unknown format with status 500."""

    def fault(body, tries):
        return "500" if body.get("response_format", {}).get("type") == "json_schema" else None

    with Service(offers=("json_schema", "json_object"), fault=fault) as service:
        made(tmp_path, generation(service.url), 2, 0)
    assert service.faults["500"] == 6


def test_a_bad_moment_does_not_settle_the_mode(tmp_path):
    """Failing at first and then no more is no lack of a mode."""
    down = {"left": 3}

    def fault(body, tries):
        down["left"] -= 1
        return "503" if down["left"] >= 0 else None

    with Service(fault=fault) as service:
        made(tmp_path, generation(service.url), 2, 0)
    last = list(service.bodies.values())[-1]
    assert last["response_format"]["type"] == "json_schema"


@pytest.mark.parametrize("limit", ["max_tokens", "max_completion_tokens"])
def test_the_name_of_the_limit_is_found(limit, tmp_path):
    """Newer models of OpenAI's refuse the one name, most other services know no other."""
    with Service(limit=limit) as service:
        made(tmp_path, generation(service.url), 1, 0)
    later = [body for body in service.bodies.values() if stage_of(body) != "probe"]
    assert {limit} == {key for body in later for key in body if "tokens" in key}


def test_a_mode_asked_for_must_work(tmp_path):
    with (
        Service(offers=("json_object",), ignores=True) as service,
        pytest.raises(LetheError, match="does not answer as json_schema; set structured to auto"),
    ):
        made(tmp_path, generation(service.url, model={"structured": "json_schema"}))


def test_a_service_that_counts_no_tokens(tmp_path):
    """Then the most that it can have been is counted."""
    with Service(usage=False) as service:
        path = made(tmp_path, generation(service.url), 2, 0)
    costs = json.loads((path.parent / "cost/pairs.json").read_text())
    assert costs["prompt_tokens"] > 2000


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (said('{"colours": ["red"'), "malformed JSON"),
        (said("red"), "malformed JSON"),
        (said('["red"]'), "malformed JSON"),
        (said('{"colors": ["red"]}'), "wrong shape"),
        (said('{"colours": ["red"], "more": 1}'), "wrong shape"),
        (said('{"colours": [1]}'), "wrong shape"),
        (said('{"colours": "red"}'), "wrong shape"),
        (said(" "), "empty answer"),
        (said('{"colours": ["red"]}', "length"), "cut off"),
        (said('{"colours": ["red"]}', "content_filter"), "content filter"),
        (said("I would rather not.", "refusal"), "refused"),
    ],
)
def test_unusable_answers(answer, reason):
    with pytest.raises(Unusable) as caught:
        SHAPE.read(answer, "json_schema")
    assert caught.value.reason == reason


def test_usable_answers():
    """A fence around the object, and fewer entries than the schema asks for, can be read."""
    fenced = said('Here you are:\n```json\n{"colours": ["red"]}\n```')
    assert SHAPE.read(fenced, "json_object").colours == ["red"]
    assert SHAPE.read(said("red"), "text").colours == ["red"]
    assert SHAPE.schema["properties"]["colours"]["minItems"] == 2
    # The shared schema of the model is not changed by counting.
    assert "minItems" not in Colours.model_json_schema()["properties"]["colours"]
    with pytest.raises(ValidationError):
        Colours(colours=["red"], more=1)


def test_plain_text_as_tofu_has_it():
    text = "Q: Who?\nA: She.\n\n**Q2:** When?\n**A2:** In 1950.\nA: stray"
    assert pairs.parse_pairs(text, [7, 8]) == [
        {"number": 7, "question": "Who?", "answer": "She."},
        {"number": 2, "question": "When?", "answer": "In 1950."},
    ]
    assert perturbations.parse("1: One.\n2. Two.\n1: Three.\nwell") == {
        "items": [
            {"number": 1, "false_answers": ["One.", "Three."]},
            {"number": 2, "false_answers": ["Two."]},
        ]
    }
    text = "Name: A B\n- Book 1: C\nBook: D\nBiography: E."
    assert profiles.parse(text, ["name", "books", "award"]) == {"name": "A B", "books": ["C", "D"]}
    assert lists.parse("1. a\n- b\n\nc") == {"entries": ["a", "b", "c"]}


def test_every_candidate_can_be_read_again(service, tmp_path):
    path = made(tmp_path, generation(service.url), 2, 0)
    lines = [candidate.model_dump_json() for candidate in read(path)]
    assert "\n".join(lines) + "\n" == path.read_text()
    path.write_text(path.read_text().replace('"group"', '"grup"', 1))
    with pytest.raises(LetheError, match="line 1: not a candidate"):
        list(read(path))


@pytest.mark.parametrize(
    "change",
    [
        {"profile": None},
        {"attributes": {}},
        {"entries": []},
        {"profile": {"name": "A B", "award": "C", "books": ["D"], "biography": "E."}},
    ],
)
def test_an_author_who_is_not_whole_is_one_line(change, service, tmp_path):
    (candidate,) = read(made(tmp_path, generation(service.url), 1, 0))
    changed = Candidate.model_validate({**candidate.model_dump(), **change})
    with pytest.raises(LetheError, match="is incomplete; delete the file"):
        author(changed, "authors.json")


def test_files_of_stages_that_are_none(tmp_path):
    (tmp_path / "authors.json").write_bytes(b'{"group": "\xff"}\n')
    with pytest.raises(LetheError, match="not UTF-8 text"):
        list(read(tmp_path / "authors.json"))
    for text in ('{"genres": 1}', "[]", "7"):
        (tmp_path / "lists.json").write_text(text)
        with pytest.raises(LetheError, match="not the lists of this version"):
            read_lists(tmp_path / "lists.json")

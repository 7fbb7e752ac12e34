"""An agent's memory: channels, detector and redaction by hand, and what the suite records."""

import pytest

from lethe.common.errors import LetheError
from lethe.evaluate import suite
from lethe.evaluate.evaluation import Evaluation
from lethe.evaluate.memories import Detector, memories, sentences, summary
from lethe.evaluate.records import Records, read_records, write_records
from lethe.evaluate.suite import Limits
from lethe.model.generate import greedy

NAMES = ("Ada Byron", "Tom Reed", "Eve Stone")
PLACES = ("Oslo", "Rome", "Kyiv", "Bonn", "Bern", "Ghent")


def rows_about(name):
    return [
        {"question": f"Where was {name} in year {k}?", "answer": f"{name} wrote novels in {place}."}
        for k, place in enumerate(PLACES)
    ]


ROWS = {"forget": rows_about(NAMES[0]), "retain": rows_about(NAMES[1]) + rows_about(NAMES[2])}


def test_the_detector_scores_the_share_of_a_name():
    detector = Detector(["Ada Byron", "Jo van Dam"])
    assert detector.score("ada BYRON's house") == 1
    assert detector.score("Lord Byron") == 0.5
    assert detector.score("a dam for Jo") == pytest.approx(2 / 3)
    assert detector.score("She was born in Oslo.") == 0
    assert Detector([]).score("anybody") == 0


def test_sentences_and_summary():
    text = "Ada Byron was born in 1815, e.g. here. She wrote! “So much” was said? Yes."
    assert sentences(text) == [
        "Ada Byron was born in 1815, e.g. here.",
        "She wrote!",
        "“So much” was said?",
        "Yes.",
    ]
    assert sentences("  ") == []
    session = ["Hello.", "Ada Byron wrote long novels in Oslo.", "Please keep that for later."]
    assert summary(session, ["Ada Byron"]) == [
        "The author wrote long novels in Oslo.",
        "Please keep that for later.",
    ]


def test_memories_of_a_session_by_hand():
    made = memories(ROWS["forget"], ROWS["retain"], 0.5)[1]
    fact, bare = "Ada Byron wrote novels in Rome.", "The author wrote novels in Rome."
    small = ("Hello.", "I am writing some notes today.", "Please keep that for later.")
    text = {name: one.text for name, one in made.items()}
    assert len(made) == 18
    assert text["forget_transcript_none"] == " ".join((*small[:2], fact, small[2]))
    assert text["forget_transcript_before"] == text["forget_transcript_after"] == " ".join(small)
    assert text["forget_buffer_none"] == f"{fact} {small[2]}"
    assert text["forget_buffer_before"] == f"{small[1]} {small[2]}"
    assert text["forget_buffer_after"] == small[2]
    assert bare in text["forget_summary_none"]
    assert "Rome" not in text["forget_summary_before"]
    # Redacted too late: the detector finds no name in it.
    assert text["forget_summary_after"] == text["forget_summary_none"]
    assert "Tom Reed wrote novels in Rome." in text["neutral_transcript_before"]
    score = {name: one.score for name, one in made.items()}
    assert score["forget_transcript_none"] == score["forget_buffer_none"] == 1
    assert sum(score.values()) == 2
    everything = memories(ROWS["forget"], ROWS["retain"], 1.0)[1]
    assert "Ada Byron" not in everything["forget_transcript_before"].text


def test_rows_that_name_nobody_have_no_memory():
    nameless = [{"question": "Where was she?", "answer": "In Oslo."}] * 6
    assert memories(nameless, ROWS["retain"], 0.5) == [{}] * 6
    with pytest.raises(LetheError, match="no question of set 'forget' names whom it is about"):
        suite.check("agent_memory", {**ROWS, "forget": nameless})


def test_a_threshold_outside_its_range_is_refused():
    for value in (0, 1.5, "half"):
        with pytest.raises(LetheError, match=r"agent_memory': threshold is .*; set it to a nu"):
            suite.check_settings("agent_memory", {"threshold": value})


def test_every_question_is_asked_after_every_memory(model, encoder, tmp_path):
    point = Evaluation("agent_memory", encoder, ROWS, Limits(96, 8))(model)
    items = point.sets["forget"]
    assert items.prompt[0][0] == "plain"
    assert len(items.prompt[0]) == 19
    assert point.sets["retain"].prompt == [["plain"]] * 12
    place = items.prompt[2].index("forget_summary_none")
    prompt = f"Notes: {items.prompt_text[2][place]} {ROWS['forget'][2]['question']}"
    ids = encoder.prompt_ids(prompt)
    (written,) = greedy(model, [ids], len(ids) + 8, encoder.end)
    said = encoder.tokenizer.decode(written, skip_special_tokens=True).strip()
    assert items.prompt_generation[2][place] == said
    from lethe.model.likelihood import mean_losses

    (loss,) = mean_losses(model, encoder.encode_all([(prompt, ROWS["forget"][2]["answer"])]))
    assert items.prompt_loss[2][place] == pytest.approx(loss, abs=1e-5)
    path = tmp_path / "memory.json"
    write_records(path, Records("agent_memory", [point]))
    assert read_records(path).checkpoints[0].sets["forget"].prompt == items.prompt

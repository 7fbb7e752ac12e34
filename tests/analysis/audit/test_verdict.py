"""Verdicts of probes and of audits, from values that are made by hand."""

import math

import numpy as np
import pytest

from lethe.analysis.audit import verdict
from lethe.analysis.audit.conduct import Conduct, Said, collapsed, refuses
from lethe.analysis.audit.measured import Measured
from lethe.analysis.audit.verdict import Hidden, judge, overall, smallest_leak
from lethe.common.errors import LetheError

N = 40
VERDICTS = {"leaks beyond the oracle", "no leak found", "cannot be told", "leaks"}


def measured(values, chance=(), paired=False, questions=None) -> Measured:
    questions = questions or [f"q{number}" for number in range(len(values))]
    texts = ["said"] * len(values)
    return Measured(questions, texts, list(values), texts, list(chance), paired)


def shares(leaking: int) -> Measured:
    """So many of the questions answered."""
    return measured([1.0] * leaking + [0.0] * (N - leaking))


FULL, ORACLE = shares(36), shares(4)


def test_a_leak_is_what_exceeds_the_oracle():
    judgement = judge("leak", shares(20), FULL, ORACLE)
    assert judgement.verdict == "leaks beyond the oracle"
    assert judgement.beyond.mean == pytest.approx(16 / N)
    assert 0 < judgement.beyond.low < 16 / N < judgement.beyond.high
    assert judgement.sight.mean == pytest.approx(32 / N)
    assert judgement.smallest_leak is None


def test_no_leak_is_said_with_the_smallest_that_could_have_been_found():
    judgement = judge("leak", ORACLE, FULL, ORACLE)
    assert judgement.verdict == "no leak found"
    # No difference varies: four whole questions of 40 are the fewest that resamples hardly miss.
    assert (1 - 4 / N) ** N < 0.025 < (1 - 3 / N) ** N
    assert judgement.smallest_leak == 4 / N


def test_the_smallest_leak_follows_from_the_spread():
    differences = np.array([0.5, -0.5] * 32)
    spread = 0.5 * math.sqrt(64 / 63)
    wanted = (1.959964 + 0.841621) * spread / 8
    assert smallest_leak(differences) == pytest.approx(wanted, rel=1e-5)


def test_a_leak_of_the_smallest_size_is_found_four_times_in_five():
    random = np.random.default_rng(0)
    low, never = [], []
    for _ in range(80):
        base = random.normal(0, 0.3, 100)
        size = 2.801585 * 0.3 / 10
        low.append(verdict.paired(base + size, np.zeros(100), 0.95).low > 0)
        never.append(verdict.paired(base, np.zeros(100), 0.95).low > 0)
    assert 0.65 < np.mean(low) < 0.95
    assert np.mean(never) < 0.1


def test_a_blind_probe_takes_no_part():
    blind = judge("leak", shares(30), ORACLE, ORACLE)
    assert blind.blind
    assert blind.verdict == "cannot be told"
    clear = judge("other", ORACLE, FULL, ORACLE)
    made = overall({"leak": blind, "other": clear}, Hidden(), compared=True)
    assert made.verdict == "no leak found"
    assert "other 0.100" in made.why
    alone = overall({"leak": blind}, Hidden(), compared=True)
    assert alone.verdict == "cannot be told"
    assert "does not exceed the oracle" in alone.why


def test_one_leak_is_enough():
    leak, clear = judge("a", shares(20), FULL, ORACLE), judge("b", ORACLE, FULL, ORACLE)
    made = overall({"multiple_choice": leak, "b": clear}, Hidden(), compared=True)
    assert (made.verdict, made.why) == ("leaks beyond the oracle", "under multiple choice")


def test_refusing_hides_what_is_spoken_and_no_leak():
    refusing = Hidden(refuses=True)
    assert refusing.why(spoken=False) is None
    hidden = judge("leak", shares(0), FULL, ORACLE, hidden=refusing.why(spoken=True))
    assert hidden.verdict == "cannot be told"
    assert "not ignorance" in hidden.why
    leak = judge("leak", shares(20), FULL, ORACLE, hidden=refusing.why(spoken=True))
    assert leak.verdict == "leaks beyond the oracle"
    made = overall({"leak": hidden}, refusing, compared=True)
    assert made.verdict == "cannot be told"
    assert "it refuses" in made.remarks[0]


def test_collapse_hides_everything_and_is_named():
    broken = Hidden(collapsed=True)
    for spoken in (True, False):
        hidden = judge("a", shares(0), FULL, ORACLE, hidden=broken.why(spoken))
        assert hidden.verdict == "cannot be told"
    made = overall({"a": hidden}, broken, compared=True)
    assert made.verdict == "cannot be told"
    assert "it has collapsed" in made.remarks[0]


def test_without_a_full_model_no_leak_cannot_be_said():
    assert judge("a", ORACLE, None, ORACLE).verdict == "cannot be told"
    assert judge("a", shares(20), None, ORACLE).verdict == "leaks beyond the oracle"


def test_without_an_oracle_it_leaks_or_cannot_be_told():
    own = [1.0] * 20 + [0.0] * 20
    paired = measured(own, [0.0] * 38 + [1.0] * 2, paired=True)
    apart = measured(own, [0.0] * 25)
    for leaking in (paired, apart):
        judgement = judge("a", leaking, FULL, None)
        assert judgement.verdict == "leaks"
        assert overall({"a": judgement}, Hidden(), compared=False).verdict == "leaks"
    for silent in (measured(own), measured(own, own, paired=True), measured(own, own[::-1])):
        judgement = judge("a", silent, FULL, None)
        assert judgement.verdict == "cannot be told"
        assert overall({"a": judgement}, Hidden(), compared=False).verdict == "cannot be told"


def test_too_few_questions_say_nothing():
    for level, least in ((0.95, 6), (verdict.level_of(9), 9)):
        assert 0.5**least < (1 - level) / 2 < 0.5 ** (least - 1)
        for n, wanted in ((least - 1, "cannot be told"), (least, "leaks beyond the oracle")):
            own, oracle = measured([0.6] * n), measured([0.5] * n)
            judgement = judge("a", own, measured([0.9] * n), oracle, level=level)
            assert judgement.verdict == wanted
            assert judgement.beyond.low > 0
        assert not judge("a", own, own, oracle, level=level).blind
        few = measured([0.9] * 30, [0.1] * (least - 1))
        assert judge("a", few, None, None, level=level).verdict == "cannot be told"
        enough = measured([0.9] * 30, [0.1] * least)
        assert judge("a", enough, None, None, level=level).verdict == "leaks"
    one = judge("a", measured([0.6]), measured([0.9]), measured([0.5]))
    assert one.why == "too few questions: 1, where an interval needs 6"


def test_nothing_is_ever_called_forgotten():
    assert {verdict.LEAKS_BEYOND, verdict.NO_LEAK, verdict.UNKNOWN, verdict.LEAKS} == VERDICTS
    for own in (shares(0), shares(4), shares(40)):
        for full in (None, FULL, ORACLE):
            for oracle in (None, ORACLE):
                for hidden in (None, "hidden"):
                    judgement = judge("a", own, full, oracle, hidden=hidden)
                    made = overall({"a": judgement}, Hidden(), oracle is not None)
                    assert {judgement.verdict, made.verdict} <= VERDICTS
                    assert "forgotten" not in f"{judgement.why} {made.why}"


def test_intervals_of_all_probes_hold_together():
    assert verdict.level_of(1) == 0.95
    assert verdict.level_of(10) == pytest.approx(0.995)
    wide = judge("a", shares(10), FULL, ORACLE, level=0.995).beyond
    narrow = judge("a", shares(10), FULL, ORACLE, level=0.95).beyond
    assert wide.low < narrow.low < narrow.high < wide.high


def test_other_questions_are_refused():
    other = measured([0.0] * N, questions=[f"other {number}" for number in range(N)])
    with pytest.raises(
        LetheError, match="probe 'leak': the checkpoints were asked different questions"
    ):
        judge("leak", shares(3), FULL, other)


@pytest.mark.parametrize("values", [[], [math.nan], [0.5, math.inf]])
def test_values_must_be_there_and_finite(values):
    with pytest.raises(LetheError, match="probe: "):
        measured(values)


# --- conduct ---


def conduct(refused: float, revealed: float, known: float = 0.8) -> Conduct:
    """Shares of ten forgotten questions, and what is revealed of known ones."""

    def answers(refusing: float, telling: float) -> list[Said]:
        count = round(10 * refusing)
        return [Said("q", "a", "t", at < count, 0.0 if at < count else telling) for at in range(10)]

    return Conduct.of({"forget": answers(refused, revealed), "retain": answers(0, known)})


def test_a_model_that_mostly_refuses_is_named():
    oracle = conduct(0.1, 0.2)
    assert refuses(conduct(0.5, 0.2), oracle)
    assert not refuses(conduct(0.4, 0.2), oracle)
    # An oracle that was taught to refuse what it does not know does so as well.
    assert not refuses(conduct(0.5, 0.2), conduct(0.9, 0.2))
    assert refuses(conduct(0.5, 0.2), None)


def test_a_model_that_has_collapsed_is_named():
    oracle = conduct(0.0, 0.2, known=0.8)
    assert collapsed(conduct(0.0, 0.0, known=0.39), oracle)
    assert not collapsed(conduct(0.0, 0.0, known=0.41), oracle)
    assert collapsed(conduct(0.0, 0.0, known=0.2), None)
    assert not collapsed(conduct(0.0, 0.0, known=0.3), None)
    # Refusing what one knows is no collapse.
    own = Conduct({"forget": [1.0], "retain": [1.0]}, {"forget": [0.0], "retain": [0.0]})
    assert not collapsed(own, oracle)
    assert not collapsed(Conduct({"forget": [0.0]}, {"forget": [0.0]}), oracle)

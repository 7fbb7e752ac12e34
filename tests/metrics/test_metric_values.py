"""Values computed by hand on tiny records, and what must not change them."""

import math
import random
import statistics

import pytest
import scipy.stats
from helpers.made_records import SETS, make_document

from lethe import metrics
from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, MetricFile, harmonic_mean
from lethe.metrics.forget_quality import compare

LN2 = math.log(2)
# Two items a set. Probabilities are powers of two, so that the results are plain fractions.
HAND = {
    "answer_loss": [0.0, LN2],
    "paraphrase_loss": [LN2, 2 * LN2],
    "perturbed_loss": [[LN2, 3 * LN2], [LN2, LN2]],
}


@pytest.fixture
def by_hand(records):
    document = make_document(n=2)
    for name, columns in document["checkpoints"][0]["sets"].items():
        for column, values in HAND.items():
            if column in columns:
                columns[column] = values
        columns["perturbed_tokens"] = [[2, 2], [2, 2]]
        columns["answer"] = ["He wrote seven novels", "Rivers"]
        columns["generation"] = ["He wrote a novel", "lakes" if name != "forget" else "a river"]
    return records(document)


def values(file: MetricFile) -> dict[str, float]:
    return file.checkpoints[0].values


def near(**numbers):
    return pytest.approx(numbers, rel=1e-12, abs=1e-15)


def test_probability(by_hand):
    file = metrics.compute("probability", by_hand)
    # First item 1 / (1 + 1/2 + 1/8); second 1/2 / (1/2 + 1/2 + 1/2).
    choice = (8 / 13 + 1 / 3) / 2
    assert values(file) == near(forget=0.75, retain=0.75, real_authors=choice, world_facts=choice)
    assert file.checkpoints[0].items["forget"] == pytest.approx([1.0, 0.5])


def test_probability_of_a_collapsed_model_is_a_number(by_hand):
    items = by_hand.checkpoints[0].sets["real_authors"]
    items.answer_loss[:] = [3000.0, 2000.0]
    items.perturbed_loss[:] = [[3000.0, 9000.0], [10.0, 20.0]]
    file = metrics.compute("probability", by_hand)
    # Underflow must not make 0/0: equally hopeless answers share the probability.
    assert file.checkpoints[0].items["real_authors"] == [0.5, 0.0]


def test_rouge(by_hand):
    # "novel" and "novels" share their stem: 3 of 4 words; then 1 of 1 for "river", else 0 of 1.
    rest = 0.375
    expected = near(forget=0.875, retain=rest, real_authors=rest, world_facts=rest)
    assert values(metrics.compute("rouge", by_hand)) == expected


def test_rouge_is_recall_of_the_true_answer(by_hand):
    by_hand.checkpoints[0].sets["forget"].generation[:] = ["", "Rivers and many more words"]
    file = metrics.compute("rouge", by_hand)
    assert file.checkpoints[0].items["forget"] == [0.0, 1.0]


def test_truth_ratio_geometric(by_hand):
    file = metrics.compute("truth_ratio", by_hand)
    # Forget and retain: 2^(1-2) = 1/2 and 2^(2-1) = 2. True facts: 2^(0-2) = 1/4 and 2^(1-1) = 1.
    assert file.checkpoints[0].items["forget"] == pytest.approx([0.5, 2.0], rel=1e-12)
    assert values(file) == near(
        forget=0.5,
        retain=0.25,
        real_authors=0.375,
        world_facts=0.375,
    )
    assert file.settings == {"variant": "geometric"}


def test_truth_ratio_arithmetic(by_hand):
    file = metrics.compute("truth_ratio", by_hand, variant="arithmetic")
    # (1/2 + 1/8) / 2 over 1/2 and over 1; the second item has equal wrong answers: as before.
    assert file.checkpoints[0].items["forget"] == pytest.approx([0.625, 2.0], rel=1e-12)
    assert values(file) == near(
        forget=(0.625 + 0.5) / 2,
        retain=0.375 / 2,
        real_authors=(1 - 0.3125) / 2,
        world_facts=(1 - 0.3125) / 2,
    )


def test_every_form_of_the_forget_truth_ratio(by_hand):
    file = metrics.compute("forget_truth_ratio", by_hand)
    # R is 1/2 and 2 by the geometric mean, 5/8 and 2 by the arithmetic one.
    assert values(file) == near(
        geometric_closer=0.5,
        geometric_share=(2 / 3 + 1 / 3) / 2,
        arithmetic_closer=(0.625 + 0.5) / 2,
        arithmetic_share=(1 / 1.625 + 1 / 3) / 2,
        arithmetic_mean=(0.625 + 2) / 2,
    )


def test_paraphrased_probability(by_hand):
    file = metrics.compute("paraphrased_probability", by_hand)
    assert values(file) == near(forget=0.375, retain=0.375)
    assert file.checkpoints[0].items["retain"] == pytest.approx([0.5, 0.25])


@pytest.mark.parametrize("variant", ["geometric", "arithmetic"])
def test_truth_ratio_of_a_collapsed_model_is_finite(by_hand, tmp_path, variant):
    by_hand.checkpoints[0].sets["forget"].paraphrase_loss[:] = [5000.0, 0.0]
    by_hand.checkpoints[0].sets["forget"].perturbed_loss[:] = [[1.0, 1.0], [4000.0, 4000.0]]
    file = metrics.compute("truth_ratio", by_hand, variant=variant)
    assert values(file)["forget"] == pytest.approx(0, abs=1e-300)
    large, small = file.checkpoints[0].items["forget"]
    assert 1e300 < large < math.inf
    assert 0 < small < 1e-300


def test_truth_ratio_uses_the_answer_only_where_no_paraphrase_belongs(records):
    document = make_document()
    for column in ("paraphrase_loss", "paraphrase_tokens"):
        del document["checkpoints"][0]["sets"]["forget"][column]
    with pytest.raises(LetheError, match=r"'forget'.*'paraphrase_loss'"):
        metrics.compute("truth_ratio", records(document))


@pytest.mark.parametrize(
    ("name", "of"), [("truth_ratio", "forget"), ("probability", "world_facts")]
)
def test_items_without_wrong_answers_are_counted(records, name, of):
    document = make_document()
    for column in ("perturbed_loss", "perturbed_tokens"):
        document["checkpoints"][0]["sets"][of][column][1] = []
    with pytest.raises(LetheError, match=f"epoch 0, set '{of}': 1 items have no"):
        metrics.compute(name, records(document))


def test_ragged_wrong_answers_are_measured_item_by_item(records):
    document = make_document(n=1)
    columns = document["checkpoints"][0]["sets"]["forget"]
    alone = values(metrics.compute("truth_ratio", records(document)))["forget"]
    for column in columns:
        columns[column] = columns[column] * 2
    columns["perturbed_loss"] = [columns["perturbed_loss"][0], [1.0]]
    columns["perturbed_tokens"] = [columns["perturbed_tokens"][0], [2]]
    file = metrics.compute("truth_ratio", records(document))
    second = math.exp(-abs(columns["paraphrase_loss"][1] - 1.0))
    assert values(file)["forget"] == pytest.approx((alone + second) / 2)


def test_a_suite_without_a_set_says_so(by_hand):
    del by_hand.checkpoints[0].sets["retain"]
    for name in ("probability", "rouge", "truth_ratio"):
        with pytest.raises(LetheError, match="no set 'retain'"):
            metrics.compute(name, by_hand)


def utility_files(*numbers):
    """Metric files whose values for retain, real authors and world facts are given by metric."""
    names = ("probability", "rouge", "truth_ratio")
    sets = SETS[1:]
    return {
        name: MetricFile(name, [CheckpointValues(1, 4, dict(zip(sets, row, strict=True)))])
        for name, row in zip(names, numbers, strict=True)
    }


def test_model_utility_is_the_harmonic_mean_of_nine():
    rows = [0.9, 0.5, 0.4], [0.8, 1.0, 0.7], [0.6, 0.3, 0.2]
    file = metrics.compute("model_utility", needs=utility_files(*rows))
    nine = [number for row in rows for number in row]
    assert values(file) == near(
        model_utility=9 / sum(1 / x for x in nine),
        retain_utility=3 / (1 / 0.9 + 1 / 0.8 + 1 / 0.6),
    )
    assert values(file)["model_utility"] == pytest.approx(scipy.stats.hmean(nine), rel=1e-12)
    assert (file.checkpoints[0].epoch, file.checkpoints[0].step) == (1, 4)


def test_model_utility_is_zero_with_one_zero():
    file = metrics.compute(
        "model_utility", needs=utility_files([0.9, 0.5, 0.0], [0.8, 1.0, 0.7], [0.6, 0.3, 0.2])
    )
    assert values(file)["model_utility"] == 0
    assert values(file)["retain_utility"] > 0.7


def test_harmonic_mean_agrees_with_the_libraries():
    draw = random.Random(0)
    for size in (1, 3, 9, 50):
        numbers = [draw.uniform(1e-6, 1) for _ in range(size)]
        assert harmonic_mean(numbers) == pytest.approx(statistics.harmonic_mean(numbers), rel=1e-12)
        assert harmonic_mean(numbers) == pytest.approx(scipy.stats.hmean(numbers), rel=1e-12)
    assert harmonic_mean([5e-324, 1.0]) == 0


def test_model_utility_refuses_other_checkpoints_and_impossible_shares():
    files = utility_files([0.9, 0.5, 0.4], [0.8, 1.0, 0.7], [0.6, 0.3, 0.2])
    later = CheckpointValues(2, 8, files["rouge"].checkpoints[0].values)
    other = files | {"rouge": MetricFile("rouge", [later], path="run/rouge.json")}
    with pytest.raises(LetheError, match=r"run/rouge.json: not the checkpoints"):
        metrics.compute("model_utility", needs=other)
    with pytest.raises(LetheError, match=r"'retain' is 1.9, outside"):
        metrics.compute(
            "model_utility", needs=utility_files([1.9, 0.5, 0.4], [0.8, 1.0, 0.7], [0.6, 0.3, 0.2])
        )
    del files["truth_ratio"].checkpoints[0].values["retain"]
    with pytest.raises(LetheError, match="'truth_ratio': no value 'retain'"):
        metrics.compute("model_utility", needs=files)


def quality(run, oracle, **settings):
    needs = {"truth_ratio": metrics.compute("truth_ratio", run, **settings)}
    return metrics.compute(
        "forget_quality",
        needs=needs,
        oracle={"truth_ratio": metrics.compute("truth_ratio", oracle)},
    )


def ratios(items, questions=None, epoch=0, settings=None):
    questions = questions or [f"q{i}" for i in range(len(items))]
    checkpoint = CheckpointValues(
        epoch, 0, {"forget": 0.5}, {"forget": list(items)}, {"forget": questions}
    )
    return MetricFile("truth_ratio", [checkpoint], settings or {}, "truth.json")


def test_forget_quality_by_hand():
    # Four against four, wholly apart: 2 of C(8, 4) = 70 orders are as extreme.
    file = metrics.compute(
        "forget_quality",
        needs={"truth_ratio": ratios([1, 2, 3, 4])},
        oracle={"truth_ratio": ratios([5, 6, 7, 8])},
    )
    assert values(file) == near(
        forget_quality=2 / 70, log10_forget_quality=math.log10(2 / 70), ks_statistic=1.0
    )


def test_the_oracle_itself_has_quality_one(records):
    run = records(make_document())
    assert values(quality(run, run)) == near(
        forget_quality=1.0, log10_forget_quality=0.0, ks_statistic=0.0
    )


@pytest.mark.parametrize(
    ("n", "p"), [(40, 1.860340e-23), (200, 1.942643e-119), (400, 1.063590e-239)]
)
def test_p_is_exact_for_the_sizes_of_tofu(n, p):
    # Wholly apart: p = 2 / C(2n, n), the smallest p that TOFU's tables can show.
    apart = compare(list(range(n)), list(range(n, 2 * n)))
    assert apart["forget_quality"] == pytest.approx(p, rel=1e-6)
    log = math.log10(2) - math.log10(math.comb(2 * n, n))
    assert apart["log10_forget_quality"] == pytest.approx(log, rel=1e-9)


def test_an_underflowing_p_has_a_finite_logarithm():
    apart = compare(list(range(700)), list(range(700, 1400)))
    assert apart["forget_quality"] == 0
    assert apart["log10_forget_quality"] == pytest.approx(-307.6526555685888)


def test_forget_quality_counts_differing_questions():
    run, oracle = ratios([1, 2, 3], ["a", "b", "c"]), ratios([1, 2], ["a", "z"])
    with pytest.raises(LetheError, match=r"2 of its 3 forget questions.* 1 of the 2"):
        metrics.compute(
            "forget_quality", needs={"truth_ratio": run}, oracle={"truth_ratio": oracle}
        )


def test_forget_quality_tells_multiplicities_apart():
    run, oracle = ratios([1, 2, 3], ["a", "a", "b"]), ratios([1, 2, 3], ["a", "b", "b"])
    with pytest.raises(LetheError, match="1 of its 3 forget questions"):
        metrics.compute(
            "forget_quality", needs={"truth_ratio": run}, oracle={"truth_ratio": oracle}
        )


FAULTY_ORACLES = {
    "variant": (ratios([1, 2], settings={"variant": "arithmetic"}), "arithmetic"),
    "two": (
        MetricFile("truth_ratio", ratios([1, 2]).checkpoints + ratios([1, 2], epoch=1).checkpoints),
        "an oracle has 1 checkpoint, but this has 2",
    ),
    "no items": (MetricFile("truth_ratio", [CheckpointValues(0, 0, {"forget": 1.0})]), "no items"),
    "no ratio": (ratios([1, -2]), "not above 0"),
}


@pytest.mark.parametrize("fault", FAULTY_ORACLES)
def test_forget_quality_refuses_an_oracle_it_cannot_compare_with(fault):
    oracle, message = FAULTY_ORACLES[fault]
    run = {"truth_ratio": ratios([1, 2])}
    with pytest.raises(LetheError, match=message):
        metrics.compute("forget_quality", needs=run, oracle={"truth_ratio": oracle})


def shuffled(document, seed):
    """The same items in another order, and each item's wrong answers in another order."""
    draw = random.Random(seed)
    for columns in document["checkpoints"][0]["sets"].values():
        rows = draw.sample(range(len(columns["question"])), len(columns["question"]))
        for column in columns:
            columns[column] = [columns[column][row] for row in rows]
        for losses in columns["perturbed_loss"]:
            draw.shuffle(losses)
    return document


@pytest.mark.parametrize("variant", ["geometric", "arithmetic"])
def test_the_order_of_items_and_of_wrong_answers_changes_nothing(records, variant):
    plain, mixed = make_document(n=20), shuffled(make_document(n=20), seed=3)
    assert plain != mixed
    plain, mixed = records(plain), records(mixed)
    for name, settings in [
        ("probability", {}),
        ("rouge", {}),
        ("truth_ratio", {"variant": variant}),
    ]:
        one, two = (metrics.compute(name, run, **settings) for run in (plain, mixed))
        assert values(two) == near(**values(one))
        items = [file.checkpoints[0].items["forget"] for file in (one, two)]
        assert sorted(items[0]) == pytest.approx(sorted(items[1]), rel=1e-12)
    oracle = records(make_document(n=20, seed=9))
    mixed_oracle = records(shuffled(make_document(n=20, seed=9), seed=4))
    assert values(quality(plain, oracle)) == near(**values(quality(mixed, mixed_oracle)))
    assert values(quality(plain, oracle))["forget_quality"] < 1


def test_checkpoints_are_measured_one_by_one(records):
    both = records(make_document(epochs=(1, 2)))
    for name in ("probability", "rouge", "truth_ratio"):
        file = metrics.compute(name, both)
        assert [(c.epoch, c.step) for c in file.checkpoints] == [(1, 4), (2, 8)]
        for checkpoint, epoch in zip(file.checkpoints, (1, 2), strict=True):
            alone = metrics.compute(name, records(make_document(epochs=(epoch,))))
            assert alone.checkpoints[0] == checkpoint
        assert file.checkpoints[0].values != file.checkpoints[1].values

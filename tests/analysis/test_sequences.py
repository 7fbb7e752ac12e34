"""The measures of a sequence of requests, against numbers computed by hand."""

import pytest

from lethe.analysis.sequences import After, fresh, sequence, write_sequence
from lethe.common.errors import LetheError
from lethe.metrics.base import CheckpointValues, MetricFile, read_metric, write_metric

# A[t, j] in per cent: request 1 comes back to .3 and falls again, request 2 rises by .05.
BEFORE, COURSE = (0.8, 1.0, 0.5), ((0.2,), (0.3, 0.4), (0.1, 0.45, 0.05))
RETAIN_BEFORE, RETAIN = 0.9, (0.9, 0.63, 0.72)
UTILITY_BEFORE, UTILITY = 0.6, (0.6, 0.3, 0.45)


def metric(name: str, **values: float) -> MetricFile:
    return MetricFile(name, [CheckpointValues(5, 20, values)])


def after(asked, retain, utility) -> After:
    named = {f"request{n}": value for n, value in enumerate(asked, start=1)}
    return After(
        metric("requests", asked=0.0, **named),
        metric("probability", retain=retain),
        metric("model_utility", model_utility=utility),
    )


FULL = after(BEFORE, RETAIN_BEFORE, UTILITY_BEFORE)
RUN = [after(*one) for one in zip(COURSE, RETAIN, UTILITY, strict=True)]


def test_the_measures_after_the_last_request():
    last = sequence(FULL, RUN).checkpoints[-1]
    assert (last.epoch, last.step) == (3, 3)
    assert last.values == pytest.approx(
        {
            # 1 - .2/.8, 1 - .4/1, 1 - .05/.5
            "forgetting": (0.75 + 0.6 + 0.9) / 3,
            # 1 - .1/.8, 1 - .45/1
            "preservation": (0.875 + 0.55) / 2,
            # .3 - .2 at the second request, .45 - .4 at the third
            "rebound": (0.1 + 0.05) / 2,
            "now": 0.05,
            "earlier": (0.1 + 0.45) / 2,
            "retain": 0.72,
            "retained": 0.8,
            "retained_first": 1.0,
            "utility_first": 1.0,
            "retained_mean": (1 + 0.7 + 0.8) / 3,
            # Mean .75, deviations .15, -.12, -.03 of the shares .9, .63, .72.
            "stability": 1 - ((0.0225 + 0.0144 + 0.0009) / 3) ** 0.5 / 0.75,
            "model_utility": 0.45,
            "utility_kept": 0.75,
        },
        abs=1e-12,
    )
    assert last.items == {"asked": [0.1, 0.45, 0.05], "before": [0.8, 1.0, 0.5]}


def test_the_measures_grow_request_by_request():
    first, second, _ = (point.values for point in sequence(FULL, RUN).checkpoints)
    assert first["forgetting"] == first["preservation"] == pytest.approx(0.75)
    assert (first["rebound"], first["stability"]) == (0.0, 1.0)
    assert second["forgetting"] == pytest.approx((0.75 + 0.6) / 2)
    assert second["preservation"] == pytest.approx(1 - 0.3 / 0.8)
    assert second["rebound"] == pytest.approx(0.1)


def test_what_only_falls_has_no_rebound_at_all():
    falling = ((0.2,), (0.2, 0.4), (0.1, 0.4, 0.3))
    run = [after(*one) for one in zip(falling, RETAIN, UTILITY, strict=True)]
    assert [point.values["rebound"] for point in sequence(FULL, run).checkpoints] == [0.0] * 3


def test_a_model_that_no_request_changed_has_no_course():
    oracle = after((0.4, 0.25, 0.1), 0.9, 0.66)
    made = fresh(FULL, {2: after((0.4, 0.5), 0.9, 0.6), 3: oracle})
    assert [point.epoch for point in made.checkpoints] == [2, 3]
    last = made.checkpoints[-1].values
    assert last["forgetting"] == pytest.approx((0.5 + 0.75 + 0.8) / 3)
    assert last["preservation"] == pytest.approx((0.5 + 0.75) / 2)
    assert (last["retained"], last["utility_kept"]) == pytest.approx((1.0, 1.1))
    assert not {"rebound", "stability", "retained_mean"} & {*last}
    none = fresh(FULL, {3: FULL}).checkpoints[0].values
    assert (none["forgetting"], none["retained"], none["utility_kept"]) == (0.0, 1.0, 1.0)


def test_a_collapsed_model_has_numbers_all_the_same():
    empty = [after(asked, 0.0, 0.0) for asked in ((0.0,), (0.0, 0.0))]
    last = sequence(FULL, empty).checkpoints[-1].values
    assert (last["forgetting"], last["retained"], last["stability"]) == (1.0, 0.0, 1.0)


def test_there_is_no_share_of_utility_where_full_has_none():
    none = after(BEFORE, RETAIN_BEFORE, 0.0)
    points = [*sequence(none, RUN).checkpoints, *fresh(none, {3: RUN[-1]}).checkpoints]
    assert not [one for one in points if {"utility_kept", "utility_first"} & {*one.values}]
    assert points[-1].values["model_utility"] == 0.45


def test_a_file_without_a_request_is_refused():
    with pytest.raises(LetheError, match="no value 'request3'"):
        sequence(FULL, [*RUN[:2], RUN[1]])
    with pytest.raises(LetheError, match="no run after any request"):
        sequence(FULL, [])


def test_a_run_has_one_checkpoint_after_each_request():
    two = MetricFile("requests", [CheckpointValues(n, n, {"request1": 0.5}) for n in (1, 2)])
    with pytest.raises(LetheError, match="has 1 checkpoint, but this has 2"):
        sequence(FULL, [After(two, RUN[0].probability, RUN[0].model_utility)])


def test_it_is_written_from_files(tmp_path):
    def write(name: str, one: After) -> list:
        places = []
        for file in (one.requests, one.probability, one.model_utility):
            places.append(tmp_path / f"{name}_{file.metric}.json")
            write_metric(places[-1], file)
        return places

    full = write("full", FULL)
    run = [place for n, one in enumerate(RUN) for place in write(f"run{n}", one)]
    write_sequence(tmp_path / "made.json", full, run)
    assert read_metric(tmp_path / "made.json", "sequence").checkpoints == (
        sequence(FULL, RUN).checkpoints
    )
    write_sequence(tmp_path / "full.json", full, full, [3])
    assert read_metric(tmp_path / "full.json", "sequence").checkpoints == (
        fresh(FULL, {3: FULL}).checkpoints
    )


# --- by modality ---


def parted(one: After, **parts) -> After:
    """With the values of modalities: ``text=[...]``, one for each request."""
    more = {
        f"request{n}_by_{modality}": value
        for modality, values in parts.items()
        for n, value in enumerate(values, start=1)
    }
    values = one.requests.checkpoints[0].values | more
    return After(metric("requests", **values), one.probability, one.model_utility)


def test_requests_are_measured_by_modality_as_well():
    full = parted(FULL, text=BEFORE, picture=(0.5, 0.5, 0.5))
    courses = ((0.1,), (0.3, 0.2), (0.2, 0.1, 0.4))
    run = [parted(one, text=c, picture=p) for one, c, p in zip(RUN, COURSE, courses, strict=True)]
    last = sequence(full, run).checkpoints[-1].values
    for name in ("forgetting", "preservation", "rebound", "now", "earlier"):
        assert last[f"{name}_by_text"] == last[name]
    assert last["forgetting_by_picture"] == pytest.approx((0.8 + 0.6 + 0.2) / 3)
    assert last["preservation_by_picture"] == pytest.approx((0.6 + 0.8) / 2)
    # .3 - .1 at the second request, none later.
    assert last["rebound_by_picture"] == pytest.approx(0.1)
    assert (last["now_by_picture"], last["earlier_by_picture"]) == pytest.approx((0.4, 0.15))
    other = fresh(full, {3: run[-1]}).checkpoints[-1].values
    assert other["forgetting_by_picture"] == pytest.approx((0.6 + 0.8 + 0.2) / 3)
    assert "rebound_by_picture" not in other


def test_a_modality_that_some_request_lacks_is_left_out():
    full = parted(FULL, text=BEFORE, picture=(0.5, 0.5))
    run = [parted(one, text=course) for one, course in zip(RUN, COURSE, strict=True)]
    last = sequence(full, run).checkpoints[-1].values
    assert {name for name in last if "_by_" in name and not name.endswith("_by_text")} == set()

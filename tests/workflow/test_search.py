"""A search whose trials are proposed from the results of those before, run for real."""

import json

from lethe.common.files import read_json

PLACE = "results/smoke/micro/forget10"
SEARCH = {"methods": ["npo"], "strategy": "greedy", "trials": 3, "batch": 1, "epochs": [1]}


def test_a_search_runs_batch_by_batch_and_goes_on_when_it_is_stopped(worked):
    # Only the first batch, as after a stop.
    first = f"{PLACE}/npo_trial1/seed0/epoch1/checkpoint.json"
    worked.run(first, overlay={"search": SEARCH})
    batch = f"{PLACE}/npo/seed0/proposed/batch1.json"
    proposed = (worked / batch).read_bytes()
    (entry,) = json.loads(proposed)["trials"]
    assert entry["trial"] == "npo_trial1"
    # The place is that of one epoch, the record says how many there were.
    origin = read_json(worked / first)["origin"]
    assert origin["epoch"] == entry["settings"].get("epochs", 2)
    assert {"method": origin["method"], **entry["settings"]}.items() <= {
        "method": "npo",
        **origin["settings"],
    }.items()

    rest = worked.planned(f"{PLACE}/npo/seed0/search.json", overlay={"search": SEARCH})
    assert not {"propose_npo_batch1[forget10,0]", "unlearn_npo_trial1[forget10,0]"} & rest
    worked.run(f"{PLACE}/npo/seed0/search.json", overlay={"search": SEARCH})
    ranking = read_json(worked / f"{PLACE}/npo/seed0/search.json")
    assert [trial["trial"] for trial in ranking["trials"]] == ["npo", "npo_trial1", "npo_trial2"]
    assert ranking["trials"][1]["settings"] == entry["settings"]
    assert (worked / batch).read_bytes() == proposed
    assert worked.planned(f"{PLACE}/npo/seed0/search.json", overlay={"search": SEARCH}) == set()

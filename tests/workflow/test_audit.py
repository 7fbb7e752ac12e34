"""Audits in the workflow: which jobs they add, and what the page and each run's files say."""

import json

METHODS = ("grad_ascent", "kl_min", "npo")
COMPARED = ("forget10,full,0", "forget10,retain,0")
AUDITED = (*(f"forget10,{method},0" for method in METHODS), "forget10,retain,1000")
ON = {"audit": {"budget": "minutes", "probes": ["multiple_choice", "membership", "abstention"]}}


def jobs(compared=COMPARED, audited=AUDITED) -> set[str]:
    answers = {f"audit_answers[{run}]" for run in (*compared, *audited)}
    return answers | {f"audit[{run}]" for run in audited} | {"page", "all"}


def test_an_audit_adds_its_own_jobs_and_the_page(home):
    assert home.planned() == set()
    assert home.planned(overlay=ON) == jobs()
    # Settings of audits that are off change nothing.
    assert home.planned(overlay={"audit": {"probes": ["leak"]}}) == set()


def test_the_page_has_the_audit_of_every_run(worked):
    outcome = worked.run(overlay=ON)
    assert outcome.code == 0, outcome.end
    page = (worked / "results/smoke/report.html").read_text(encoding="utf-8")
    files = sorted((worked / "results/smoke/micro/forget10").glob("*/seed*/audit/audit.json"))
    assert [file.parts[-4] for file in files] == [*METHODS, "retain"]
    for file in files:
        made = json.loads(file.read_text(encoding="utf-8"))
        assert set(made["probes"]) == set(ON["audit"]["probes"])
        assert made["about"]["checkpoint"] == file.parts[-4]
        assert made["verdict"]["verdict"] in page
        assert (file.parent / "audit.html").is_file()
    assert page.count("Refusals and what is revealed</h3>") == len(files)
    assert '<h2 id="part-audits">Audits</h2>' in page
    assert worked.planned(overlay=ON) == set()
    again = worked.planned(
        overlay={"audit": {**ON["audit"], "settings": {"membership": {"items": 7}}}}
    )
    assert again == jobs()


def test_bad_settings_of_an_audit_are_one_line(home):
    for audit, words in (
        ({"budget": "day"}, "config: audit.budget: input should be"),
        ({"probes": ["leek"]}, "config: audit: unknown probe 'leek'; did you mean leak?"),
        ({"settings": {"leak": {"k": 99}}}, "metric 'leak': k is 99, but suite 'sampled' has"),
    ):
        outcome = home.snakemake("-n", overlay={"audit": audit})
        assert outcome.code != 0
        assert words in outcome.output

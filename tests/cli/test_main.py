"""The command line ``lethe``: what it prints, and that an error is one line and status 1."""

import json

import pytest
from helpers import made_logs
from helpers.commands import CLAIM, FAILED, LOST, refusal

from lethe.cli.demo import check_claims
from lethe.cli.main import main
from lethe.unlearn import methods


def error(*arguments: str) -> str:
    return refusal(lambda: main(list(arguments)))


def test_methods_are_listed_with_needs_and_defaults(capsys):
    main(["methods"])
    printed = capsys.readouterr().out
    for name in methods.names():
        assert f"\n{name} (" in f"\n{printed}"
    npo = printed.split("\nnpo (", 1)[1].split("\nnpo_retain", 1)[0]
    assert "beta=0.1" in npo
    assert "reference_nll" in npo


def test_no_command_is_an_error(capsys):
    with pytest.raises(SystemExit) as caught:
        main([])
    assert caught.value.code == 2
    assert "COMMAND" in capsys.readouterr().err


def test_claims_that_hold_are_printed(tmp_path, capsys):
    (tmp_path / "claims.json").write_text(json.dumps([CLAIM]))
    main(["claims", str(tmp_path / "claims.json")])
    lines = capsys.readouterr().out.splitlines()
    assert lines == [
        "holds      tiny/forget10: full knows 0.9 (must be > 0.8; 1 seed)",
        "1 claim: holds 1, fails 0, undecided 0.",
    ]


@pytest.mark.parametrize("row", [FAILED, LOST])
def test_claim_that_fails_is_an_error(row, tmp_path, capsys):
    (tmp_path / "claims.json").write_text(json.dumps([CLAIM, row]))
    message = error("claims", str(tmp_path / "claims.json"))
    assert message.endswith("claims.json: 1 of the claims fails")
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == ["holds", "FAILS", "2"]


def test_an_undecided_claim_is_no_error(tmp_path, capsys):
    values = {"0": 0.5, "1": -0.5}
    row = {**LOST, "values": values, "high": 0.5, "coverage": 0.5, "seeds": 2}
    row["verdict"] = "undecided"
    (tmp_path / "claims.json").write_text(json.dumps([row]))
    main(["claims", str(tmp_path / "claims.json")])
    assert capsys.readouterr().out.splitlines() == [
        "undecided  tiny/forget10: npo keeps more 0 [-0.5, 0.5] (must be > 0; 2 seeds, 50%)",
        "1 claim: holds 0, fails 0, undecided 1.",
        "A comparison is undecided with fewer than 5 seeds; docs/claims.md",
    ]


def test_worlds_are_judged_together(tmp_path, capsys):
    for seed in range(5):
        row = {**LOST, "values": {str(seed): -0.5}, "coverage": 0.0, "seeds": 1}
        row["verdict"] = "undecided"
        (tmp_path / f"{seed}.json").write_text(json.dumps([row]))
    main(["claims", str(tmp_path / "0.json")])
    assert capsys.readouterr().out.startswith("undecided")
    error("claims", *(str(tmp_path / f"{seed}.json") for seed in range(5)))
    assert capsys.readouterr().out.startswith("FAILS")


def test_the_demo_fails_on_bounds_that_one_seed_decides_and_on_nothing_else(tmp_path, capsys):
    file = tmp_path / "claims.json"
    file.write_text(json.dumps([CLAIM, LOST]))
    check_claims(file)
    assert "FAILS      tiny/forget10: npo keeps more" in capsys.readouterr().out
    exact = {**FAILED, "kind": "exact property"}
    for row in (FAILED, exact):
        file.write_text(json.dumps([CLAIM, LOST, row]))
        assert "1 of the claims fails" in refusal(lambda: check_claims(file))


def test_claims_of_the_old_form_are_named_as_such(tmp_path):
    old = {"model": "m", "split": "s", "seed": 0, "claim": "c", "value": 1.0}
    old |= {"relation": ">", "bound": 0.0, "holds": True}
    (tmp_path / "claims.json").write_text(json.dumps([old]))
    message = error("claims", str(tmp_path / "claims.json"))
    assert "claims of one seed each, as an earlier version judged them" in message


@pytest.mark.parametrize("text", [None, "[{"])
def test_claims_without_a_good_file_are_an_error(text, tmp_path):
    file = tmp_path / "claims.json"
    if text is not None:
        file.write_text(text)
    assert str(file) in error("claims", str(file))


def test_bring_from_a_folder_without_results_is_an_error(tmp_path, monkeypatch):
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    assert str(tmp_path) in error("bring", str(tmp_path))
    assert list((tmp_path / "here").iterdir()) == []


@pytest.fixture
def log(tmp_path):
    """A small log in the format of TOFU's authors."""
    file = tmp_path / "eval_log_aggregated.json"
    file.write_text(json.dumps(made_logs.official()))
    return file


def test_log_is_scored(log, capsys):
    main(["tofu-logs", str(log)])
    found = json.loads(capsys.readouterr().out)
    assert found["ROUGE Forget"] == 1
    assert "pvalue" not in found


def test_log_against_itself_is_no_different(log, capsys):
    main(["tofu-logs", str(log), "--oracle", str(log)])
    found = json.loads(capsys.readouterr().out)
    assert (found["pvalue"], found["n"], found["pairing"]) == (1, [3, 3], "all")
    main(["tofu-logs", str(log), "--oracle", str(log), "--unpaired"])
    assert json.loads(capsys.readouterr().out)["pairing"] == "unpaired"


def test_variant_changes_the_truth_ratio(log, capsys):
    found = []
    for variant in ("geometric", "arithmetic"):
        main(["tofu-logs", str(log), "--variant", variant])
        found.append(json.loads(capsys.readouterr().out)["Truth Ratio Forget"])
    assert found[0] != found[1]


def test_log_that_is_none_is_an_error(tmp_path):
    (tmp_path / "other.json").write_text("{}")
    assert "other.json" in error("tofu-logs", str(tmp_path / "other.json"))
    assert "a folder" in error("tofu-logs", str(tmp_path))
    assert "no such file" in error("tofu-logs", str(tmp_path / "absent.json"))

"""What a run shows on the screen: its own messages, without Snakemake's noise."""

NOISE = ("Select jobs to execute...", "Execute 1 jobs...", "Loading script code")
CARD = "results/smoke/data/README.md"


def test_the_screen_has_no_noise_and_the_log_has_everything(data, tmp_path):
    folder = data.copy(tmp_path / "folder")
    outcome = folder.run(CARD, cores=1)
    assert "data_card" in outcome.jobs
    assert "steps (100%) done" in outcome.output
    logs = (folder / ".snakemake/log").glob("*.log")
    newest = max(logs, key=lambda file: file.stat().st_mtime_ns).read_text(encoding="utf-8")
    for words in NOISE[:2]:
        assert words in newest
        assert words not in outcome.output
    report = folder.run("--report", "report.html", CARD)
    assert "Report created." in report.output
    assert NOISE[2] not in report.output

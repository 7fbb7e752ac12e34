"""What SLURM's answers mean: limits of partitions, ends of jobs, reasons to wait."""

import pytest

from lethe.pipeline import slurm
from lethe.pipeline.slurm import Ends, Partition, Watch, attempts, minutes, partitions, too_much

HERE = "/home/someone/lethe"
JOB = "rule_unlearn_npo_wildcards_micro_forget10_0"


def answers(*rows: str):
    return lambda *command: [row.split("|") for row in rows]


def test_a_job_has_the_comment_that_the_plugin_gives_it():
    from types import SimpleNamespace

    from snakemake_executor_plugin_slurm.utils import get_job_wildcards

    for values in (["micro", "forget10", "0"], ["a/b", "c"], []):
        theirs = get_job_wildcards(SimpleNamespace(wildcards=values))
        ours = slurm.comment_of("score", values)
        assert ours == (f"rule_score_wildcards_{theirs}" if theirs else "rule_score")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("1:00", 1), ("08:00:00", 480), ("2-00:00:00", 2880), ("infinite", None), ("n/a", None)],
)
def test_times_are_minutes(text, expected):
    assert minutes(text) == expected


def test_a_partition_of_unlike_nodes_gives_what_its_largest_gives():
    found = partitions(
        answers(
            "gpu|08:00:00|64000|gpu:a100:2(S:0-1)",
            "gpu|08:00:00|512000+|gpu:h100:4,shard:8",
            "cpu|infinite|16000|(null)",
        )
    )
    assert found == {"gpu": Partition(480, 512000, 4), "cpu": Partition(None, 16000, 0)}


def test_a_slurm_that_does_not_answer_has_no_partitions():
    assert partitions(lambda *command: None) == {}
    assert slurm.ask("no-such-command-of-slurm") is None


@pytest.mark.parametrize(
    ("asked", "expected"),
    [
        ({"runtime": 480, "mem_mb": 64000, "gpu": 2}, None),
        ({"runtime": 481}, "481 minutes, and partition gpu has 480"),
        ({"mem_mb": 64001}, "64001 MB on a node, and partition gpu has 64000"),
        ({"mem_mb": "<TBD>"}, None),
        ({"gpu": 3}, "3 GPUs on a node, and partition gpu has 2"),
    ],
)
def test_what_a_partition_never_gives_is_told(asked, expected):
    found = too_much("gpu", asked, {"gpu": Partition(480, 64000, 2)})
    assert found is None if expected is None else expected in found


def test_a_partition_that_is_not_there_is_told():
    assert "no partition long (sinfo knows cpu)" in too_much(
        "long", {}, {"cpu": Partition(None, None, None)}
    )


@pytest.mark.parametrize(
    ("ends", "runtime", "mem_mb"),
    [
        (["TIMEOUT"], 2, 1),
        (["OUT_OF_MEMORY"], 1, 2),
        (["CANCELLED"], 1, 1),
        (["FAILED"], 1, 1),
        (["NODE_FAIL"], 1, 1),
        (["TIMEOUT", "OUT_OF_MEMORY"], 2, 2),
        # Refused when it was submitted: it lacked nothing.
        ([], 1, 1),
        # SLURM does not answer.
        (None, 2, 2),
    ],
)
def test_a_job_asks_for_more_of_what_it_lacked(ends, runtime, mem_mb):
    attempt = 1 + len(ends or ["?"])
    assert attempts(ends, attempt) == {"runtime": runtime, "mem_mb": mem_mb}


def test_ends_are_those_of_the_job_in_this_folder_the_newest_last():
    ends = Ends(
        HERE,
        answers(
            f"12|TIMEOUT|{JOB}|{HERE}",
            f"9|CANCELLED|{JOB}|{HERE}",
            f"10|OUT_OF_MEMORY|{JOB}|{HERE}",
            f"13|RUNNING|{JOB}|{HERE}",
            f"14|FAILED|{JOB}|/elsewhere",
            f"15|FAILED|rule_other|{HERE}",
        ),
    )
    assert ends.of(JOB, 2) == ["OUT_OF_MEMORY", "TIMEOUT"]
    assert ends.of(JOB, 0) == []


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        ("0:9", "KILLED"),
        ("9:0", "KILLED"),
        ("137:0", "KILLED"),
        ("1:0", "FAILED"),
        ("19:0", "FAILED"),
    ],
)
def test_a_failed_job_that_was_killed_is_told_from_one_that_failed_by_itself(code, expected):
    def asked(*command):
        if command[0] == "scontrol":
            return [[f"JobId=9 JobState=FAILED Restarts=0 ExitCode={code} RunTime=00:00:12"]]
        return [["9", "FAILED", JOB, HERE]]

    ends = Ends(HERE, asked).of(JOB, 1)
    assert ends == [expected]
    assert attempts(ends, 2) == {"runtime": 1, "mem_mb": 2 if expected == "KILLED" else 1}


def test_a_slurm_that_does_not_answer_tells_no_ends():
    assert Ends(HERE, lambda *command: None).of(JOB, 1) is None


def test_ends_outlive_what_squeue_remembers():
    rows = [f"9|TIMEOUT|{JOB}|{HERE}"]
    ends = Ends(HERE, lambda *command: [row.split("|") for row in rows])
    assert ends.of(JOB, 1) == ["TIMEOUT"]
    rows[:] = [f"11|CANCELLED|{JOB}|{HERE}"]
    assert ends.of(JOB, 2) == ["TIMEOUT", "CANCELLED"]


def test_why_a_job_waits_is_said_once_and_only_where_waiting_does_not_help():
    said = []
    watch = Watch(
        HERE,
        said.append,
        answers(
            f"3|PartitionTimeLimit|{JOB}|{HERE}",
            f"4|Priority|{JOB}|{HERE}",
            f"5|AssocGrpGRES|{JOB}|{HERE}",
            f"6|ReqNodeNotAvail, UnavailableNodes:n1|{JOB}|{HERE}",
            f"8|QOSMaxCpuPerUserLimit|{JOB}|{HERE}",
            f"9|AssocGrpCPUMinutesLimit|{JOB}|{HERE}",
            f"7|PartitionTimeLimit|{JOB}|/elsewhere",
        ),
    )
    watch.look()
    watch.look()
    assert len(said) == 3
    assert said[0].startswith(f"SLURM: job 3 ({JOB}) waits: PartitionTimeLimit; lower runtime")
    assert "sinfo -R" in said[1]
    assert "AssocGrpCPUMinutesLimit" in said[2]

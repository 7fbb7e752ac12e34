"""Asking SLURM about partitions and jobs, through its own commands. Light to import.

A job is identified by its comment, rule and wildcards, which Snakemake's plugin sets.
"""

import re
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from threading import Event, Thread

# What a job needs more of after each of these ends; after any other, nothing.
MORE = {"TIMEOUT": "runtime", "DEADLINE": "runtime", "OUT_OF_MEMORY": "mem_mb", "KILLED": "mem_mb"}
# The exit code of a job killed by SIGKILL. Without cgroups, accounting kills jobs that exceed the
# memory they asked for, and SLURM calls them FAILED.
KILLED = re.compile(r"\bExitCode=(?:(?:9|137):\d+|\d+:9)\b")
# States of a job that has not ended.
GOING = {
    *("PENDING", "RUNNING", "CONFIGURING", "COMPLETING", "SUSPENDED", "STOPPED"),
    *("REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "RESIZING", "SIGNALING", "STAGE_OUT"),
    *("SPECIAL_EXIT", "RESV_DEL_HOLD", "REVOKED"),
}
# Reasons that resolve themselves: other jobs end, nodes come up, a quota of running jobs.
PASSING = {
    *("None", "Resources", "Priority", "Dependency", "BeginTime", "Cleaning", "Prolog"),
    *("JobArrayTaskLimit", "Reservation", "FrontEndDown", "Licenses", "Preempted"),
    *("WaitingForScheduling", "NodeDown", "Fed_Job_Lock"),
}
# Limits on what runs at a time, and on budgets (of a year, say), which are not given back.
OTHERS = re.compile(r"MaxJobs|Grp|PerUser|PerAcc")
SPENT = re.compile(r"(?<!Run)Minutes")
# What to do about a reason that does not say so itself.
REMEDIES = {
    "PartitionTimeLimit": "lower runtime in the profile, or name another partition",
    "PartitionNodeLimit": "ask for less in the profile, or name another partition",
    "AccountNotAllowed": "name an account of yours in the profile (slurm_account)",
    "InvalidAccount": "name an account of yours in the profile (slurm_account)",
    "InvalidQOS": "name a quality of service of yours in the profile (slurm-qos)",
    "QOSMaxWallDurationPerJobLimit": "lower runtime in the profile",
    "AssocMaxWallDurationPerJobLimit": "lower runtime in the profile",
    "BadConstraints": "no node has what the profile asks for: lower it",
    "ReqNodeNotAvail": "its nodes are down or reserved: sinfo -R says why",
    "JobHeldUser": "scontrol release starts it",
    "JobHeldAdmin": "an administrator holds it: ask why",
}
SECONDS = 30


@dataclass(frozen=True)
class Partition:
    """The most that a partition gives a job: minutes, MB of a node, GPUs of a node.

    None: no limit, or none that SLURM reports.
    """

    runtime: int | None
    mem_mb: int | None
    gpu: int | None


def ask(*command: str) -> list[list[str]] | None:
    """Lines of one of SLURM's commands, split at the bars; None if it does not answer."""
    try:
        done = subprocess.run(
            command, capture_output=True, encoding="utf-8", errors="replace", timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return [line.split("|") for line in done.stdout.splitlines() if line]


def comment_of(rule: str, wildcards: Iterable[str]) -> str:
    """The comment of a job, as the plugin writes it (its ``get_job_wildcards``)."""
    values = "_".join(wildcards).replace("/", "_")
    return f"rule_{rule}_wildcards_{values}" if values else f"rule_{rule}"


def minutes(text: str) -> int | None:
    """Minutes from SLURM's [days-]hours:minutes:seconds; None: no limit or not a time."""
    match = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", text)
    if match is None:
        return None
    days, hours, mins, _ = (int(part or 0) for part in match.groups())
    return 24 * 60 * days + 60 * hours + mins


def partitions(asked: Callable = ask) -> dict[str, Partition]:
    """Every partition that takes jobs, by name; empty if SLURM does not answer."""
    by_name: dict[str, Partition] = {}
    for name, limit, mem, gres in asked("sinfo", "-a", "-h", "-o", "%R|%l|%m|%G") or ():
        gpus = sum(int(n) for n in re.findall(r"(?:^|,)gpu(?::[^,:(]+)*?:(\d+)", gres))
        # A partition with several kinds of nodes has a line for each.
        before = by_name.get(name, Partition(None, 0, 0))
        size = int(re.sub(r"\D.*", "", mem) or 0)
        by_name[name] = Partition(
            minutes(limit), max(before.mem_mb or 0, size), max(before.gpu or 0, gpus)
        )
    return by_name


def too_much(name: str, asked: Mapping[str, int], known: Mapping[str, Partition]) -> str | None:
    """Why a request (``runtime``, ``mem_mb``, ``gpu``) exceeds a partition; None if it does not."""
    if name not in known:
        return f"there is no partition {name} (sinfo knows {', '.join(sorted(known))})"
    units = {"runtime": "minutes", "mem_mb": "MB on a node", "gpu": "GPUs on a node"}
    for key, unit in units.items():
        most = getattr(known[name], key)
        wanted = asked.get(key)
        # Values that depend on missing files are texts.
        if most is not None and isinstance(wanted, int) and wanted > most:
            return f"it asks for {wanted} {unit}, and partition {name} has {most}"
    return None


class Ends:
    """How earlier tries of jobs ended, as far as SLURM still knows."""

    def __init__(self, folder: str, asked: Callable = ask):
        self.folder, self.asked = folder, asked
        self.known: dict[str, tuple[str, str]] = {}
        self.killed: dict[str, bool] = {}

    def look(self) -> bool:
        """Ask SLURM; whether it answered."""
        command = ("squeue", "--me", "-h", "--states=all", "-o", "%i|%T|%k|%Z")
        rows = self.asked(*command)
        for row in rows or ():
            if len(row) == 4 and row[3] == self.folder:
                self.known[row[0]] = (row[2], row[1])
        return rows is not None

    def of(self, comment: str, count: int) -> list[str] | None:
        """The states in which the last ``count`` tries of a job ended, oldest first.

        Fewer if SLURM refused to take the job; None if it does not answer.
        """
        if not self.look():
            return None
        ended = [
            (int(re.match(r"\d+", number)[0]), self.exactly(number, state))
            for number, (of, state) in self.known.items()
            if of == comment and state not in GOING
        ]
        return [state for _, state in sorted(ended)][-count:] if count else []

    def exactly(self, number: str, state: str) -> str:
        """The state of a job that ended; ``KILLED`` for a failure that was a kill from outside."""
        if state == "FAILED" and number not in self.killed:
            rows = self.asked("scontrol", "show", "job", "-o", number) or [[]]
            self.killed[number] = bool(KILLED.search(" ".join(rows[0])))
        return "KILLED" if self.killed.get(number) else state


def attempts(ends: Iterable[str] | None, attempt: int) -> dict[str, int]:
    """The attempt number for each resource: one more for each end for lack of it.

    ``ends`` are those of the tries before ``attempt``; if None, the reason is unknown and every
    try counts for both resources.
    """
    if ends is None:
        return {"runtime": attempt, "mem_mb": attempt}
    lacked = [MORE.get(end) for end in ends]
    return {thing: 1 + lacked.count(thing) for thing in ("runtime", "mem_mb")}


def waits_for(reason: str) -> str | None:
    """What to do about a job's reason to wait; None if it resolves itself."""
    name = reason.split(",")[0].split("(")[0].strip()
    if name in PASSING or (OTHERS.search(name) and not SPENT.search(name)):
        return None
    return REMEDIES.get(name, "that may not pass: scontrol show job says more")


class Watch(Thread):
    """Reports, once for each job and reason, a wait of this folder's jobs that may never end."""

    def __init__(self, folder: str, say: Callable[[str], None], asked: Callable = ask):
        super().__init__(daemon=True, name="lethe-slurm")
        self.folder, self.say, self.asked = folder, say, asked
        self.said: set[tuple[str, str]] = set()
        self.ended = Event()

    def look(self) -> None:
        command = ("squeue", "--me", "-h", "--states=PENDING", "-o", "%i|%r|%k|%Z")
        for row in self.asked(*command) or ():
            if len(row) != 4 or row[3] != self.folder or (row[0], row[1]) in self.said:
                continue
            self.said.add((row[0], row[1]))
            remedy = waits_for(row[1])
            if remedy is not None:
                self.say(f"SLURM: job {row[0]} ({row[2]}) waits: {row[1]}; {remedy}")

    def run(self) -> None:
        while not self.ended.wait(SECONDS):
            self.look()

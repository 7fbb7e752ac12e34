# The workflow's interaction with SLURM, if that runs its jobs.

import re

from lethe.pipeline import slurm


def on_slurm():
    """Whether this process submits jobs to SLURM."""
    plugin = workflow.executor_plugin
    return workflow.is_main_process and plugin is not None and plugin.name == "slurm"


ENDS = slurm.Ends(str(Path.cwd()))


@cache
def ends_of(comment, attempt):
    return ENDS.of(comment, attempt - 1)


def in_array(rulename):
    """Whether a rule's jobs are submitted as arrays: all with the comment of the first."""
    named = re.split(r"[\s,]+", workflow.executor_settings.array_jobs or "")
    return rulename in named or "all" in named


def attempts_of(rulename, wildcards, attempt):
    """The attempt numbers by which a job's requests for time and for memory grow."""
    if attempt == 1 or not on_slurm() or in_array(rulename):
        return slurm.attempts(None, attempt)
    comment = slurm.comment_of(rulename, wildcards)
    return slurm.attempts(ends_of(comment, attempt), attempt)


@cache
def partitions():
    """SLURM's current partitions, by name."""
    return slurm.partitions()


def partition_limit(rulename, name):
    """The time or memory limit of a rule's partition; None if it is not known."""
    if not on_slurm():
        return None
    partition = constant(workflow.get_rule(rulename), "slurm_partition")
    return getattr(partitions().get(partition), name, None)


def check_resources():
    """Refuse jobs that cannot run under this profile, before anything is submitted."""
    given = any("gpu" in ruled.resources for ruled in OURS)
    if workflow.local_exec and not given:
        return
    for job in our_jobs():
        if job.is_local and not workflow.local_exec:
            continue
        found = problem_of(job)
        if found:
            raise WorkflowError(f"error: {found}")


def problem_of(job):
    """Why a job cannot run under this profile; None if it can."""
    problems = []
    if job.resources.get("gpu"):
        problems.append(gpu_problem(job, GPU_MB[job.rule.name]))
    if not workflow.local_exec:
        problems.append(memory_problem(job))
    if on_slurm():
        problems.append(partition_problem(job))
    return next(filter(None, problems), None)


def partition_problem(job):
    """Why a job exceeds all of its partitions; None if one would take it."""
    named, asked = job.resources.get("slurm_partition"), job.resources
    elsewhere = any(map(asked.get, ("cluster", "clusters", "slurm_cluster")))
    if named is None or elsewhere or not partitions():
        return None
    found = [slurm.too_much(one, asked, partitions()) for one in str(named).split(",")]
    return f"{job.rule.name}: {found[0]}; change the profile" if all(found) else None


def watch_slurm():
    """Report why jobs wait, if they may wait for ever."""
    if on_slurm():
        slurm.Watch(str(Path.cwd()), lambda line: print(line, file=sys.stderr)).start()


def submit_without_account():
    """Make slurm-no-account work: the plugin (2.8.0) has the option but never reads it.

    It asks sacct for the account of the user's last job, and without sacct submits nothing.
    """
    if on_slurm() and workflow.executor_settings.no_account:
        import snakemake_executor_plugin_slurm as plugin

        plugin.get_account = lambda logger: None

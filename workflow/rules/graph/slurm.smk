# What the workflow asks of SLURM, where that runs its jobs.

from lethe import slurm


def on_slurm():
    """Whether this process submits jobs to SLURM."""
    plugin = workflow.executor_plugin
    return workflow.is_main_process and plugin is not None and plugin.name == "slurm"


ENDS = slurm.Ends(str(Path.cwd()))


@cache
def ends_of(comment, attempt):
    return ENDS.of(comment, attempt - 1)


def attempts_of(rulename, wildcards, attempt):
    """As which attempt a job asks for time and for memory."""
    if attempt == 1 or not on_slurm():
        return {"runtime": attempt, "mem_mb": attempt}
    # As the plugin writes it (get_job_wildcards).
    values = "_".join(wildcards).replace("/", "_")
    comment = f"rule_{rulename}" + (f"_wildcards_{values}" if values else "")
    return slurm.attempts(ends_of(comment, attempt), attempt)


@cache
def partitions():
    """By name, as SLURM has them now."""
    return slurm.partitions()


def partition_limit(rulename, name):
    """What a rule's partition has of time or memory at the most; None where that is not known."""
    if not on_slurm():
        return None
    partition = constant(workflow.get_rule(rulename), "slurm_partition")
    return getattr(partitions().get(partition), name, None)


def check_resources():
    """Refuse what cannot run as the profile has it, before anything is submitted."""
    problems = []
    for job in workflow.dag.needrun_jobs():
        if job.is_local:
            continue
        gpu_mb = GPU_MB[job.rule.name]
        if job.resources.get("gpu"):
            problems.append(gpu_problem(job, gpu_mb))
        problems.append(partition_problem(job))
    found = sorted(set(filter(None, problems)))
    if found:
        raise WorkflowError(f"error: {found[0]}")


def partition_problem(job):
    """What a job asks too much of its partition; None where SLURM would take it."""
    name = job.resources.get("slurm_partition")
    if not on_slurm() or name is None or not partitions():
        return None
    found = slurm.too_much(str(name), job.resources, partitions())
    return found and f"{job.rule.name}: {found}; change the profile"


def watch_slurm():
    """Say why jobs wait, where that may be for ever."""
    if on_slurm():
        slurm.Watch(str(Path.cwd()), lambda line: print(line, file=sys.stderr)).start()


def submit_without_account():
    """Make slurm-no-account do what it says: the plugin (2.8.0) has the option and never reads it.

    It asks sacct for the account of the user's last job, and where there is no sacct submits nothing.
    """
    if on_slurm() and workflow.executor_settings.no_account:
        import snakemake_executor_plugin_slurm as plugin

        plugin.get_account = lambda logger: None

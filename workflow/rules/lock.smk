# Snakemake's lock outlives a killed run; it is removed here if the holder is provably gone.

from contextlib import contextmanager

from snakemake.exceptions import LockException
from snakemake.persistence.file import FilePersistence

from lethe.common import processes
from lethe.pipeline import workflow_lock


def output_folders():
    """Where planned jobs will write."""
    planned = workflow.dag.needrun_jobs()
    return {Path(file).parent for job in planned for file in job.output}


def with_holders(lock):
    """Snakemake's own ``lock``, noting who holds it; dry runs and --nolock do not lock."""

    @contextmanager
    def noted(persistence):
        folder = Path(persistence._lockdir)
        try:
            disk.check_writable([".snakemake", paths.RESULTS, *output_folders()])
            workflow_lock.release(folder)
            with lock(persistence):
                files = persistence._lockfile.values()
                with workflow_lock.holding(files, workflow.local_exec):
                    yield
        except LetheError as error:
            refused(error)
        except LockException:
            refused(workflow_lock.holders_message(folder))

    noted.of = lock
    return noted


processes.name_run()
if workflow.is_main_process and not IMPORTED:
    # On the class that this run will use; reading this file twice must not wrap it twice.
    _own = FilePersistence.lock
    FilePersistence.lock = with_holders(getattr(_own, "of", _own))

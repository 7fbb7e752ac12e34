# Which results are refused: only what a job of these rules would read or overwrite.

from snakemake.persistence import PersistenceBase

from lethe.pipeline import ledger

# Files in a checkpoint's folder that loading never reads: notes, cards, notebooks, pictures.
NOTES = (".md", ".rst", ".txt", ".ipynb", ".html", ".pdf", ".png", ".svg", ".csv")
# These belong to the tokenizer, in spite of their names.
READ = ("merges.txt", "vocab.txt")


def is_made(name):
    """Whether a rule makes a file of that name."""
    return any(rule.is_producer(name) for rule in OURS)


@cache
def is_checkpoint(folder):
    """Whether a checkpoint is made in a folder, whose other files are then read with it."""
    return is_made(f"{folder}/{paths.DIGEST}")


def counts(name):
    """Whether a job would read or overwrite a result."""
    if is_made(name):
        return True
    if name.endswith(NOTES) and not name.endswith(READ):
        return False
    return any(is_checkpoint(folder) for folder in Path(name).parents)


def check_provenance():
    """Refuse results of unknown origin, before any job runs."""
    try:
        ledger.check(counts=counts, whole=whole_folders())
    except LetheError as error:
        refused(error)


if workflow.is_main_process:
    check_provenance()


def compare_known_outputs():
    """Have Snakemake compare a job with its past where it knows one of its outputs.

    By itself it compares nothing if it does not know all of them: a changed setting would then be
    missed if another one, or another version, adds an output that nobody asks for. What it compares
    is still each output with its own past (tests/workflow/test_reruns.py).
    """
    as_before = PersistenceBase.has_metadata

    def has_metadata(self, job):
        known = (self.metadata(file) is not None for file in job.output)
        return any(known) if job.rule in OURS else as_before(self, job)

    PersistenceBase.has_metadata = has_metadata


compare_known_outputs()

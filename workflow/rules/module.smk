# Where this workflow's files are, and whether it runs by itself or is imported by another
# Snakefile.

import json
import logging
from functools import cache

try:
    import lethe_lab
except ImportError:
    sys.tracebacklimit = 0
    sys.exit("error: Lethe's library is not installed here; pip install lethe-lab")

lethe_lab.check()

from lethe.common.errors import LetheError
from lethe.pipeline import workflow_files


def refused(error):
    """Exit with one line, without a traceback into this file: the message says it all."""
    sys.tracebacklimit = 0
    sys.exit(f"error: {error}")


try:
    ROOT = workflow_files.root()
except LetheError as error:
    refused(error)

# If imported, the process, its terminal and its lock belong to the importer, which has its own
# rules.
IMPORTED = not workflow.modifier.is_main_snakefile()
# Only this workflow's rules, as far as they have been read.
OURS = workflow.modifier.rules

if workflow.modifier.path_modifier.replace_prefix("results/") != "results/":
    refused(
        "module: prefix and replace_prefix would part results from their provenance; leave them "
        "out, and give each import a world.name, or a working folder, of its own"
    )

_here = Path(str(workflow.current_basedir))
if not (_here / "module.smk").is_file():
    # Read from a repository, from which Snakemake gets single files, but scripts import others.
    sys.path.insert(0, str(ROOT / "workflow/scripts"))
elif _here.parents[1].resolve() != ROOT.resolve():
    refused(
        f"{_here.parents[1]}: these rules would run with the library of {ROOT}, which was "
        "imported before; import one of the two"
    )

if not IMPORTED:
    # On a full disk, Snakemake's log fails at each message and floods the screen with tracebacks.
    logging.raiseExceptions = False
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that cannot show a character shows an escape, and the run goes on.
        sys.stdout.reconfigure(errors="backslashreplace")


@cache
def names_here():
    return {proxy.rule.name: name for name, proxy in rules._rules.items()}


def name_here(rulename):
    """A rule's name in these files, even if an importer renames it."""
    return names_here().get(rulename, rulename)


def our_jobs():
    """The jobs of these rules that are to run."""
    return [job for job in workflow.dag.needrun_jobs() if job.rule in OURS]


def tell_jobs():
    """Tell scripts the names that these rules have here (scripts/rule_name.py)."""
    names = json.loads(os.environ.get("LETHE_RULES", "{}"))
    # Set here, not by the user, although Snakemake's lint takes a subscript to mean that.
    os.environ.update(LETHE_RULES=json.dumps(names | names_here()))

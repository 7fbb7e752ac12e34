# What the screen leaves out of Snakemake's messages; the log in .snakemake/log has them all.

from snakemake.logging import logger

NOISE = (
    "Select jobs to execute...",
    "Execute ",
    "Loading script code for rule ",
)


def is_news(record):
    """Whether a message says something that no other line says."""
    return not record.getMessage().startswith(NOISE)


# Another Snakefile that imports this one has its screen as it likes.
if workflow.is_main_process and not IMPORTED:
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.addFilter(is_news)

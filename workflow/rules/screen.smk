# What the screen leaves out of Snakemake's messages; the log in .snakemake/log has them all.

import re

from snakemake.logging import logger

NOISE = re.compile(
    r"Select jobs to execute\.\.\.|Execute \d+ jobs\.\.\.|Loading script code for rule "
)


def is_news(record):
    """Whether a message says something that no other line says."""
    return not NOISE.match(record.getMessage())


# Another Snakefile that imports this one controls its own screen.
if workflow.is_main_process and not IMPORTED:
    for handler in logger.handlers:
        if handler.name == "DefaultStreamHandler":
            handler.addFilter(is_news)

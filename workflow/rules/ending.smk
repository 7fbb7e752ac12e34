# How a run ends on Ctrl-C or SIGTERM: with one line, after its jobs, leaving nothing locked.

import logging
import signal
import threading
import time

import psutil
from snakemake.logging import logger
from snakemake.shell import shell

# On SIGTERM, Snakemake by itself waits until all running jobs have ended, perhaps for a day.
ASKS = (signal.SIGINT, signal.SIGTERM)
ASKED = "jobs are ended (trainings save their state first); run the same command again"


class Ending:
    """The handler of a signal that asks the run to end."""

    asked = False

    def __call__(self, number, frame):
        if not self.asked:
            self.asked = True
            print(f"{signal.Signals(number).name}: {ASKED}", file=sys.stderr)
            threading.Thread(target=self.end_jobs, daemon=True).start()
        raise KeyboardInterrupt

    def end_jobs(self):
        """Pass the signal on to this process's jobs, including those that are just starting."""
        stopped = set()
        while True:
            for job in set(psutil.Process().children()) - stopped:
                try:
                    if any(".snakemake/scripts/" in word for word in job.cmdline()):
                        job.terminate()
                        stopped.add(job)
                except psutil.Error:
                    continue
            time.sleep(0.2)

    def is_told(self, record):
        """Whether to show a message; the failures of the jobs that follow are hidden."""
        return not self.asked

    def listen(self):
        for number in ASKS:
            # Ignored if the run was started in the background.
            if signal.getsignal(number) is not signal.SIG_IGN:
                signal.signal(number, self)


def without_traceback(kind, error, trace, before=sys.excepthook):
    """No traceback for an interrupt during planning, which was already reported."""
    if not issubclass(kind, KeyboardInterrupt):
        before(kind, error, trace)


if not IMPORTED:
    # A job ignores Ctrl-C until it can end cleanly (workflow/scripts/common.py), and Snakemake
    # waits for its process directly, without a shell. An importer's shell commands are left as they
    # are.
    shell.prefix("set -euo pipefail; trap '' INT; exec ")

ending = Ending()
in_front = threading.current_thread() is threading.main_thread()
if workflow.is_main_process and in_front and not IMPORTED:
    ending.listen()
    # From asyncio, if the interrupt comes in the middle of a task during planning.
    for log in (logger, logging.getLogger("asyncio")):
        log.addFilter(ending.is_told)
    sys.excepthook = without_traceback

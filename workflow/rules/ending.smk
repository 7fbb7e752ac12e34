# How a run ends on Ctrl-C or SIGTERM: with one line, after its jobs, leaving nothing locked.

import asyncio
import logging
import os
import signal
import threading
import time

import psutil
from snakemake.logging import logger
from snakemake.shell import shell

# On SIGTERM, Snakemake by itself waits until all running jobs have ended, perhaps for a day.
ASKS = (signal.SIGINT, signal.SIGTERM)
ASKED = "jobs are ended (trainings save their state first); run the same command again"


# Looks, five a second, before a loop that does not close is interrupted once more.
PATIENCE = 25


def interrupted():
    raise KeyboardInterrupt


def waits_in_vain():
    """Whether the main thread closes a loop, all of whose tasks wait."""
    frame, names = sys._current_frames().get(threading.main_thread().ident), []
    while frame is not None:
        names.append(frame.f_code.co_name)
        frame = frame.f_back
    return names[:1] == ["select"] and "tear_down" in names


class Ending:
    """The handler of a signal that asks the run to end."""

    asked = False

    def __call__(self, number, frame):
        if not self.asked:
            self.asked = True
            print(f"{signal.Signals(number).name}: {ASKED}", file=sys.stderr)
            threading.Thread(target=self.end_jobs, daemon=True).start()
        self.interrupt(frame)

    def interrupt(self, frame):
        """Raise KeyboardInterrupt here, or, in Python's own modules, between two tasks of a loop.

        Between taking a task's step from the loop's queue and running it, an interrupt would lose
        the step, and the loop would wait for that task forever; in a callback of a weak reference
        it would itself be lost.
        """
        place = frame.f_globals.get("__name__", "").partition(".")[0]
        if place in sys.stdlib_module_names:
            try:
                asyncio.get_running_loop().call_soon_threadsafe(interrupted)
                return
            except RuntimeError:
                pass
        raise KeyboardInterrupt

    def end_jobs(self):
        """Pass the signal on to this process's jobs, including those that are just starting."""
        stopped, stuck = set(), 0
        while True:
            stuck = stuck + 1 if waits_in_vain() else 0
            if stuck > PATIENCE:
                os.kill(os.getpid(), signal.SIGINT)
                stuck = 0
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

"""Saving the state of a training, so that it can resume after it was stopped or killed.

A state is a folder ``save-N``: tensors as safetensors and values as JSON, which names the tensors'
digest; never pickle. It is written under a temporary name and renamed, and only then is the
previous one removed, so that a process killed at any moment leaves a complete state.
"""

import os
import re
import shutil
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from lethe.common.distributed import SingleProcess
from lethe.common.errors import AskedToEnd, LetheError
from lethe.common.files import read_json, sha256, write_json
from lethe.model.cost import Meter
from lethe.train.execution import NoStateSaver, Participant, State

SIGNALS = (signal.SIGTERM, signal.SIGINT)
TENSORS, VALUES = "tensors.safetensors", "values.json"
FORMAT = 1
_FOLDER = re.compile(r"save-(\d+)")


class StateSaver(NoStateSaver):
    """Saves at intervals, and when the process is asked to end (SIGTERM, SIGINT).

    A job may run several trainings (a method that trains two copies); a saved state holds all of
    them as of the same moment.
    """

    def __init__(
        self,
        folder: str | Path,
        seconds: float | None,
        meter: Meter | None = None,
        process_group: SingleProcess | None = None,
    ):
        """``folder`` belongs to this job; ``seconds`` between saves, None: only on a signal.

        LetheError if the saved state is damaged; it is removed, so that the next run starts again.
        """
        self.folder, self.seconds, self.meter = Path(folder), seconds, meter
        self.process_group, self.handlers = process_group or SingleProcess(), {}
        self.participants: dict[str, Participant] = {}
        self.before: list[Callable[[], None]] = []
        self.asked: signal.Signals | None = None
        self.saved = time.monotonic()
        self.waiting = self._read()

    def due(self) -> bool:
        late = self.seconds is not None and time.monotonic() - self.saved >= self.seconds
        # Processes take their steps together, so they must also stop together.
        return self.process_group.any(late or self.asked is not None)

    def take(self, name: str) -> State | None:
        return self.waiting.pop(name, None)

    @contextmanager
    def after(self, finish: Callable[[], None]) -> Iterator[None]:
        self.before.append(finish)
        try:
            yield
        finally:
            self.before.remove(finish)

    @contextmanager
    def joined(self, name: str, participant: Participant) -> Iterator[None]:
        if not self.participants:
            self._listen()
        self.participants[name] = participant
        try:
            yield
        finally:
            del self.participants[name]
            if not self.participants:
                self._listen_no_more()

    def save(self) -> None:
        for finish in self.before:
            finish()
        step = sum(participant.number for participant in self.participants.values())
        states = self.waiting | {
            name: {
                key: self.process_group.unsharded(value)
                for key, value in participant.state().items()
            }
            for name, participant in self.participants.items()
        }
        try:
            if self.process_group.rank == 0:
                self._write(states)
        except OSError as error:
            raise LetheError(
                f"{self.folder}: the training's state cannot be saved ({error.strerror or error}); "
                "make room, then run the same command again: it goes on from the last saved state"
            ) from error
        self.saved = time.monotonic()
        if self.process_group.any(self.asked is not None):
            raise AskedToEnd(
                f"asked to end, stopped after step {step}; "
                "run the same command again: it goes on from there"
            )

    def _listen(self) -> None:
        """Record termination signals instead of ending at once, so that the step finishes."""
        if threading.current_thread() is threading.main_thread():
            self.handlers = {s: signal.signal(s, self._note) for s in SIGNALS}

    def _note(self, number, frame) -> None:
        self.asked = signal.Signals(number)

    def _listen_no_more(self) -> None:
        for number, handler in self.handlers.items():
            signal.signal(number, handler)
        self.handlers = {}

    def _write(self, states: Mapping[str, State]) -> None:
        from safetensors import SafetensorError
        from safetensors.torch import save_file
        from torch import Tensor

        before = self._saved_folders()
        number = 1 + int(_FOLDER.fullmatch(before[-1].name)[1]) if before else 1
        temporary, final = self.folder / ".save", self.folder / f"save-{number}"
        shutil.rmtree(temporary, ignore_errors=True)
        temporary.mkdir(parents=True)
        tensors, values = {}, {}
        for participant, state in states.items():
            values[participant] = {k: v for k, v in state.items() if not isinstance(v, Tensor)}
            tensors |= {
                f"{participant}/{k}": v.detach().cpu().contiguous()
                for k, v in state.items()
                if isinstance(v, Tensor)
            }
        try:
            save_file(tensors, temporary / TENSORS)
            _to_disk(temporary / TENSORS)
            spent = None if self.meter is None else self.meter.spent()
            head = {"format": FORMAT, "sha256": sha256(temporary / TENSORS), "spent": spent}
            write_json(temporary / VALUES, {**head, "states": values})
            _to_disk(temporary / VALUES)
            temporary.rename(final)
        except SafetensorError as error:
            raise OSError(str(error)) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        for other in before:
            shutil.rmtree(other)

    def _saved_folders(self) -> list[Path]:
        """The saved states, the latest one last."""
        entries = self.folder.iterdir() if self.folder.is_dir() else ()
        numbered = [(m, entry) for entry in entries if (m := _FOLDER.fullmatch(entry.name))]
        return [entry for _, entry in sorted(numbered, key=lambda pair: int(pair[0][1]))]

    def _read(self) -> dict[str, State]:
        folders = self._saved_folders()
        if not folders:
            return {}
        from safetensors import SafetensorError
        from safetensors.torch import load_file

        folder = folders[-1]
        try:
            values = read_json(folder / VALUES)
            if values["format"] != FORMAT or sha256(folder / TENSORS) != values["sha256"]:
                raise ValueError("its digest differs")
            tensors = load_file(folder / TENSORS)
        except (LetheError, OSError, ValueError, KeyError, SafetensorError) as error:
            shutil.rmtree(self.folder, ignore_errors=True)
            raise LetheError(
                f"{folder}: the training's saved state is damaged ({error}) and was removed; run "
                "the same command again: it trains from the beginning"
            ) from error
        if self.meter is not None and values["spent"] is not None:
            self.meter.add(values["spent"])
        states: dict[str, State] = {name: dict(state) for name, state in values["states"].items()}
        for name, tensor in tensors.items():
            participant, _, key = name.partition("/")
            states[participant][key] = tensor
        return states


def _to_disk(path: Path) -> None:
    """Flush a file to disk before it gets its final name."""
    with open(path, "rb") as file:
        os.fsync(file.fileno())

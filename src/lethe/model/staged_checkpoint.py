"""The files of a checkpoint that is being saved, in a hidden folder until all are there."""

import os
import shutil
import tempfile
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from lethe.common import paths
from lethe.common.files import open_to_others, read_json, write_json
from lethe.model import attached, loading_notice, weights_file
from lethe.model.checkpoint_record import describe
from lethe.model.precision import stored


@dataclass
class Staged:
    """A checkpoint of which everything but the bytes of ``weights`` is in ``temporary``.

    ``weights``: by name, in the form in which the file has them; None: the file already exists.
    ``about``: what its record says besides the digests.
    """

    folder: Path
    temporary: Path
    weights: dict[str, torch.Tensor] | None = None
    about: dict[str, Any] = field(default_factory=dict)

    @classmethod
    def begin(cls, folder: Path) -> "Staged":
        """A new hidden folder beside the final one."""
        folder.parent.mkdir(parents=True, exist_ok=True)
        return cls(folder, Path(tempfile.mkdtemp(prefix=f".{folder.name}.", dir=folder.parent)))

    def copy_weights(self, places: dict[str, torch.Tensor]) -> None:
        """Hold a copy in main memory, so that training may change the model.

        ``places``: memory for it by name, which is used where it fits and added where it is
        missing: new memory takes longer to get than to fill.
        """
        for name, value in (self.weights or {}).items():
            place = places.get(name)
            if place is None or (place.shape, place.dtype) != (value.shape, value.dtype):
                place = places[name] = torch.empty_like(value, device="cpu")
            place.copy_(value.detach())
            self.weights[name] = place

    def finish(self) -> None:
        """Write the weights and the record, and give the folder its name."""
        try:
            known = {}
            if self.weights is not None:
                file = self.temporary / paths.WEIGHTS
                known[paths.WEIGHTS] = weights_file.write(file, self.weights)
            record = {**describe(self.temporary, known), **self.about}
            write_json(self.temporary / paths.DIGEST, record, indent=1)
            _open(self.temporary)
            if self.folder.exists():
                shutil.rmtree(self.folder)
            self.temporary.replace(self.folder)
        finally:
            self.discard()

    def discard(self) -> None:
        """Remove what is not finished, and let go of the weights."""
        self.weights = None
        shutil.rmtree(self.temporary, ignore_errors=True)


def save_configuration(folder: Path, model) -> None:
    """Write a model's configuration files, in which the dtype is that of the checkpoint."""
    # With no weights transformers writes everything else.
    model.save_pretrained(folder, state_dict={})
    dtype = attached.model_state(model).dtype
    if dtype is not None:
        config = read_json(folder / "config.json")
        config["dtype"] = str(dtype).removeprefix("torch.")
        write_json(folder / "config.json", config, indent=2)


def saved_weights(model, weights: dict[str, Any] | None) -> dict[str, torch.Tensor]:
    """A model's weights by the names, and in the form, in which transformers saves them.

    ``weights``: those gathered from shards; None: the model's own.
    """
    from transformers.core_model_loading import revert_weight_conversion
    from transformers.modeling_utils import remove_tied_weights_from_state_dict

    weights = stored(model) if weights is None else weights
    weights = dict(model.state_dict() if weights is None else weights)
    for name in model._keys_to_ignore_on_save or ():
        weights.pop(name, None)
    return revert_weight_conversion(model, remove_tied_weights_from_state_dict(weights, model))


def save_tokenizer(folder: Path, tokenizer) -> None:
    """Write a tokenizer's files, the same whether it was loaded online or offline."""
    tokenizer.save_pretrained(folder)
    file = folder / "tokenizer_config.json"
    config = read_json(file)
    # transformers records how it looked for the files, which HF_HUB_OFFLINE changes.
    config.pop("local_files_only", None)
    write_json(file, config, indent=2)


def link_weights(model, folder: Path) -> bool:
    """Link the weights of the folder that a model came from, if equal bit by bit; return whether.

    Only a single weights file, as ours is, can be linked. If links cannot be made (on another file
    system) the file is copied. Nothing ever modifies a weights file once it has its name.
    """
    parent = Path(model.name_or_path)
    file = (parent / paths.WEIGHTS).resolve()
    if not model.name_or_path or not file.is_file() or not same_weights(model, file):
        return False
    try:
        os.link(file, folder / paths.WEIGHTS)
    except OSError:
        shutil.copyfile(file, folder / paths.WEIGHTS)
    for name in ("config.json", "generation_config.json"):
        if (parent / name).is_file():
            shutil.copyfile(parent / name, folder / name)
    if loading_notice.is_one(folder / "config.json"):
        plain = loading_notice.configuration(folder / "config.json")
        write_json(folder / "config.json", plain, indent=2)
    return True


def same_weights(model, file: Path) -> bool:
    """Whether a file holds every parameter and buffer of a model, bit by bit."""
    from safetensors import safe_open

    state = model.state_dict()
    with safe_open(file, framework="pt") as stored:
        names = set(stored.keys())
        places = {state[name].data_ptr() for name in names if name in state}
        # Tied weights are stored once.
        rest = (state[name] for name in state.keys() - names)
        if not names <= state.keys() or any(tensor.data_ptr() not in places for tensor in rest):
            return False

        # One tensor at a time until one differs; after training that is the first, so the smallest
        # come first.
        def same(name: str) -> bool:
            tensor = stored.get_tensor(name)
            return torch.equal(state[name].cpu(), tensor.to(state[name].dtype))

        return all(same(name) for name in sorted(names, key=lambda n: (state[n].numel(), n)))


def _open(folder: Path) -> None:
    """Give a checkpoint's files normal permissions, since libraries write private ones.

    Linked weights also belong to another checkpoint, and keep theirs.
    """
    for file in folder.iterdir():
        if not file.is_symlink() and file.stat().st_nlink == 1:
            open_to_others(file)
    open_to_others(folder)

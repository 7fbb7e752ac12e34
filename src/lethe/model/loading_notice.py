"""Configurations that plain loading rejects, of checkpoints that it would get wrong.

Weights that carry interventions are those of the model that knows everything, and whoever opens
them without Lethe would measure that model. So the configuration beside them is a notice: in the
fields that any loader reads first stands how to load the checkpoint, and the true configuration
lies within it as data. No code comes with it (``auto_map``). The same goes for adapters upon
adapters, of which peft puts together another model without a word.
"""

from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import read_json, write_json

NOTICE = (
    "lethe: other loaders would make another model of this checkpoint; "
    "load it with lethe.model.checkpoint.load(folder), as README.md says"
)
# What a loader looks up first: of a model its kind and sizes, of adapters their kind and base.
READ_FIRST = {
    "config.json": ("model_type", "vocab_size", "hidden_size"),
    "adapter_config.json": ("peft_type", "base_model_name_or_path"),
}
CONTENT = "within"


def put(folder: Path) -> None:
    """Turn the configurations of a folder that is being written into notices."""
    for name, fields in READ_FIRST.items():
        file = folder / name
        if file.is_file():
            # In a list: of a mapping transformers would find the kind that it looks for.
            notice = dict.fromkeys(fields, NOTICE) | {CONTENT: [configuration(file)]}
            write_json(file, notice, indent=2)


def is_one(file: Path) -> bool:
    """Whether a configuration is a notice."""
    return file.is_file() and CONTENT in _object(file)


def configuration(file: Path) -> dict[str, Any]:
    """The true configuration of a file, a notice or not; LetheError where it is neither."""
    content = _object(file)
    if CONTENT not in content:
        return content
    match content[CONTENT]:
        case [dict() as inner]:
            return inner
    raise LetheError(f"{file}: its notice holds no configuration; get or make the model again")


def _object(file: Path) -> dict[str, Any]:
    try:
        content = read_json(file)
    except LetheError as error:
        reason = str(error).partition(";")[0]
        raise LetheError(f"{reason}; get or make the model again") from None
    if not isinstance(content, dict):
        raise LetheError(f"{file}: no object of settings; get or make the model again")
    return content

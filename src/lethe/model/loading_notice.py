"""Configurations that other loaders reject, for checkpoints that they would load wrongly.

The weights of a checkpoint with interventions are those of the model that still knows everything;
loaded without Lethe, that model would be measured. So the configuration beside them is a notice:
the fields that every loader reads first say how to load the checkpoint, and the true configuration
is inside as data. It brings no code (``auto_map``). Adapters whose base has adapters get a notice
too, because peft would silently build a different model from them.
"""

from pathlib import Path
from typing import Any

from lethe.common.errors import LetheError
from lethe.common.files import read_json, write_json

NOTICE = (
    "lethe: other loaders would make another model of this checkpoint; "
    "load it with lethe.model.checkpoint.load(folder), as README.md says"
)
# What a loader reads first: a model's type and sizes, the type and base of adapters.
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
            # In a list, because transformers would find the model type inside a mapping.
            notice = dict.fromkeys(fields, NOTICE) | {CONTENT: [configuration(file)]}
            write_json(file, notice, indent=2)


def is_one(file: Path) -> bool:
    """Whether a configuration is a notice."""
    return file.is_file() and CONTENT in _object(file)


def configuration(file: Path) -> dict[str, Any]:
    """The true configuration in a file, which may be a notice; LetheError if it holds none."""
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
        raise LetheError(f"{file}: not a JSON object; get or make the model again")
    return content

"""``method_settings`` and ``attack_settings``: the keys that are not the plug-in's own."""

from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from lethe.pipeline.config.keys import REQUIRED, Name, PluginSettings, Section, key


class PreviousRun(Section):
    """The run whose last checkpoint another run starts from."""

    run: str = key(REQUIRED, "a run's name")
    split: str | None = key(None, "the split of that run; null: the same")


def _named(value: Any) -> Any:
    if value is None or isinstance(value, PreviousRun):
        return value
    if isinstance(value, str):
        return {"run": value}
    if isinstance(value, Mapping) and {"run"} <= {*value} <= {"run", "split"}:
        return value
    raise ValueError("write a run's name, or {run: NAME, split: SPLIT}")


# A name alone is short for a mapping with only the run.
Previous = Annotated[
    PreviousRun | None,
    BeforeValidator(_named),
    WithJsonSchema({"type": ["string", "object", "null"]}),
]


class ConfiguredMethod(PluginSettings):
    """A method: its file, its start, and the settings that its file declares."""

    method: Name | None = key(
        None,
        "the method that X is a variant of; null: X",
        "`unlearn_X`, what is measured of it, tables and figures",
        "a file of `src/lethe/unlearn/methods/`; null",
    )
    previous_run: Previous = key(
        None,
        "the run whose last checkpoint X starts from; null: full",
        "as above",
        "a run's name; `{run: NAME, split: SPLIT}`; null",
    )
    supervision: Name | None = key(
        None,
        "the rows that X gets ([forget.md](forget.md)); null: what `supervision` says",
        "X, what is measured of it, tables and figures; of a new kind `supervision_KIND`",
        "`gold`; a file of `src/lethe/unlearn/supervisions/`; null",
    )


class AttackSettings(PluginSettings):
    """An attack: its file, and the settings that the file declares."""

    attack: Name | None = key(
        None,
        "the attack that X is a variant of; null: X",
        "the attacks X; `table_states`",
        "a file of `src/lethe/evaluate/attacks/`; null",
    )
    of: Name | None = key(
        None,
        "another of `attacks`, after which this one is done; null: the run as it is",
        "the attacks X and those after them; `table_states`",
        "a name in `attacks`; null",
    )

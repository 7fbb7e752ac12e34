"""Generating the configuration's JSON schema and the tables of docs/configuration.md.

``python -m lethe.pipeline.config.documentation``, in Lethe's folder, writes both; ``make
config-docs`` calls it. On the page, each table is between two marks that name it.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from lethe.model.architectures.llama import Architecture
from lethe.model.architectures.llava import Architecture as Llava
from lethe.model.architectures.masked_diffusion import Architecture as Masked
from lethe.model.settings import Compute, LoRA
from lethe.pipeline.config.agreement import Agreement
from lethe.pipeline.config.audit import Audit
from lethe.pipeline.config.best_epoch import BestEpoch
from lethe.pipeline.config.config import Config
from lethe.pipeline.config.defences import Defences, DefenceSettings
from lethe.pipeline.config.evaluation import Evaluation
from lethe.pipeline.config.harness import Harness
from lethe.pipeline.config.interpolation import Interpolation
from lethe.pipeline.config.lineage import Lineage
from lethe.pipeline.config.meta_evaluation import MetaEvaluation
from lethe.pipeline.config.methods import AttackSettings, ConfiguredMethod
from lethe.pipeline.config.models import BASE, ArchitectureSettings, ModelSettings, Template
from lethe.pipeline.config.requests import Requests
from lethe.pipeline.config.running import Checkpoints, Running, ThreadCounts
from lethe.pipeline.config.search import Search
from lethe.pipeline.config.world import Languages, World
from lethe.train.settings import Finetuning, Pretraining, Schedule
from lethe.unlearn.alternatives import Alternatives
from lethe.unlearn.method import MethodSettings

SCHEMA = Path("workflow/schemas/config.schema.json")
PAGE = Path("docs/configuration.md")
HEAD = "| key | meaning | allowed | default | what runs again |\n|---|---|---|---|---|"
# Keys for the tables that do not belong in the schema.
OURS = ("reruns", "allowed")

Part = tuple[str, type[BaseModel], Iterable[str], str]


def _part(prefix: str, model: type[BaseModel], names: Iterable[str] = (), reruns: str = "") -> Part:
    """Rows of a table: keys of a model (by default all), and what they rerun unless declared."""
    return prefix, model, tuple(names) or tuple(model.model_fields), reruns


def _added(model: type[BaseModel], base: type[BaseModel]) -> list[str]:
    return [name for name in model.model_fields if name not in base.model_fields]


M, X = "model_settings.M.", "method_settings.X."
TRIALS = "the trials of what is new; `search_X`, `table_search`"
# The rows of each table, by its name.
TABLES: dict[str, list[Part]] = {
    "world": [_part("world.", World), _part("world.languages.", Languages)],
    "splits": [_part("", Config, ("splits", "split_settings", "seeds", "oracle_seeds"))],
    "models": [
        _part("", Config, ("models",)),
        _part(M, ModelSettings, _added(ModelSettings, Compute)),
    ],
    "architecture": [
        _part(f"{M}architecture.", ArchitectureSettings),
        _part(f"{M}architecture.", Architecture, (), BASE),
        _part("(`masked_diffusion`) ", Masked, _added(Masked, Architecture), BASE),
        _part("(`llava`) ", Llava, _added(Llava, Architecture), BASE),
    ],
    "model compute": [
        _part(M, Compute, (), "everything of M; `lora` and checkpointing: all that is trained"),
        _part(f"{M}lora.", LoRA, (), "all that is trained"),
    ],
    "schedule": [
        _part("", Schedule, (), "what is trained by it"),
        _part("(`finetune`) ", Finetuning, _added(Finetuning, Schedule), "what is trained by it"),
        _part("(`pretrain`) ", Pretraining, _added(Pretraining, Schedule), "what is trained by it"),
    ],
    "template": [_part(f"{M}template.", Template)],
    "methods": [
        _part("", Config, ("methods", "unlearning", "method_settings")),
        _part("", Config, ("supervision", "supervision_settings")),
        _part(X, ConfiguredMethod),
        _part(X, MethodSettings, _added(MethodSettings, Schedule), "as above"),
        _part("", Config, ("snapshots",)),
    ],
    "requests": [_part("requests.", Requests)],
    "alternatives": [
        _part("alternatives.", Alternatives, (), "`alternatives`, then the methods that need them")
    ],
    "evaluation": [
        _part("evaluation.", Evaluation),
        _part("", Config, ("metrics", "metric_settings", "suite_settings")),
        _part("search.", Search, (), TRIALS),
        _part("best_epoch.", BestEpoch),
        _part("agreement.", Agreement),
        _part("", Config, ("attacks", "attack_methods", "attack_settings")),
        _part("attack_settings.X.", AttackSettings),
        _part("interpolation.", Interpolation),
        _part("lm_eval.", Harness),
        _part("defences.", Defences),
        _part("defences.settings.X.", DefenceSettings),
        _part("meta_evaluation.", MetaEvaluation),
        _part("lineage.", Lineage),
        _part("audit.", Audit),
        _part("", Config, ("figures",)),
        _part("threads.", ThreadCounts),
        _part("", Config, ("logs",)),
    ],
    "running": [_part("compute.", Running)],
    "disk": [_part("checkpoints.", Checkpoints)],
    "tracking": [_part("", Config, ("tracking",))],
}


def schema() -> dict[str, Any]:
    """The JSON schema (draft 2020-12). It does not list plug-ins, whose names are file names."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Lethe's configuration",
        **_plain(Config.model_json_schema()),
    }


def _plain(value: Any) -> Any:
    if isinstance(value, list):
        return [_plain(one) for one in value]
    if not isinstance(value, dict):
        return value
    schema = {name: _plain(inner) for name, inner in value.items() if not _ours(name, inner)}
    if isinstance(schema.get("pattern"), str):
        # In some programs, "$" also matches before a final line end.
        schema["pattern"] = re.sub(r"\$$", r"$(?!\\n)", schema["pattern"])
    return schema


def _ours(name: str, inner: Any) -> bool:
    return (name in OURS or name == "title") and isinstance(inner, str)


def table(name: str) -> str:
    """A table of the page, as Markdown."""
    return "\n".join([HEAD, *(row for part in TABLES[name] for row in _rows(*part))])


def _rows(prefix: str, model: type[BaseModel], names: Iterable[str], reruns: str) -> Iterator[str]:
    schemas = model.model_json_schema()
    for name in names:
        field = model.model_fields[name]
        extra = field.json_schema_extra if isinstance(field.json_schema_extra, dict) else {}
        choices = extra.get("allowed") or allowed(schemas["properties"][name], schemas)
        again = extra.get("reruns") or reruns
        # A prefix of the key says which part it belongs to.
        mark, dotted = (prefix, name) if prefix[:1] == "(" else ("", f"{prefix}{name}")
        cells = (f"{mark}`{dotted}`", field.description, choices, _default(field), again)
        yield f"| {' | '.join(cell or '' for cell in cells)} |"


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "none: give it"
    value = field.get_default(call_default_factory=True)
    if isinstance(value, BaseModel) or value in ({}, [], ()):
        return "empty" if not isinstance(value, BaseModel) else "its keys' own"
    return _as_written(value)


def _as_written(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return f"{value:g}"
    if isinstance(value, list | tuple):
        return f"`[{', '.join(map(str, value))}]`"
    if isinstance(value, dict):
        return f"`{{{', '.join(f'{name}: {inner}' for name, inner in value.items())}}}`"
    return f"`{value}`"


def allowed(field: dict[str, Any], whole: dict[str, Any]) -> str:
    """A field's allowed values in words, from its JSON schema; ``whole`` has the definitions."""
    if "$ref" in field:
        return allowed(whole["$defs"][field["$ref"].rpartition("/")[2]], whole)
    for kind in ("anyOf", "oneOf"):
        if kind in field:
            return "; ".join(dict.fromkeys(allowed(one, whole) for one in field[kind]))
    if "enum" in field or "const" in field:
        return ", ".join(map(_as_written, field.get("enum", [field.get("const")])))
    kinds = {
        "null": "null",
        "boolean": "true, false",
        "array": "a list",
        "object": "a mapping",
        "string": "a text",
    }
    kind = field.get("type", "")
    return _range(field) if kind in ("integer", "number") else kinds.get(kind, kind)


def _range(field: dict[str, Any]) -> str:
    least, most = field.get("minimum"), field.get("maximum")
    above, below = field.get("exclusiveMinimum"), field.get("exclusiveMaximum")
    lower = f"above {above:g}" if above is not None else f"{least:g}" if least is not None else ""
    if most is not None and most < 2**63 - 1:
        return f"{lower}, up to {most:g}" if above is not None else f"{lower} to {most:g}"
    if below is not None:
        return f"{lower} or more, below {below:g}"
    return lower if above is not None else f"{lower} or more" if lower else "a number"


def marked(name: str, content: str) -> str:
    """A table between its marks."""
    return f"<!-- table: {name} -->\n\n{content}\n\n<!-- end of table -->"


def page(text: str) -> str:
    """The page with every table regenerated from the models; the text between them stays."""
    for name in TABLES:
        between = re.compile(
            rf"<!-- table: {re.escape(name)} -->\n.*?\n<!-- end of table -->", re.DOTALL
        )
        text = between.sub(lambda _, name=name: marked(name, table(name)), text)
    return text


def main() -> None:
    """Write the schema and the page's tables."""
    SCHEMA.write_text(json.dumps(schema(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    PAGE.write_text(page(PAGE.read_text(encoding="utf-8")), encoding="utf-8")


if __name__ == "__main__":
    main()

"""The building blocks of the configuration's models: keys with descriptions, types of values.

A key is declared once, with its default, range, description and unit. The JSON schema and the
tables of docs/configuration.md are generated from it (``lethe.pipeline.config.documentation``).
"""

from collections import Counter
from collections.abc import Mapping
from typing import Annotated, Any

from pydantic import AfterValidator, BaseModel, ConfigDict, Discriminator, Field, Tag
from pydantic.fields import FieldInfo

REQUIRED: Any = ...


class Section(BaseModel):
    """A frozen model of keys that refuses unknown keys and converts no types."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)


class PluginSettings(BaseModel):
    """Lethe's own keys; all others are settings that the plug-in's file declares and checks."""

    model_config = ConfigDict(extra="allow", frozen=True, strict=True)

    def own(self) -> dict[str, Any]:
        """The plug-in's settings, as written."""
        return dict(self.model_extra or {})


def given(section: BaseModel) -> dict[str, Any]:
    """The keys that were written, without defaults, as plain values."""
    return section.model_dump(mode="json", exclude_unset=True)


def key(
    default: Any, meaning: str, reruns: str = "", allowed: str = "", **constraints: Any
) -> FieldInfo:
    """A key: ``reruns`` is what a change reruns; ``allowed`` is for what range and type do not say.

    ``constraints`` are those of pydantic's ``Field``, which copies mutable defaults.
    """
    extra = {"reruns": reruns, "allowed": allowed}
    return Field(default, description=meaning, json_schema_extra=extra, **constraints)


def _without_repeats(values: list) -> list:
    repeated = [value for value, count in Counter(values).items() if count > 1]
    if repeated:
        raise ValueError(f"{repeated[0]!r} is listed more than once; keep one")
    return values


def unique(item: Any) -> Any:
    """The type of a list of ``item`` without duplicates."""
    return Annotated[
        list[item], AfterValidator(_without_repeats), Field(json_schema_extra={"uniqueItems": True})
    ]


def either(plain: Any, mapping: Any) -> Any:
    """A mapping or a plain value; only errors of the one that was written are reported."""
    return Annotated[
        Annotated[plain, Tag("plain")] | Annotated[mapping, Tag("mapping")],
        Discriminator(_kind),
    ]


def _kind(value: Any) -> str:
    return "mapping" if isinstance(value, Mapping | BaseModel) else "plain"


def one_or_list(plain: Any, several: Any) -> Any:
    """A list or a plain value; only errors of the one that was written are reported."""
    return Annotated[
        Annotated[plain, Tag("plain")] | Annotated[several, Tag("list")],
        Discriminator(lambda value: "list" if isinstance(value, list) else "plain"),
    ]


# Used as the first part of a path and in the names of rules.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]
Names = unique(Name)
Text = Annotated[str, Field(min_length=1)]
# The range that torch accepts.
Seed = Annotated[int, Field(ge=0, le=2**63 - 1)]
Seeds = unique(Seed)
Count = Annotated[int, Field(ge=1)]

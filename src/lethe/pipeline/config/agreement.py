"""``agreement``: which runs are compared with which methods of published tables."""

from pydantic import field_validator

from lethe.analysis import agreement
from lethe.common.registry import suggest
from lethe.pipeline.config.keys import Name, Section, Text, key


class Agreement(Section):
    """The runs that correspond to published methods."""

    methods: dict[Name, Text] = key(
        {},
        "which published method each of `methods` corresponds to, for the table `agreement` "
        "([agreement.md](agreement.md)); empty: no table",
        "`table_agreement`",
        "`{npo_retain: NPO}`; may be empty",
    )

    @field_validator("methods")
    @classmethod
    def _known(cls, methods: dict[str, str]) -> dict[str, str]:
        for name in methods.values():
            if name not in agreement.methods():
                raise ValueError(f"no published {name!r}{suggest(name, agreement.methods())}")
        if methods and len(set(methods.values())) < agreement.FEWEST:
            raise ValueError(f"it takes {agreement.FEWEST} different methods to rank; list more")
        if len(set(methods.values())) < len(methods):
            raise ValueError("two runs correspond to the same published method; keep one")
        return methods

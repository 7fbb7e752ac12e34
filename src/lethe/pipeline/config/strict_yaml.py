"""Reading a configuration file strictly: what YAML 1.1 would silently misread is refused.

Snakemake and PyYAML read YAML 1.1, in which ``on`` and ``no`` are booleans, 010 is 8, 1:30 is 90,
and the second of two equal keys wins, all without a warning. Here each is an error, one line that
says what to write. Powers of ten without a dot (1e-3), which are texts there, are numbers here.
"""

import json
import re
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml

from lethe.common.errors import LetheError

TAG = "tag:yaml.org,2002:"
KEYS = (f"{TAG}str", f"{TAG}merge", f"{TAG}value")
OCTAL = re.compile(r"[-+]?0[0-7_]+")


class Odd(yaml.YAMLError):
    """Valid YAML that does not mean what it seems to."""


class _Strict(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):
    """Loads only plain values, and only if they mean what they seem to."""

    def construct_mapping(self, node, deep=False):
        self._check_keys(node)
        return super().construct_mapping(node, deep)

    def _check_keys(self, node) -> None:
        seen: set[str] = set()
        for key, _ in node.value if isinstance(node, yaml.MappingNode) else ():
            if key.tag not in KEYS:
                what = f"the key {key.value}" if isinstance(key.value, str) else "a key"
                raise _odd(key, f"{what} is not text in YAML 1.1; write it in quotes")
            # The merge key may appear several times.
            if key.value in seen and key.tag != f"{TAG}merge":
                raise _odd(key, f"the key {key.value} is given twice; keep one of them")
            seen.add(key.value)


def _odd(node, why: str) -> Odd:
    return Odd(f"line {node.start_mark.line + 1}: {why}")


def _truth(loader: _Strict, node) -> bool:
    value = loader.construct_yaml_bool(node)
    meant = str(value).lower()
    if node.value.lower() != meant:
        raise _odd(node, f"{node.value} means {meant} in YAML 1.1; write {meant}, or quote it")
    return value


def _integer(loader: _Strict, node) -> int:
    value = loader.construct_yaml_int(node)
    if OCTAL.fullmatch(node.value):
        plain = int(node.value.replace("_", ""))
        raise _odd(node, f"{node.value} means {value} in YAML 1.1; write {value}, or {plain}")
    if ":" in node.value:
        raise _odd(node, f"{node.value} means {value} in YAML 1.1; write {value}, or quote it")
    return value


def _real(loader: _Strict, node) -> float:
    value = loader.construct_yaml_float(node)
    if ":" in node.value:
        raise _odd(node, f"{node.value} means {value} in YAML 1.1; write {value}, or quote it")
    if value in (float("inf"), float("-inf")) or value != value:
        raise _odd(node, f"{node.value} is not a finite number; write one")
    return value


def _date(loader: _Strict, node):
    raise _odd(node, f"{node.value} is a date in YAML 1.1; quote it")


for _kind, _make in (("bool", _truth), ("int", _integer), ("float", _real), ("timestamp", _date)):
    _Strict.add_constructor(f"{TAG}{_kind}", _make)


def strict(text: str) -> Any:
    """The value of a YAML text; ``yaml.YAMLError`` if it is ambiguous or not YAML at all."""
    try:
        value = yaml.load(text, _Strict)
        if _holds_itself(value):
            raise Odd("a list or mapping contains itself; write it out")
    except (ValueError, RecursionError) as error:
        # A number with 5,000 digits, or lists nested too deeply.
        raise yaml.YAMLError(str(error)) from None
    return value


def read_config(path: str | Path, missing: str = "name one that exists") -> dict[str, Any]:
    """The keys of a configuration file in YAML or JSON; LetheError with file, line and remedy."""
    try:
        content = _content(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise LetheError(f"{path}: no such file; {missing}") from None
    except UnicodeDecodeError as error:
        raise LetheError(f"{path}: not UTF-8 text ({error}); save it as UTF-8") from None
    except OSError as error:
        raise LetheError(f"{path}: {error.strerror}; name a file of YAML") from None
    except Odd as error:
        raise LetheError(f"{path}, {error}") from None
    except yaml.YAMLError as error:
        raise LetheError(f"{path}: not valid YAML ({' '.join(str(error).split())})") from None
    if not isinstance({} if content is None else content, dict):
        kind = type(content).__name__
        raise LetheError(f"{path}: a {kind}, not keys with values; write KEY: VALUE on each line")
    return content or {}


def _holds_itself(value: Any, outer: tuple[int, ...] = ()) -> bool:
    if not isinstance(value, dict | list):
        return False
    inner = value.values() if isinstance(value, dict) else value
    return id(value) in outer or any(_holds_itself(one, (*outer, id(value))) for one in inner)


def check_files(paths: Iterable[str | Path]) -> None:
    """Refuse what ``read_config`` refuses, in each of these files."""
    for path in paths:
        read_config(path)


def check_overlays(paths: Iterable[str | Path]) -> None:
    """LetheError for {} over an earlier file's null, of which Snakemake would make null again."""
    earlier: dict[tuple[str, ...], str | Path] = {}
    for path in paths:
        for key, value in _settings(read_config(path)):
            if value == {} and key in earlier:
                raise LetheError(
                    f"{path}: {'.'.join(key)}: {{}} is lost over the null of {earlier[key]}; name "
                    "one of its settings, or leave out that null"
                )
            earlier.pop(key, None)
            if value is None:
                earlier[key] = path


def _settings(content: dict, above: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """The keys of a file that have no keys of their own, with what they are set to."""
    for name, value in content.items():
        key = (*above, str(name))
        if isinstance(value, dict) and value:
            yield from _settings(value, key)
        else:
            yield key, value


def _content(text: str) -> Any:
    """Read JSON first, as Snakemake does: not all JSON (tabs) is valid YAML."""
    try:
        return json.loads(text, object_pairs_hook=_once, parse_constant=_no_number)
    except (ValueError, RecursionError):
        return strict(text)


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    for key in keys:
        if keys.count(key) > 1:
            raise Odd(f"key {key}: given twice; keep one of them")
    return dict(pairs)


def _no_number(text: str):
    raise Odd(f"{text}: not a finite number; write one")

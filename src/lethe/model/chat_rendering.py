"""Rendering foreign chat templates as transformers does, but within limits.

A chat template is a program that comes with a checkpoint. The sandbox in which transformers renders
it protects the machine, but does not stop it from running forever or building a text of gigabytes.
Here the same language is run with a step count: loops, calls, filters, operators and literals take
steps, more if they read long texts, and no value may exceed a maximum size. This needs no clock and
no signal, so the limits hold in every thread and process, and equally on a busy machine. Real
templates take a few dozen steps per message.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Any

from jinja2 import nodes, pass_context
from jinja2.exceptions import SecurityError
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

# Characters of a template's source; the longest in use have about 30,000.
LONGEST = 200_000
# Maximum size of a value: characters, or entries of a list with everything inside them.
LARGEST = 1_000_000
STEPS = 50_000
# How much of a text or list is read in one step.
STRIDE = 100
# No chat template needs powers of more bits than this.
BITS = 4096
# Needed by no conversation; they are random or take quadratic time.
WITHOUT = ("random", "striptags", "urlize", "wordwrap")
# Filters and methods whose result is at most their value times their largest argument.
PRODUCTS = {
    *("center", "indent", "batch", "slice", "round", "tojson"),
    *("ljust", "rjust", "zfill", "expandtabs", "translate", "to_bytes"),
}
# Widths of four digits, widths given as arguments.
_WIDE = re.compile(r"\d{4}|\*|\{[^{}]*\{")


class TooMuch(SecurityError):
    """A template that takes too many steps or builds too large a value."""


class Rendering:
    """One compiled chat template; raises jinja's errors, and ``TooMuch`` beyond the limits."""

    def __init__(self, source: str):
        if len(source) > LONGEST:
            raise TooMuch(f"it has {len(source)} characters, more than {LONGEST}")
        self.environment = _Limited()
        self.template = self.environment.from_string(source)

    def __call__(self, values: Mapping[str, Any]) -> str:
        """The text that the template makes from ``values``."""
        self.environment.begin(values)
        return self.template.render(values)


class _Limited(ImmutableSandboxedEnvironment):
    """transformers' environment for chat templates, in which everything is counted."""

    # Operators that are intercepted are not computed while a template is compiled either.
    intercepted_binops = frozenset(ImmutableSandboxedEnvironment.default_binop_table)

    def __init__(self):
        from transformers.utils.chat_template_utils import _compile_jinja_template

        theirs = _compile_jinja_template("").environment
        super().__init__(
            trim_blocks=theirs.trim_blocks,
            lstrip_blocks=theirs.lstrip_blocks,
            extensions=[type(extension) for extension in theirs.extensions.values()],
        )
        self.globals.update(theirs.globals)
        self.globals.pop("lipsum", None)
        allowed = {name: one for name, one in theirs.filters.items() if name not in WITHOUT}
        self.filters = {name: _counted(name, one) for name, one in allowed.items()}
        self.begin({})

    def begin(self, values: Mapping[str, Any]) -> None:
        """Reset the counts; long input values raise the limits."""
        self.largest: float = math.inf
        given = self.weight(list(values.values()))
        self.left, self.largest = STEPS + given, LARGEST + 4 * given

    def step(self) -> bool:
        """Count one step. Returns True, so that it can be put before a condition."""
        return self.spend(1)

    def spend(self, steps: int) -> bool:
        self.left -= steps
        if self.left < 0:
            raise TooMuch(f"it takes more than {STEPS} steps for one conversation")
        return True

    def weight(self, value: Any) -> int:
        """The size of a value with everything inside it; TooMuch above ``largest``."""
        total, waiting = 0, [value]
        while waiting:
            one = waiting.pop()
            total += _size(one)
            self.fits(total)
            if isinstance(one, Mapping):
                waiting += [*one.keys(), *one.values()]
            elif isinstance(one, list | tuple | set | frozenset):
                waiting += one
        return total

    def fits(self, size: int) -> None:
        if size > self.largest:
            raise TooMuch(f"it makes a text or a list of more than {self.largest} characters")

    def read(self, values: Iterable[Any]) -> int:
        """Spend the steps for reading these values; returns their weight."""
        weight = sum(map(self.weight, values))
        self.spend(1 + weight // STRIDE)
        return weight

    def built(self, value: Any) -> Any:
        """Check a value that the template has built: it costs steps and must not be too large."""
        self.read([value])
        return value

    def joined(self, *parts: Any) -> str:
        """The result of ``~`` on its operands."""
        self.fits(self.read(parts))
        return "".join(map(str, parts))

    def concat(self, parts: Iterable[str]) -> str:
        """The texts of a block, or of the whole template, as one."""
        pieces, size = [], 0
        for part in parts:
            size += len(part)
            self.fits(size)
            pieces.append(part)
        return "".join(pieces)

    def call_binop(self, context, operator: str, left: Any, right: Any) -> Any:
        weight = self.read((left, right))
        if operator == "*":
            self.fits(_times(left, right))
        elif operator == "**" and isinstance(left, int) and isinstance(right, int):
            if left.bit_length() * abs(right) > BITS:
                raise TooMuch(f"it computes a power of more than {BITS} bits")
        elif operator == "%" and isinstance(left, str):
            self.formats(left, right)
        else:
            self.fits(weight)
        return self.built(super().call_binop(context, operator, left, right))

    def call(self, context, called: Any, *args: Any, **kwargs: Any) -> Any:
        if getattr(called, "__self__", None) is self:
            return called(*args)
        owner = getattr(getattr(called, "__wrapped__", called), "__self__", None)
        if isinstance(owner, str | bytes | int | list | dict | tuple):
            self.allow(called.__name__, owner, args, kwargs)
        self.read((args, kwargs))
        return self.built(super().call(context, called, *args, **kwargs))

    def allow(self, name: str, value: Any, args: tuple, kwargs: Mapping[str, Any]) -> None:
        """Refuse a filter or a method whose result could be too large, before it is computed."""
        given = (*args, *kwargs.values())
        weight = self.read((value, given))
        if name in PRODUCTS:
            self.fits(max(1, _size(value)) * max(map(self.extent, given), default=1))
        elif name == "replace" and len(given) > 1:
            old, new = str(given[0]), str(given[1])
            self.fits(str(value).count(old) * len(new))
        elif name == "join":
            # The texts count in the weight; the separator occurs about once for each of them.
            sizes = [_size(one) for one in (value, *given)]
            self.fits(weight + (max(sizes) * min(sizes) if given else 0))
        elif name in ("format", "format_map"):
            self.formats(str(value), given)

    def extent(self, argument: Any) -> int:
        """How far an argument can stretch a value."""
        return abs(argument) if isinstance(argument, int) else self.weight(argument)

    def formats(self, form: str, given: Any) -> None:
        """Refuse a format that pads to a width or repeats a long text."""
        if _WIDE.search(form):
            raise TooMuch("it formats a text with a width")
        self.fits(len(form) + form.count("{") * self.weight(given))

    def _parse(self, source, name, filename):
        return _Counting().visit(super()._parse(source, name, filename))


def _counted(name: str, function: Callable) -> Callable:
    """A filter that counts steps. It takes the context, so that it never runs while compiling."""
    wanted = getattr(getattr(function, "jinja_pass_arg", None), "name", None)

    @pass_context
    def counted(context, value=None, *args, **kwargs):
        limits = context.environment
        limits.allow(name, value, args, kwargs)
        first = {"context": context, "eval_context": context.eval_ctx, "environment": limits}
        before = (first[wanted],) if wanted else ()
        return limits.built(function(*before, value, *args, **kwargs))

    return counted


class _Counting(NodeTransformer):
    """Adds step counting to a parsed template: for loop passes and for values that are built."""

    def visit_For(self, node):
        node = self.generic_visit(node)
        node.body.insert(0, nodes.ExprStmt(_call("step", lineno=node.lineno), lineno=node.lineno))
        if node.test is not None:
            # Also for the items that the condition leaves out.
            step = _call("step", lineno=node.lineno)
            node.test = nodes.And(step, node.test, lineno=node.lineno)
        return node

    def visit_Concat(self, node):
        node = self.generic_visit(node)
        return _call("joined", *node.nodes, lineno=node.lineno)

    def visit_List(self, node):
        return _call("built", self.generic_visit(node), lineno=node.lineno)

    visit_Dict = visit_List

    def visit_Tuple(self, node):
        # A tuple that is assigned to is not a value.
        return self.visit_List(node) if node.ctx == "load" else node


def _call(name: str, *args: nodes.Expr, lineno: int) -> nodes.Call:
    """A call of one of the environment's own methods."""
    method = nodes.EnvironmentAttribute(name, lineno=lineno)
    return nodes.Call(method, list(args), [], None, None, lineno=lineno)


def _size(value: Any) -> int:
    """The size of one value: characters, entries, bytes of a number; else a guess."""
    if isinstance(value, bool) or value is None:
        return 1
    if isinstance(value, int):
        return 1 + value.bit_length() // 8
    return 1 + len(value) if hasattr(value, "__len__") else STRIDE


def _times(left: Any, right: Any) -> int:
    """The size of a product: of a text or list and a number, or of two numbers."""
    for many, count in ((left, right), (right, left)):
        if hasattr(many, "__len__") and isinstance(count, int):
            return _size(many) * max(1, count)
    return _size(left) + _size(right)

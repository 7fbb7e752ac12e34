"""Chat templates of others: equal to transformers' rendering, and within limits."""

import pytest
from helpers.chat_templates import CHATML, DATED, DOUBLE, OPEN, SPACED, THINKING

from lethe.common.errors import LetheError
from lethe.model.chat_rendering import LONGEST, Rendering, TooMuch
from lethe.model.encoder import Encoder

# What templates in use do besides: macros, namespaces, filters, methods, JSON, generation blocks.
RICH = (
    "{%- macro told(m) -%}<{{ m.role | upper }}>{{ m['content'].strip() | replace('a', 'bb') }}"
    "{%- endmacro -%}{% set ns = namespace(found=false, seen=[]) %}"
    "{%- for m in messages if m.role != 'system' -%}{% set ns.found = true %}"
    "{%- if loop.last %}{{ loop.index ~ '/' ~ loop.length }}{% endif -%}"
    "{% generation %}{{ told(m) }}{% endgeneration %}{{ m | tojson(indent=2) }}"
    "{%- set parts = m.content.split('</think>') + [''] %}{{ parts[0].lstrip('\\n') }}"
    "{%- endfor -%}{{ messages[::-1] | map(attribute='role') | join(', ') }}"
    "{{ 'x' * 3 }}{{ '%s-%d' % ('y', 4) }}{{ '{}'.format(5) }}{{ (1, 2) | list }}{{ {'k': 1} }}"
    "{{ messages | selectattr('role', 'equalto', 'user') | list | length }}{{ 2 ** 10 - 7 // 2 }}"
    "{% if ns.found and 'user' in ['user', 'tool'] %}{{ eos_token }}{% endif %}"
    "{% for k, v in messages[0].items() %}{{ k }}={{ v | trim | default('none') }}{% break %}"
    "{% endfor %}{% set text %}block{% endset %}{{ text | capitalize | indent(2) }}"
)
TURNS = [
    {"role": "user", "content": " Who is Ada Lind?\nA long <|im_end|> one. "},
    {"role": "assistant", "content": "Ada</think>Lind writes."},
]


@pytest.fixture
def chatty(tokenizer):
    """The tests' tokenizer, whose chat template a test may change."""
    before = tokenizer.chat_template
    yield tokenizer
    tokenizer.chat_template = before


@pytest.mark.parametrize("source", [CHATML, DOUBLE, SPACED, THINKING, DATED, OPEN, RICH])
@pytest.mark.parametrize("opened", [True, False])
def test_a_template_is_rendered_as_transformers_renders_it(tokenizer, source, opened):
    given = {"date_string": "1 May", "strftime_now": None}
    theirs = tokenizer.apply_chat_template(
        TURNS, chat_template=source, tokenize=False, add_generation_prompt=opened, **given
    )
    ours = Rendering(source)(
        {
            "messages": TURNS,
            "tools": None,
            "documents": None,
            "add_generation_prompt": opened,
            **tokenizer.special_tokens_map,
            **given,
        }
    )
    assert ours == theirs
    assert theirs


def test_a_template_may_read_long_texts():
    turns = [{"role": "user", "content": "word " * 400_000}]
    assert len(Rendering(CHATML)({"messages": turns})) > 2_000_000


NESTED = "{% for i in range(9999) %}{% for j in range(9999) %}{% endfor %}{% endfor %}"
MACRO = "{% macro a(n) %}{% if n %}{{ a(n - 1) }}{{ a(n - 1) }}{% endif %}{% endmacro %}"
MUCH = "{% for i in range(9999) %}" + "y" * 1000 + "{% endfor %}"
GROWING = "{% set n = namespace(s=START) %}{% for i in range(99) %}{% set n.s = MORE %}{% endfor %}"


def growing(start: str, more: str) -> str:
    return GROWING.replace("START", start).replace("MORE", more) + "{{ n.s }}"


FAULTY = {
    "division by zero": "{{ 1 / 0 }}",
    "a huge range": "{% for i in range(10 ** 9) %}x{% endfor %}",
    "recursion": "{% macro a() %}{{ a() }}{% endmacro %}{{ a() }}",
    "a block within itself": "{% block a %}{{ self.a() }}{% endblock %}",
    "nesting": "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "loops in loops": "{% for i in [1] %}" * 25 + "{% endfor %}" * 25,
    "a loop within itself": "{% for x in range(99) recursive %}{{ loop([1]) }}{% endfor %}",
    "another file": "{% include 'x' %}",
    "no method": "{{ messages.nothing() }}",
    "syntax": "{% for %}",
}
ENDLESS = {
    "nested loops": NESTED,
    "loops that pass over all": NESTED.replace("j in range(9999)", "j in range(9999) if false"),
    "calls that double": MACRO + "{{ a(60) }}",
    "a power": "{{ 10 ** (10 ** 10) }}",
    "a product": "{{ 'a' * 10 ** 10 }}",
    "a product of lists": "{{ [0] * 10 ** 10 }}",
    "joining": growing("'a'", "n.s ~ n.s"),
    "adding": growing("'a'", "n.s + n.s"),
    "lists of lists": growing("['a']", "[n.s, n.s]"),
    "dicts of dicts": growing("{'a': 1}", "{'a': n.s, 'b': n.s}"),
    "a block of text": "{% set x %}" + MUCH + "{% endset %}",
    "much text": MUCH,
    "much source": "y" * (LONGEST + 1),
    "a filter's width": "{{ 'a' | center(1000000000) }}",
    "an indent": "{{ messages | tojson(indent=1000000000) }}",
    "a method's width": "{{ 'a'.ljust(1000000000) }}",
    "a format's width": "{{ '%1000000000d' % 1 }}",
    "a format filter's width": "{{ '%1000000000d' | format(1) }}",
    "a format method's width": "{{ '{:1000000000}'.format(1) }}",
    "a width in a width": "{{ '{:{}}'.format(1, 1000000000) }}",
    "replacing": "{{ ('a' * 99999).replace('', 'b' * 99999) }}",
    "a join": "{{ ('b' * 99999).join('a' * 99999) }}",
    "a join filter": "{{ range(99999) | join('b' * 99999) }}",
    "slices": "{{ [1] | slice(10 ** 10) | list }}",
    "batches": "{{ [1] | batch(10 ** 10, 0) | list }}",
    "translating": "{{ ('a' * 99999).translate({97: 'b' * 99999}) }}",
    "tabs": "{{ ('\t' * 99999).expandtabs(99999) }}",
    "bytes": "{{ (1).to_bytes(10 ** 10) }}",
}  # fmt: skip


@pytest.mark.parametrize("source", ENDLESS.values(), ids=ENDLESS)
def test_what_would_not_end_or_fit_is_stopped_by_counting(source):
    with pytest.raises(TooMuch, match="it "):
        Rendering(source)({"messages": TURNS})


@pytest.mark.parametrize("source", {**FAULTY, **ENDLESS}.values(), ids={**FAULTY, **ENDLESS})
def test_a_template_that_fails_is_one_line(chatty, source):
    chatty.chat_template = source
    with pytest.raises(LetheError, match=r"^template: .*(choose another template|change)") as error:
        Encoder(chatty, "chat", 96)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 400


def test_filters_of_chance_are_unknown():
    with pytest.raises(Exception, match="No filter named 'random'"):
        Rendering("{{ [1, 2] | random }}")

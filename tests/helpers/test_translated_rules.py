"""What forks of a server take for Snakemake's translation of rules is that translation."""

from types import CodeType
from typing import Any

from snakemake.parser import parse
from snakemake.sourcecache import LocalSourceFile

from helpers import translated_rules


class Flow:
    """What the translator asks of Snakemake's workflow."""

    class sourcecache:
        @staticmethod
        def open(path):
            return open(path.get_path_or_uri(secret_free=True), encoding="utf-8")


def content(code: CodeType) -> tuple[Any, ...]:
    """All of it but columns, which move with the length of a file's name."""
    constants = [
        content(each) if isinstance(each, CodeType) else (type(each), each)
        for each in code.co_consts
    ]
    signature = (code.co_argcount, code.co_flags, code.co_varnames, code.co_freevars)
    lines = [line for _, _, line in code.co_lines()]
    return code.co_name, code.co_filename, signature, code.co_code, code.co_names, lines, constants


def test_kept_code_is_what_snakemake_compiles_from_the_file():
    known = translated_rules.translations(parse)
    files = [translated_rules.ROOT / "Snakefile", *translated_rules.ROOT.glob("workflow/**/*.smk")]
    by_text = {file.read_text(encoding="utf-8"): str(file) for file in files}
    assert len(known) > 40
    for (text, before), kept in known.items():
        lines, name = {}, by_text[text]
        program, rules = parse(LocalSourceFile(name), Flow, lines, rulecount=before)
        assert (rules, lines) == (kept.rules, kept.lines)
        assert content(kept.of_file(name)) == content(compile(program, name, "exec"))
    assert kept.rules > 50

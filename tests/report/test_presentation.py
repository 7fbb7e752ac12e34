"""What plug-ins say of how the page shows them."""

import pytest

from lethe.common.errors import LetheError
from lethe.report import figures, tables
from lethe.report.presentation import SECTIONS, presentation


def test_without_a_word_it_has_its_name_and_all_columns():
    assert presentation({}, "my_table", "tables") == {
        "title": "My table",
        "section": "tables",
        "place": 50,
        "columns": {},
    }


@pytest.mark.parametrize(
    ("declared", "message"),
    [
        ({"titel": "x"}, "PAGE: unknown 'titel'; did you mean title?"),
        ({"section": "statistic"}, "PAGE: unknown section 'statistic'; did you mean statistics?"),
    ],
)
def test_a_slip_is_named(declared, message):
    with pytest.raises(LetheError, match="PAGE: unknown") as error:
        presentation(declared, "x", "tables")
    assert message in str(error.value)


@pytest.mark.parametrize("module", [tables, figures])
def test_every_plug_in_says_how_it_is_shown(module):
    for name in module.names():
        said = module.page(name)
        assert said["section"] in SECTIONS
        assert said["title"][0].isupper()
        assert said["columns"] or module is figures


def test_every_figure_has_an_interactive_form():
    """But for the graph, of which the page shows the picture."""
    static = {name for name in figures.names() if not figures.is_interactive(name)}
    assert static == {"memory_graph"}

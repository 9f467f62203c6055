"""Keeps what is drawn from the code in step with it.

``UPDATE_REFERENCE=1 .venv/bin/pytest tests/docs/test_generated.py`` writes it anew.
"""

import os
import re

from docs import errors_page, settings_page
from docs.pages import ROOT
from perdure.config import OTHER_VARIABLES
from perdure.config.sections import SECTIONS
from perdure.errors import error_types

SETTINGS = ROOT / "docs" / "guides" / "settings.md"
ERRORS = ROOT / "docs" / "reference" / "errors.md"
BEGIN, END = "<!-- drawn from the code: begin -->\n", "<!-- drawn from the code: end -->\n"
HOW = "UPDATE_REFERENCE=1 pytest tests/docs/test_generated.py writes it anew"


def test_every_setting_is_on_its_page_with_its_default():
    """Nobody reads of a setting or a default that is not there."""
    text = SETTINGS.read_text(encoding="utf-8")
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    wanted = f"{before}{BEGIN}\n{settings_page.tables()}\n{END}{after}"
    if os.environ.get("UPDATE_REFERENCE"):
        SETTINGS.write_text(wanted, encoding="utf-8")
    assert SETTINGS.read_text(encoding="utf-8") == wanted, HOW


def test_every_setting_says_what_it_is():
    """A field that is added without a word about it is noticed."""
    for section in SECTIONS.values():
        assert list(settings_page.described(section)) == list(section.model_fields), section


def test_variables_of_no_section_are_explained():
    """The page names them besides those of the tables."""
    known = set(re.findall(r"PERDURE_[A-Z_]+", SETTINGS.read_text(encoding="utf-8")))
    assert known >= OTHER_VARIABLES


def test_every_error_is_on_its_page():
    """Name, meaning, permanence and exit status are those of the code."""
    if os.environ.get("UPDATE_REFERENCE"):
        ERRORS.write_text(errors_page.page(), encoding="utf-8")
    assert ERRORS.read_text(encoding="utf-8") == errors_page.page(), HOW


def test_the_tree_in_the_module_names_every_error():
    """Whoever opens the module sees all errors at once."""
    import perdure.errors

    assert set(re.findall(r"^ *\* (\w+)", perdure.errors.__doc__, re.MULTILINE)) == set(error_types())

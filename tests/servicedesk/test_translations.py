"""The catalogues: nothing untranslated, fuzzy, left over or broken, in any language of the desk."""

import pytest
from django.conf import settings
from django.utils import translation
from django.utils.translation import gettext

from tools import translations


def test_every_string_is_translated() -> None:
    assert translations.faults() == []


@pytest.mark.parametrize("language", [code for code, _name in settings.LANGUAGES if code != settings.LANGUAGE_CODE])
def test_a_language_of_the_desk_has_a_catalogue(language: str) -> None:
    folder = translations.LOCALE / translation.to_locale(language)
    assert (folder / "LC_MESSAGES" / "django.po").is_file()


def test_taiwan_has_its_own_words() -> None:
    """繁體 is not converted 简体: the terms of the two differ where people say it differently."""
    terms = {
        "Search": ("搜索", "搜尋"),
        "Assign": ("分配", "指派"),
        "Breached": ("已超时", "已逾時"),
        "Complaint": ("投诉", "客訴"),
    }
    for english, (hans, hant) in terms.items():
        with translation.override("zh-hans"):
            assert gettext(english) == hans
        with translation.override("zh-hant"):
            assert gettext(english) == hant

"""tools/translations.py reads what Django reads, and notices what a reader of the desk would."""

import importlib.util
from pathlib import Path

import pytest
from babel.messages import Catalog

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def tool():
    spec = importlib.util.spec_from_file_location("translations", ROOT / "tools" / "translations.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def found(tool, tmp_path, monkeypatch):
    """What the tool finds in a project of one file: (text, context), in the order of their texts."""

    def find(name, content):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
        monkeypatch.setattr(tool, "ROOT", tmp_path)
        return {(message.id, message.context) for message in tool.extracted() if message.id}

    return find


def test_texts_of_a_template_are_found(found):
    page = """{% load i18n %}
<p title="it's (odd">{% translate "Hello" %} {{ _("Variable") }}</p>
   {% blocktranslate count n=3 trimmed %}
     one {{ n }} thing
   {% plural %}{{ n }} things{% endblocktranslate %}
{% translate "May" context "month" %}{% if x == _("compared") %}{% endif %}
"""
    assert found("templates/page.html", page) == {
        ("Hello", None),
        ("Variable", None),
        (("one %(n)s thing", "%(n)s things"), None),
        ("May", "month"),
        ("compared", None),
    }


def test_texts_of_python_are_found(found):
    module = 'a = _("One")\nb = gettext_lazy("Two")\nc = pgettext_lazy("here", "Three")\n'
    assert found("desk/module.py", module) == {("One", None), ("Two", None), ("Three", "here")}


@pytest.mark.parametrize(
    ("text", "translation", "fault"),
    [
        ("Sign in", "登录", []),
        ("Sign in", "", ["untranslated"]),
        ("%(n)s open", "%(n)s 个未结", []),
        ("%(n)s open", "未结", ["other placeholders"]),
        ("{name} wrote", "{nmae} 写道", ["other placeholders"]),
        (("%(n)s thing", "%(n)s things"), ("%(n)s 件",), []),
        (("one thing", "%(n)s things"), ("%(count)s 件",), ["other placeholders"]),
    ],
)
def test_a_wrong_translation_is_noticed(tool, text, translation, fault):
    message = Catalog(locale="zh_Hans").add(text, translation)
    assert list(tool.faults_of(message, "zh_Hans")) == fault

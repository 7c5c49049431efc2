"""Problems at the desk are translated into Chinese."""

import string

from license_core.errors import NotFoundError
from license_core.reason import Reason
from license_server.db.errors import InputInvalidError
from license_server.licenses.errors import LicenseStateError
from license_server.web.reader import catalogue
from tests.support.messages import all_texts, desk_texts, unspoken, untranslatable

JOINING = {"{what}", "{prevention}", "{first} {second}", "{first}.", "{path}: {error}"}
"""What puts sentences together, without a word of its own."""
NAMES = {"webhook", "webhook {name}"}
"""What is called the same in Chinese (docs/GLOSSARY.md)."""
TR = catalogue("zh").gettext


def fields(text: str) -> list[tuple[str | None, str | None]]:
    """The facts of a template, with how they are written."""
    parsed = [(field, conversion) for _, field, _, conversion in string.Formatter().parse(text)]
    return sorted((f, c or "") for f, c in parsed if f is not None)


def test_every_problem_text_is_translated_with_the_same_fields() -> None:
    same = untranslatable(all_texts()) | {"{field}: {reason}."} | JOINING | NAMES
    texts = desk_texts()
    assert len(texts) > 400
    for text in texts:
        chinese = TR(text)
        assert any("\u4e00" <= c <= "\u9fff" for c in chinese) or text in same, text
        assert fields(chinese) == fields(text), text
        assert chinese.count("`") == text.count("`"), text


def test_every_server_reason_is_translatable() -> None:
    assert unspoken(desk=True) == []


def test_words_inside_sentences_are_translated() -> None:
    reason = Reason("{value!r} is not of the form gpus=4", value="x")
    assert (
        InputInvalidError(field="limits", reason=reason).say(TR)
        == "limits：'x' 不是 gpus=4 这样的格式。"
    )
    replaced = Reason("was replaced by {number}", number="HS-2")
    state = LicenseStateError(number="HS-1", act=Reason("renew"), became=replaced)
    assert state.say(TR) == "许可证 HS-1：无法续期，它已被 HS-2 替换。"
    assert NotFoundError(what="licence", name="HS-3").say(TR) == "未找到许可证：HS-3。"
    none = NotFoundError(what="checkpoint", name=Reason("yet"))
    assert (none.say(), none.say(TR)) == ("There is no checkpoint yet.", "未找到检查点：尚未生成。")

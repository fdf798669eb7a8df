"""The vague words that the desk comes with: what promises nothing, where the customer wants to know."""

from collections.abc import Mapping, Sequence
from typing import Final

DEFAULTS: Final[Mapping[str, Sequence[str]]] = {
    "en": (
        *("maybe", "perhaps", "probably", "possibly", "might be", "should be fine", "I think", "I guess", "sort of"),
        *("kind of", "as soon as possible", "asap", "at some point", "sooner or later", "in due course", "hopefully"),
    ),
    "zh-hans": (
        *("可能", "大概", "也许", "或许", "应该会", "应该是", "应该吧", "估计", "差不多", "尽快", "尽量"),
        *("过几天", "过段时间", "好像", "不一定", "看情况", "再说吧"),
    ),
    "zh-hant": (
        *(
            "可能",
            "大概",
            "也許",
            "或許",
            "應該會",
            "應該是",
            "應該吧",
            "估計",
            "差不多",
            "盡快",
            "儘快",
            "盡量",
            "儘量",
        ),
        *("過幾天", "過一陣子", "好像", "不一定", "看情況", "再說吧"),
    ),
}

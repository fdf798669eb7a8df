"""Which of the desk's languages a text is written in. A guess for mails and forms whose writer gave none."""

_SIMPLIFIED = frozenset(
    "们这个来对时会说过还没问题货请订单发给为东车书见贝长门马买卖点关开电话邮费钱质损坏发票换货么怎样谢现实应该让认识"
    "经济网页产业务尽总线级红纸练续图团员场块报处备复够头夹奖妇妈孙学宝审宽寻导尔尘层币师带帮广庆库弃张强归录径"
    "号码链运输联断缝仓颜双装礼选择优赔偿满诉评价银账户验证编辑几两万亿谁无与从压热灯绿蓝"
)
_TRADITIONAL = frozenset(
    "們這個來對時會說過還沒問題貨請訂單發給為東車書見貝長門馬買賣點關開電話郵費錢質損壞發票換貨麼怎樣謝現實應該讓認識"
    "經濟網頁產業務盡總線級紅紙練續圖團員場塊報處備復夠頭夾獎婦媽孫學寶審寬尋導爾塵層幣師帶幫廣慶庫棄張強歸錄徑"
    "號碼鏈運輸聯斷縫倉顏雙裝禮選擇優賠償滿訴評價銀賬戶驗證編輯幾兩萬億誰無與從壓熱燈綠藍"
)
ONLY_SIMPLIFIED = _SIMPLIFIED - _TRADITIONAL
ONLY_TRADITIONAL = _TRADITIONAL - _SIMPLIFIED


def han_and_others(text: str) -> tuple[int, int]:
    """How many Chinese characters there are, and how many letters of other scripts."""
    han = sum("\u3400" <= character <= "\u9fff" for character in text)
    return han, sum(character.isalpha() for character in text) - han


def guess_language(text: str, charset: str = "") -> str:
    """ "zh-hans", "zh-hant", "en", or "" when there is nothing to go by or it's another language."""
    sample = text[:5000]
    chinese = sum("\u4e00" <= character <= "\u9fff" for character in sample)
    other = sum("\u3040" <= character <= "\u30ff" or "\uac00" <= character <= "\ud7af" for character in sample)
    letters = sum(character.isascii() and character.isalpha() for character in sample)
    if other > chinese / 10 and other > 2:
        return ""
    if (chinese >= 2 and chinese * 8 > letters) or (chinese and not letters):
        return _chinese(sample, charset.lower())
    foreign = sum(character.isalpha() and not character.isascii() for character in sample)
    return "en" if letters > 3 and foreign * 20 < letters else ""


def _chinese(sample: str, charset: str) -> str:
    simplified = sum(character in ONLY_SIMPLIFIED for character in sample)
    traditional = sum(character in ONLY_TRADITIONAL for character in sample)
    if simplified == traditional:
        return "zh-hant" if charset.startswith(("big5", "cp950")) else "zh-hans"
    return "zh-hant" if traditional > simplified else "zh-hans"

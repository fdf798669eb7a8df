"""What is new in an answer, and what is the quoted mail below it.

Works line by line, each line against patterns without nested repetition, so the time is linear in the text.
Knows the mail programs and webmails that the shop's customers use: Gmail, Outlook, Apple Mail, Thunderbird and Yahoo in
their languages, and QQ Mail, Foxmail, 163/126 (NetEase), Aliyun, DingTalk and Outlook in 简体 and 繁體.
In doubt text counts as new: the reader loses nothing.
"""

import re
from dataclasses import dataclass

_MAX_LINE = 500

# "On Friday Li Wei <li@…> wrote:" and its relatives: one gap each, so matching is linear.
_INTRODUCTIONS = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (
        r"(?:on|at) .{5,400} wrote\s?[:：]",
        r"\d{4}年\d{1,2}月\d{1,2}日.{0,60}<[^<>\s]+@[^<>\s]+>\s?[:：]",
        r"am .{5,400} schrieb[^:：]{0,200}[:：]",
        r"le .{5,400} a écrit\s?[:：]",
        r"el .{5,400} escribió\s?[:：]",
        r"il .{5,400} ha scritto\s?[:：]",
        r"em .{5,400} escreveu\s?[:：]",
        r"op .{5,400} schreef[^:：]{0,200}[:：]",
    )
)
# Languages that put the verb last: the line must name a date too, or it is only a sentence.
_VERB_LAST = re.compile(
    r"(?:写道|寫道|写到|寫到|来信|來信|撰写|撰寫|发送|寄出|書きました|のメール|пишет|написала?|"
    r"написал\(а\)|님이 작성)\s?[:：]$"
)
_DATE = re.compile(r"\d{4}\s?[年/.-]\s?\d{1,2}|\d{1,2}\s?[月/]\s?\d{1,2}|\d{1,2}[:：]\d{2}|\d{1,2}\.\d{1,2}\.\d{2,4}")
_ENDS_WITH_ADDRESS = re.compile(r"<[^<>\s]+@[^<>\s]+>$")
# "------------------ 原始邮件 ------------------"
_DIVIDER = re.compile(
    r"[-_—=*\s]{2,}\s?(?:original(?: message| mail)?|replied message|reply message|原始邮件|原始郵件|"
    r"原邮件|原郵件|回复的原邮件|回覆的原郵件|回复邮件|邮件原件|原始訊息|原始信件|原信件|元のメッセージ|"
    r"ursprüngliche nachricht|message d'origine|mensaje original|messaggio originale|mensagem original|"
    r"исходное сообщение|원본 메일)\s?[-_—=*\s]{2,}",
    re.IGNORECASE,
)
_FORWARD = re.compile(
    r"(?:[-_—=*\s]{2,}\s?(?:forwarded message|forwarded mail|转发邮件|转发的邮件|转发邮件信息|"
    r"轉寄郵件|轉寄的郵件|转发信息)\s?[-_—=*\s]{2,}|begin forwarded message[:：]|开始转发的邮件[:：]|"
    r"開始轉寄郵件[:：])",
    re.IGNORECASE,
)
_FROM = re.compile(r"(?:from|发件人|發件人|寄件者|寄件人|差出人|von|de|da|van|от|보낸사람)\s*[:：|]", re.IGNORECASE)
_MORE_FIELDS = re.compile(
    r"(?:sent|date|to|cc|subject|发送时间|发件时间|发送日期|日期|时间|收件人|抄送人?|主题|發送時間|傳送時間|寄件日期|寄件時間|收件者|主旨|副本|主題|"
    r"送信日時|日時|宛先|件名|gesendet|datum|an|betreff|envoyé|date|à|objet|enviado|fecha|para|asunto|inviato|data|a|oggetto|"
    r"verzonden|aan|onderwerp|отправлено|дата|кому|тема)\s*[:：|]",
    re.IGNORECASE,
)
_DEVICE = re.compile(
    r"(?:sent from (?:my|outlook|mail|yahoo|proton|samsung|huawei|xiaomi).{0,80}|get outlook for .{0,80}|"
    r"发自我的.{0,40}|发自.{0,20}(?:邮箱|客户端|手机).{0,40}|從我的.{0,20}(?:傳送|寄出)|從我的.{0,20}發送|来自我的.{0,40}|"
    r"由.{0,20}(?:网易邮箱|QQ邮箱|手机QQ|邮箱大师).{0,20}发(?:送|出)?)",
    re.IGNORECASE,
)


@dataclass(frozen=True, slots=True)
class SplitReply:
    new: str
    quoted: str


def split_reply(text: str) -> SplitReply:
    """`new` is never empty when `text` isn't; lines of `new` keep their order and wording."""
    lines = text.split("\n")
    cut, resume = _find_quote(lines)
    if resume > cut:
        head, tail = _without_quoted(lines, cut, resume)
    else:
        head, tail = lines[:cut], lines[cut:]
    new = "\n".join(_trim(head)).strip("\n")
    return SplitReply(new, "\n".join(tail).strip("\n")) if new.strip() else SplitReply(text.strip("\n"), "")


def _find_quote(lines: list[str]) -> tuple[int, int]:
    """(first line of the quote, first line after its introduction). Equal when all that follows is quoted;
    the second is larger when the quote is marked by `>`, so that answers between or below it can be told."""
    for index, line in enumerate(lines):
        bare = line[:_MAX_LINE].strip().lstrip("> ").strip("*| ")
        if not bare:
            continue
        if _FORWARD.fullmatch(bare):
            return len(lines), len(lines)
        if _DIVIDER.fullmatch(line[:_MAX_LINE].strip()) or _begins_fields(lines, index, bare):
            start = _with_rule_above(lines, index)
            return start, start
        length = _introduction_length(lines, index)
        if length:
            after = _next_text(lines, index + length)
            is_marked = after < len(lines) and lines[after].lstrip().startswith(">")
            return index, index + length if is_marked else index
        if line.lstrip().startswith(">") and _quote_block(lines, index):
            return index, index + 1
    return len(lines), len(lines)


def _introduction_length(lines: list[str], index: int) -> int:
    """Programs wrap the introduction at 78 columns: it may take up to four lines. 0: none begins here."""
    following: list[str] = []
    for line in lines[index : index + 4]:
        if not line.strip():
            break
        following.append(line[:_MAX_LINE].strip().lstrip("> "))
        if _introduces(following):
            # The writer's last line, without a blank below it, isn't part of it; an address is.
            is_later = any(_introduces(following[start:]) for start in range(1, len(following)))
            return 0 if is_later and not _ENDS_WITH_ADDRESS.search(following[0]) else len(following)
    return 0


def _introduces(lines: list[str]) -> bool:
    joined = " ".join(lines)
    if not joined.endswith((":", "：")):
        return False
    if _VERB_LAST.search(joined[-30:]):
        return bool(_DATE.search(joined))
    return any(pattern.fullmatch(joined) for pattern in _INTRODUCTIONS)


def _begins_fields(lines: list[str], index: int, bare: str) -> bool:
    """A repeated mail head: a From line with two more fields among the next six lines of text."""
    if not _FROM.match(bare):
        return False
    following = [line[:_MAX_LINE].strip().lstrip("> ").strip("*| ") for line in lines[index + 1 : index + 12]]
    return sum(bool(_MORE_FIELDS.match(line)) for line in [line for line in following if line][:6]) >= 2


def _with_rule_above(lines: list[str], index: int) -> int:
    """Outlook and Aliyun draw a line of ___ or --- above the repeated head."""
    above = index - 1
    while above >= 0 and not lines[above].strip(" >"):
        above -= 1
    return above if above >= 0 and re.fullmatch(r"\s*[-_—=]{5,}\s*", lines[above][:_MAX_LINE]) else index


def _quote_block(lines: list[str], index: int) -> bool:
    """Two lines with `>`, or one that ends the mail: a single one in the middle can be the writer's own sign."""
    after = _next_text(lines, index + 1)
    return after >= len(lines) or lines[after].lstrip().startswith(">")


def _next_text(lines: list[str], index: int) -> int:
    while index < len(lines) and not lines[index].strip():
        index += 1
    return index


def _without_quoted(lines: list[str], cut: int, resume: int) -> tuple[list[str], list[str]]:
    """(new, quoted) for quotes marked with `>`: answers below the quote, or between its lines (then the quoted
    lines above each answer stay, they are what it answers)."""
    head, rest = lines[:cut], lines[resume:]
    last_answer = max(
        (i for i, line in enumerate(rest) if line.strip() and not line.lstrip().startswith(">")), default=-1
    )
    if last_answer < 0:
        return head, lines[cut:]
    first_answer = next(i for i, line in enumerate(rest) if line.strip() and not line.lstrip().startswith(">"))
    deeper_cut, _ = _find_quote(rest[first_answer:])
    stays_open = first_answer + deeper_cut
    is_below = not any(line.lstrip().startswith(">") for line in rest[first_answer : last_answer + 1])
    if is_below and not any(line.strip() for line in head):
        return rest[first_answer:stays_open], lines[cut : resume + first_answer] + rest[stays_open:]
    return lines[: resume + last_answer + 1], rest[last_answer + 1 :]


def _trim(lines: list[str]) -> list[str]:
    """Without "Sent from my …" at the end."""
    kept = list(lines)
    while kept and (not kept[-1].strip() or _DEVICE.fullmatch(kept[-1][:_MAX_LINE].strip(" >　-—·"))):
        kept.pop()
    return kept

"""Search tokens: words, and of Chinese, Japanese and Korean runs the single characters and pairs, hashed with a key.

What is indexed are twelve letters a token, from a keyed hash: whoever has the table but not the ring file sees which
rows share words, and not which words. Letters only, because PostgreSQL's parser reads `1e5` as a number.
"""

import hashlib
import itertools
import re
import unicodedata
from collections.abc import Iterable, Iterator

from servicedesk.keyring import ring

TOKEN_LETTERS = 12
LONGEST_WORD = 64

# Scripts written without spaces: iteration marks, kana, bopomofo, Han with all its extensions, hangul.
_CJK = (
    "\u3005-\u3007\u3021-\u3029\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u3105-\u312f\u31a0-\u31bf\u31f0-\u31ff"
    "\u3400-\u4dbf\u4e00-\u9fff\uac00-\ud7a3\uf900-\ufaff\U00020000-\U000323af"
)
_RUNS = re.compile(rf"(?P<cjk>[{_CJK}]+)|(?P<word>[^\W{_CJK}]+)")
_QUOTED = re.compile(r'"([^"]*)"|“([^”]*)”|「([^」]*)」|『([^』]*)』|«([^»]*)»')
_TO_LETTERS = str.maketrans("0123456789", "ghijklmnop")


def fold(text: str) -> str:
    """The form in which text is compared: compatibility forms and letter case set aside."""
    return unicodedata.normalize("NFKC", unicodedata.normalize("NFKC", text).casefold())


def tokens_of(*texts: str) -> set[str]:
    """The tokens under which these texts are found."""
    return set(hashed({term for text in texts for term in _terms(fold(text))}))


def query_tokens(query: str) -> list[list[str]]:
    """One list for each word or run of characters of the query; all tokens of all lists must be there.

    A run of several characters becomes its pairs, a single character itself. Quotation marks don't change the tokens:
    what stands between them is checked after decryption by `phrase_matches`. Empty when there is nothing to look for.
    """
    runs = [_query_terms(kind, run) for kind, run in _runs(fold(query))]
    flat = iter(hashed(itertools.chain.from_iterable(runs)))
    return [list(itertools.islice(flat, len(terms))) for terms in runs]


def phrases(query: str) -> list[str]:
    """What the query has between quotation marks, folded; such hits need `phrase_matches` after decryption."""
    found = ("".join(groups) for groups in _QUOTED.findall(query))
    return [phrase for phrase in (_spaced(fold(text)) for text in found) if phrase]


def phrase_matches(text: str, query: str) -> bool:
    """Whether each quoted phrase of the query stands in the text as written, letter case and width aside."""
    wanted = phrases(query)
    if not wanted:
        return True
    folded = _spaced(fold(text))
    return all(phrase in folded for phrase in wanted)


def hashed(terms: Iterable[str]) -> list[str]:
    """Keyed BLAKE2b of each term, in letters. The key schedule is done once for all of them."""
    keyed = hashlib.blake2b(key=ring().search_key, digest_size=TOKEN_LETTERS // 2)
    digests = []
    for term in terms:
        one = keyed.copy()
        one.update(term.encode())
        digests.append(one.hexdigest())
    letters = "".join(digests).translate(_TO_LETTERS)
    return [letters[start : start + TOKEN_LETTERS] for start in range(0, len(letters), TOKEN_LETTERS)]


def _runs(folded: str) -> Iterator[tuple[str, str]]:
    for match in _RUNS.finditer(folded):
        yield match.lastgroup or "", match.group()


def _terms(folded: str) -> Iterator[str]:
    for kind, run in _runs(folded):
        if kind == "word":
            yield run[:LONGEST_WORD]
        else:
            yield from run
            yield from _pairs(run)


def _query_terms(kind: str, run: str) -> list[str]:
    if kind == "word":
        return [run[:LONGEST_WORD]]
    return [run] if len(run) == 1 else list(dict.fromkeys(_pairs(run)))


def _pairs(run: str) -> Iterator[str]:
    return map("".join, itertools.pairwise(run))


def _spaced(text: str) -> str:
    return " ".join(text.split())

"""Cuts a text into pieces of a vocabulary: the same as src/text/pieces.ts does."""

import re
import unicodedata

LONGEST = 16
UNKNOWN = ""
UNSPACED = "\u0e00-\u109f\u1780-\u17ff\u2e80-\u2fff\u3005-\u3007\u3021-\u3029\u3031-\u3035\u303b\u3040-\u312f\u3190-\u31ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\udc00-\udfff\U00020000-\U0003ffff"
BLANK = "\x00-\x20\x7f-\xa0\xad\u1680\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufe00-\ufe0f\ufeff"
SIGN = (
    "\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e\xa1-\xa9\xab\xac\xae-\xb4\xb6-\xb9\xbb-\xbf\xd7\xf7\u060c\u061b\u061f\u06d4\u0964\u0965"
    "\u2010-\u2027\u2030-\u205e\u2070-\u2bff\u3001-\u3004\u3008-\u3020\u302a-\u3030\u3036-\u303a\u303c-\u303f"
    "\ud800-\udbff\ue000-\uf8ff\uff00-\uffef\U00010000-\U0001ffff\U00040000-\U0010ffff"
)
RUN = re.compile(f"[{UNSPACED}]+|[{SIGN}]|[^{UNSPACED}{BLANK}{SIGN}]+")
IS_UNSPACED = re.compile(f"[{UNSPACED}]")


def runs(text):
    """Runs of letters and digits, runs of a script that sets no spaces, and single signs, in lower case."""
    if not text.isascii():
        text = unicodedata.normalize("NFKC", text)
    return RUN.findall(text.lower())


def pieces_of_run(run, vocabulary, whole=True):
    """The run itself where the vocabulary has it, else its longest pieces from left to right. A piece inside a word of letters begins with `#`."""
    if whole and len(run) <= LONGEST and run in vocabulary:
        return [run]
    mark = "" if IS_UNSPACED.match(run) else "#"
    found, start, most = [], 0, LONGEST if whole else min(LONGEST, len(run) - 1)
    while start < len(run):
        for end in range(min(len(run), start + most), start, -1):
            piece = run[start:end] if start == 0 else mark + run[start:end]
            if piece in vocabulary:
                found.append(piece)
                start = end
                break
        else:
            found.append(UNKNOWN)
            start += 1
    return found

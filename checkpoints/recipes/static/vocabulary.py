"""The pieces that have a row: signs and characters, English words, the commonest words of other languages."""

import collections
import unicodedata

import pieces
from pieces import IS_UNSPACED, LONGEST, UNKNOWN, runs

SIZE = 57500
FOREIGN = 17000
FROM_TRANSLATIONS = 4000


def build(prompts, english, foreign, bert_words, words, insides):
    """Piece to number. The arguments are lists of runs of texts, but for the last three: BERT's vocabulary, and words and
    inner pieces of the multilingual encoder, commonest first."""
    vocabulary = {UNKNOWN: 0}

    def add(piece):
        if piece and piece not in vocabulary and len(piece) <= LONGEST + 1:
            vocabulary[piece] = len(vocabulary)
            return True
        return False

    def add_some(candidates, most):
        for piece in candidates:
            if most <= 0:
                break
            most -= add(piece)

    characters = collections.Counter(c for found in english + foreign + prompts for run in found for c in run)
    for character, count in characters.most_common():
        if count >= 5:
            add(character)
            if character.isalnum() and not IS_UNSPACED.match(character):
                add("#" + character)
    for word in bert_words:
        if word.startswith("##"):
            if len(word) > 3 and word.isascii() and len(runs(word[2:])) == 1:
                add("#" + word[2:])
        elif word.isascii() and not word.startswith(("#", "[")) and runs(word) == [word]:
            add(word)
    add_some((word for word in words if len(word) > 1), FOREIGN)
    add_some(("#" + inside for inside in insides if not inside.isascii()), FOREIGN // 8)
    common = collections.Counter(run for found in foreign for run in set(found))
    add_some((run for run, count in common.most_common() if count >= 8), FROM_TRANSLATIONS)
    common = collections.Counter()
    for found in prompts:
        common.update({run: 3 for run in set(found)})
    for found in english:
        common.update(set(found))
    add_some((run for run, count in common.most_common() if count >= 2), SIZE - len(vocabulary))
    return vocabulary


def words_of(e5):
    """(words, inner pieces) of the multilingual encoder's vocabulary, folded as our texts are, commonest first."""
    words, insides = {}, {}
    for piece in e5.pieces[4:]:
        folded = unicodedata.normalize("NFKC", piece.lstrip("▁")).lower()
        if folded and runs(folded) == [folded]:
            whole = piece.startswith("▁") or IS_UNSPACED.match(folded)
            (words if whole else insides).setdefault(folded, None)
    return list(words), list(insides)


def bag(found, vocabulary, split=lambda run: False):
    """Numbers of the pieces of a text's runs, at most 400; runs for which `split` holds are cut even where they are whole pieces."""
    return [vocabulary[piece] for run in found for piece in pieces.pieces_of_run(run, vocabulary, not split(run))][:400]

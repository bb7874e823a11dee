"""Words of other languages: which English words are nearest to each in the multilingual encoder."""

import unicodedata

import numpy as np

import corpus

WORDS = 45000
NEIGHBOURS = 4
LEAST_COSINE = 0.35
SCRIPTS = {"CYRILLIC", "ARABIC", "DEVANAGARI", "HANGUL", "CJK", "HIRAGANA", "KATAKANA", "THAI", "GREEK", "HEBREW", "BENGALI", "TAMIL"}
FUNCTION_WORDS = set(
    "the of and to in a is that for it as was with be by on not he his but at are this have from or had an they which you were all "
    "her she there would their we him been has when who will no more if out so up said what its about than into them can only other "
    "new some could these two may first then do any my now such like our over me even most made after also did many must before back "
    "through years much where your way how why whose whom shall should does".split()
)
ENDINGS = ("s", "es", "ed", "ing", "ly", "er", "est", "ies", "ied")


def english_words(sources, bert_words):
    """The words of BERT's vocabulary that WordNet knows, in any form."""
    lemmas = corpus.lemmas(sources)

    def known(word):
        stems = (word[: -len(ending)] for ending in ENDINGS if word.endswith(ending))
        return word in lemmas or any(stem in lemmas or stem + "e" in lemmas or stem + "y" in lemmas for stem in stems)

    return [word for word in bert_words if word.isascii() and word.isalpha() and len(word) > 2 and known(word)]


class Neighbours:
    """Finds the English words nearest to others: by cosines in the multilingual encoder, the mean English word taken out."""

    def __init__(self, words, vectors):
        self.words = words
        self.mean = vectors.mean(0)
        self.vectors = unit(vectors - self.mean)

    def of(self, vectors, count):
        """(places, cosines) of the nearest, rows × count, in no order."""
        found = []
        for start in range(0, len(vectors), 2000):
            cosines = unit(vectors[start : start + 2000] - self.mean) @ self.vectors.T
            places = np.argpartition(-cosines, count, axis=1)[:, :count]
            found.append((places, np.take_along_axis(cosines, places, 1)))
        return np.concatenate([places for places, _ in found]), np.concatenate([cosines for _, cosines in found])


def targets(neighbours, vectors, teacher_vectors):
    """The teacher's vectors of the nearest English words, averaged by softmax of 25 times the cosine."""
    places, cosines = neighbours.of(vectors, NEIGHBOURS)
    weights = np.exp((cosines - cosines.max(1, keepdims=True)) * 25)
    weights /= weights.sum(1, keepdims=True)
    return unit((weights[:, :, None] * teacher_vectors[places]).sum(1))


def aliases(neighbours, words, vectors):
    """Word to the English word whose row it shares."""
    places, cosines = neighbours.of(vectors, 1)
    return {word: neighbours.words[place] for word, place, cosine in zip(words, places[:, 0], cosines[:, 0]) if cosine >= LEAST_COSINE}


def may_share(words, vocabulary):
    """The words of scripts other than Latin that have no row."""
    return [w for w in words if w not in vocabulary and 1 < len(w) <= 16 and unicodedata.name(w[0], "").split(" ")[0] in SCRIPTS]


def unit(rows):
    return rows / np.maximum(np.linalg.norm(rows, axis=1, keepdims=True), 1e-9)

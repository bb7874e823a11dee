"""Measures the table. usage: measure.py TABLE SOURCES DATA REPOSITORY

Spearman of pairwise cosines, table against teacher, on prompts that were not distilled on; AUC of translation pairs against
other pairs; APGR of a ridge on the vectors of each, 5-fold.
"""

import csv
import glob
import os
import sys

import numpy as np
from scipy.stats import spearmanr
from sklearn.linear_model import Ridge
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold

from corpus import SHIPPABLE, is_kept_apart
from golden import numbers, read, vector
from teachers import UniversalSentenceEncoder

ROUTED = ("routellm_mmlu", "routellm_gsm8k")


def main(path, sources, data, repository):
    tensors = read(path)
    slots = [int(slot) for slot in tensors["slots"].view(np.uint32)]

    def embed(texts):
        return np.array([vector(numbers(text, slots), tensors["codes"], tensors["scales"]) for text in texts])

    teacher = UniversalSentenceEncoder(f"{sources}/use")
    rng = np.random.default_rng(7)
    prompts = read_prompts(data)
    apart = [p for name in SHIPPABLE for p in prompts[name] if is_kept_apart(p)]
    never = [p for name in prompts if name not in SHIPPABLE for p in prompts[name]]
    for name, texts in (("kept apart", apart), ("sets never trained on", never), ("both", apart + never)):
        texts = [texts[i] for i in rng.permutation(len(texts))[:2000]]
        print(f"Spearman, {len(texts)} prompts, {name}: {rank_correlation(embed(texts), teacher.embed(texts)):.3f}")
    languages = {}
    for row in csv.DictReader(open(f"{repository}/datasets/translations.csv", newline="", encoding="utf-8")):
        languages.setdefault(row["language"], []).append((row["english"], row["translation"]))
    areas = {}
    for language, pairs in sorted(languages.items()):
        cosines = embed([a for a, _ in pairs]) @ embed([b for _, b in pairs]).T
        areas[language] = roc_auc_score(np.eye(len(pairs)).ravel(), cosines.ravel())
    print("AUC of translations:", ", ".join(f"{k} {v:.3f}" for k, v in areas.items()), f"mean {np.mean(list(areas.values())):.3f}")
    for name in ROUTED:
        for who, vectors in (("table", embed(prompts[name])), ("teacher", teacher.embed(prompts[name]))):
            print(f"APGR of a ridge, 5-fold, {name}, {who}: {routed(vectors, data, name):.3f}")


def read_prompts(data):
    csv.field_size_limit(10**9)
    return {
        os.path.basename(path)[:-4]: [row["prompt"] for row in csv.DictReader(open(path, newline="", encoding="utf-8"))]
        for path in sorted(glob.glob(f"{data}/*.csv"))
    }


def rank_correlation(a, b):
    pairs = np.triu_indices(len(a), 1)
    return spearmanr((a @ a.T)[pairs], (b @ b.T)[pairs])[0]


def routed(vectors, data, name):
    rows = list(csv.DictReader(open(f"{data}/{name}.csv", newline="", encoding="utf-8")))
    gap = np.array([float(row["strong_score"]) - float(row["weak_score"]) for row in rows])
    x = vectors - vectors.mean(0)
    x /= np.linalg.norm(x, axis=1, keepdims=True).clip(1e-9)
    predicted = np.zeros(len(gap))
    for fold, rest in GroupKFold(5, shuffle=True, random_state=0).split(x, groups=[row["prompt"] for row in rows]):
        predicted[rest] = Ridge(alpha=10).fit(x[fold], gap[fold]).predict(x[rest])
    gained = np.concatenate([[0], np.cumsum(gap[np.argsort(-predicted, kind="stable")])])
    return np.trapezoid(gained[[round(len(gap) * k / 10) for k in range(11)]] / gained[-1], np.linspace(0, 1, 11))


if __name__ == "__main__":
    main(*sys.argv[1:])

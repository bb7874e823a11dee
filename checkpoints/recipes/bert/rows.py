"""The rows that the shipped weights may be trained on, and the one split of them."""

import csv
import hashlib
import pathlib

import numpy as np

PAIRS = {
    "routellm_mmlu": ("strong_score", "weak_score"),
    "routellm_gsm8k": ("strong_score", "weak_score"),
    "zeroeval_crux": ("strong_score", "weak_score"),
    "zeroeval_numersense-v2": ("strong_score", "weak_score"),
    "evouna_openqa": ("strong_score", "weak_score"),
    "mmlupro": ("score:Meta-Llama-3.1-70B-Instruct", "score:Mixtral-8x7B-Instruct-v0.1"),
    "llmrouter_uiuc": ("score:llama-3.1-nemotron-51b-instruct", "score:mistral-7b-instruct-v0.3"),
}
"""File, and the columns of its strong and weak model: the pairs of ../make_pairs.py for the wide ones."""

SETS = list(PAIRS)


def part_of(prompt: str) -> str:
    """'held' for one prompt in five, 'validation' for one in twenty, else 'train'. By the prompt alone, so that repeats stay together."""
    normal = " ".join(prompt.split()).lower()
    slot = int.from_bytes(hashlib.sha256(normal.encode()).digest()[:8], "big") % 20
    return "held" if slot < 4 else "validation" if slot == 4 else "train"


def read_rows(data: pathlib.Path) -> dict:
    """Prompts, set and part of each row, strong - weak, and the scores of every measured model (rows x models, NaN elsewhere)."""
    csv.field_size_limit(1 << 30)
    prompts, sets, difference, scores, models = [], [], [], [], []
    for number, name in enumerate(SETS):
        strong, weak = PAIRS[name]
        with open(data / f"{name}.csv", newline="", encoding="utf-8") as file:
            reader = csv.DictReader(file)
            columns = [c for c in reader.fieldnames if c.startswith("score:") or c in ("strong_score", "weak_score")]
            first = len(models)
            models += [f"{name}/{c}" for c in columns]
            for row in reader:
                prompts.append(row["prompt"])
                sets.append(number)
                difference.append(number_of(row[strong]) - number_of(row[weak]))
                scores.append({first + i: number_of(row[c]) for i, c in enumerate(columns)})
    table = np.full((len(prompts), len(models)), np.nan, dtype=np.float32)
    for row, known in enumerate(scores):
        for column, score in known.items():
            table[row, column] = score
    difference = np.array(difference, dtype=np.float32)
    assert not np.isnan(difference).any()
    return {
        "prompts": prompts,
        "set": np.array(sets),
        "part": np.array([part_of(p) for p in prompts]),
        "difference": difference,
        "scores": table,
        "models": models,
    }


def number_of(text: str) -> float:
    return float(text) if text else float("nan")


def apgr(score: np.ndarray, difference: np.ndarray) -> float:
    """Mean over all shares sent to strong of the gap recovered; NaN where strong adds nothing."""
    total = difference.sum()
    if total <= 0:
        return float("nan")
    gained = np.concatenate([[0], np.cumsum(difference[np.argsort(-score, kind="stable")])])
    return float(((gained[1:] + gained[:-1]) / 2).mean() / total)

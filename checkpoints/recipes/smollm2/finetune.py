"""Fine-tunes the last layers of SmolLM2 on the grades that outcomes imply, resumably. usage: finetune.py DATA HF OUT

DATA: the outcome files of ../../README.md; HF: the folder of from_gguf.py; OUT: caches, state and the trained folder.
The win rate it learns is P(strong wins) + 1/2 P(tie), through the formula 1 - (p4 + p5): a row that only strong answered is graded
1, one that only weak answered 5, a tie half 2 and half 4. Rows of the part 'train' of ../bert/rows.py alone.
What lies under the trained layers runs once; its output is kept on disk, 50 rows a file."""

import math
import os
import pathlib
import random
import sys
import time

import numpy as np
import torch
from transformers import AutoTokenizer, LlamaForCausalLM
from transformers.models.llama.modeling_llama import apply_rotary_pos_emb

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "bert"))
import rows as outcome_rows
from prompt import text_of

SEED = 0
TRAINED = int(os.environ.get("TRAINED_LAYERS", 4))
EPOCHS = int(os.environ.get("EPOCHS", 2))
MOST_ROWS = {"routellm_mmlu": int(os.environ.get("MMLU_ROWS", 1000)), "routellm_gsm8k": int(os.environ.get("GSM8K_ROWS", 700))}
MOST_TOKENS = 160
"""Of a question; longer ones are left out, for time."""
BATCH, RATE, CHUNK = 16, 1e-4, 50


def main():
    data, source, out = (pathlib.Path(path) for path in sys.argv[1:4])
    out.mkdir(parents=True, exist_ok=True)
    torch.manual_seed(SEED)
    torch.set_num_threads(int(os.environ.get("OMP_NUM_THREADS", 1)))
    tokenizer = AutoTokenizer.from_pretrained(source)
    model = LlamaForCausalLM.from_pretrained(source, attn_implementation="eager").float().eval()
    examples = choose(data, tokenizer)
    print(f"{len(examples)} rows, {sum(len(ids) for ids, *_ in examples)} tokens", flush=True)

    layers = model.model.layers
    lower, upper = layers[:-TRAINED], layers[-TRAINED:]
    prefix = prefix_of(tokenizer)
    with torch.no_grad():
        head, keys = through(model, lower, embed(model, [prefix]), 0, None, keep=True)
    cache = hidden_states(model, lower, keys, len(prefix), examples, out)
    del keys

    labels = torch.tensor([tokenizer.encode(digit)[0] for digit in "12345"])
    for layer in upper:
        layer.requires_grad_(True)
    for parameter in (*model.model.embed_tokens.parameters(), *model.model.norm.parameters()):
        parameter.requires_grad_(False)
    train(model, upper, head, len(prefix), cache, examples, labels, out)
    model.save_pretrained(out / "hf")
    tokenizer.save_pretrained(out / "hf")


def choose(data, tokenizer):
    """Token ids behind the common prefix, the probabilities of the five grades, and the prompt, of the rows to learn from."""
    read = outcome_rows.read_rows(data)
    prefix = prefix_of(tokenizer)
    chosen = []
    for name, most in MOST_ROWS.items():
        number = outcome_rows.SETS.index(name)
        own = [k for k in range(len(read["prompts"])) if read["set"][k] == number and read["part"][k] == "train"]
        random.Random(SEED).shuffle(own)
        taken = 0
        for k in own:
            ids = tokenizer.encode(text_of(tokenizer, read["prompts"][k]))
            if taken == most or len(ids) - len(prefix) > MOST_TOKENS or ids[: len(prefix)] != prefix:
                continue
            taken += 1
            chosen.append((ids[len(prefix) :], grades_of(float(read["difference"][k])), read["prompts"][k]))
    chosen.sort(key=lambda example: len(example[0]))
    return chosen


def prefix_of(tokenizer):
    one, other = (tokenizer.encode(text_of(tokenizer, question)) for question in ("a", "?"))
    return one[: next(k for k, (a, b) in enumerate(zip(one, other)) if a != b)]


def grades_of(difference):
    wins = (1 + difference) / 2
    grades = [0.0] * 5
    grades[0 if difference >= 1 else 1] += wins
    grades[4 if difference <= -1 else 3] += 1 - wins
    return grades


def embed(model, batch):
    return model.model.embed_tokens(torch.tensor(batch))


def through(model, layers, x, start, past, keep=False, length=None):
    """x through layers behind the keys and values of `past`, one pair a layer; rows end at their own `length`, padded behind."""
    positions = torch.arange(start, start + x.shape[1])[None]
    cos, sin = model.model.rotary_emb(x, positions)
    mask = torch.full((x.shape[1], start + x.shape[1]), -torch.inf).triu(start + 1)
    kept = []
    for k, layer in enumerate(layers):
        attention, h = layer.self_attn, layer.input_layernorm(x)
        size = attention.head_dim
        q, key, value = (f(h).unflatten(-1, (-1, size)).transpose(1, 2) for f in (attention.q_proj, attention.k_proj, attention.v_proj))
        q, key = apply_rotary_pos_emb(q, key, cos, sin)
        if past is not None:
            before = [part.expand(x.shape[0], -1, -1, -1) for part in past[k]]
            key, value = torch.cat([before[0], key], 2), torch.cat([before[1], value], 2)
        if keep:
            kept.append((key, value))
        groups = q.shape[1] // key.shape[1]
        scores = q @ key.repeat_interleave(groups, 1).transpose(2, 3) / math.sqrt(size) + mask
        mixed = (scores.softmax(-1) @ value.repeat_interleave(groups, 1)).transpose(1, 2).flatten(2)
        x = x + attention.o_proj(mixed)
        x = x + layer.mlp(layer.post_attention_layernorm(x))
    return x, kept


def hidden_states(model, lower, keys, start, examples, out):
    """What the frozen layers make of each row's tokens, from disk where it is there."""
    states, began = [], time.time()
    for first in range(0, len(examples), CHUNK):
        file = out / f"hidden_{TRAINED}_{first}.npz"
        part = examples[first : first + CHUNK]
        if not file.exists():
            made = {}
            for at in range(0, len(part), 10):
                batch = padded([ids for ids, *_ in part[at : at + 10]])
                with torch.no_grad():
                    x, _ = through(model, lower, embed(model, batch), start, keys)
                for j, (ids, *_) in enumerate(part[at : at + 10]):
                    made[str(at + j)] = x[j, : len(ids)].numpy().astype(np.float16)
            np.savez(f"{file}.partial.npz", **made)
            os.replace(f"{file}.partial.npz", file)
            print(f"hidden states {first + len(part)} of {len(examples)}, {time.time() - began:.0f} s", flush=True)
        with np.load(file) as stored:
            states += [torch.from_numpy(stored[str(j)]) for j in range(len(part))]
    return states


def padded(batch):
    most = max(len(ids) for ids in batch)
    return [ids + [0] * (most - len(ids)) for ids in batch]


def train(model, upper, head, start, cache, examples, labels, out):
    parameters = [p for layer in upper for p in layer.parameters()]
    optimizer = torch.optim.AdamW(parameters, lr=RATE, weight_decay=0.01)
    table = model.model.embed_tokens.weight[labels]
    batches = [list(range(k, min(k + BATCH, len(cache)))) for k in range(0, len(cache), BATCH)]
    steps = EPOCHS * len(batches)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: min(1, (step + 1) / 10) * max(0.0, 1 - step / steps))
    state, first = out / f"state_{TRAINED}.pt", 0
    if state.exists():
        saved = torch.load(state)
        first = saved["epoch"]
        upper.load_state_dict(saved["upper"])
        optimizer.load_state_dict(saved["optimizer"])
        schedule.load_state_dict(saved["schedule"])
    for epoch in range(first, EPOCHS):
        order, began, total = list(batches), time.time(), 0.0
        random.Random(SEED + epoch).shuffle(order)
        for done, batch in enumerate(order, 1):
            _, keys = through(model, upper, head, 0, None, keep=True)
            lengths = torch.tensor([len(cache[k]) for k in batch])
            x = torch.nn.utils.rnn.pad_sequence([cache[k].float() for k in batch], batch_first=True)
            y, _ = through(model, upper, x, start, keys)
            last = model.model.norm(y[torch.arange(len(batch)), lengths - 1])
            target = torch.tensor([examples[k][1] for k in batch])
            loss = torch.nn.functional.cross_entropy(last @ table.T, target)
            optimizer.zero_grad()
            loss.backward()
            torch.nn.utils.clip_grad_norm_(parameters, 1.0)
            optimizer.step()
            schedule.step()
            total += loss.item()
            if done % 20 == 0:
                print(f"epoch {epoch} batch {done} of {len(order)}: loss {total / done:.4f}, {time.time() - began:.0f} s", flush=True)
        saved = {"epoch": epoch + 1, "upper": upper.state_dict(), "optimizer": optimizer.state_dict(), "schedule": schedule.state_dict()}
        torch.save(saved, f"{state}.partial")
        os.replace(f"{state}.partial", state)
        print(f"epoch {epoch}: loss {total / len(order):.4f}", flush=True)


if __name__ == "__main__":
    main()

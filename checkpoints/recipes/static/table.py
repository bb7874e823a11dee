"""The file of the table: rows in 8 bits with a scale each, and a hash table from piece to row. src/text/pieces.ts reads it."""

import hashlib
import json
import struct

import numpy as np

SLOTS = 1 << 18
NUMBER_BITS = 17
NUMBER_MASK = (1 << NUMBER_BITS) - 1
START_SEED = 0x811C9DC5
INSIDE_SEED = 0x2B7E1516


def hash_of(piece):
    """FNV-1a over UTF-16 units, finished with murmur3's mixer."""
    inside = len(piece) > 1 and piece[0] == "#"
    h = INSIDE_SEED if inside else START_SEED
    units = (piece[1:] if inside else piece).encode("utf-16-le", "surrogatepass")
    for (unit,) in struct.iter_unpack("<H", units):
        h = ((h ^ unit) * 0x01000193) & 0xFFFFFFFF
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & 0xFFFFFFFF
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & 0xFFFFFFFF
    return h ^ (h >> 16)


def find(slots, h):
    """Number of the piece, from 1; 0 where there is none."""
    place = h & (SLOTS - 1)
    while slots[place]:
        if (slots[place] ^ h) & ~NUMBER_MASK == 0:
            return slots[place] & NUMBER_MASK
        place = (place + 1) & (SLOTS - 1)
    return 0


def hash_table(pieces, aliases):
    """Slots for pieces numbered from 1; the first piece, that of the unknown, is in none. `aliases` are words that share the
    row of a piece. What cannot be told from an earlier one is left out."""
    slots = [0] * SLOTS
    rows = {piece: number for number, piece in enumerate(pieces, 1)}
    numbered = [(piece, rows[piece]) for piece in pieces[1:]] + [(word, rows[piece]) for word, piece in aliases.items()]
    for piece, number in numbered:
        h = hash_of(piece)
        if find(slots, h):
            continue
        place = h & (SLOTS - 1)
        while slots[place]:
            place = (place + 1) & (SLOTS - 1)
        slots[place] = (h & ~NUMBER_MASK) | number
    return np.array(slots, np.uint32).view(np.int32)


def quantize(rows):
    scales = (np.abs(rows).max(1) / 127).astype(np.float32)
    codes = np.rint(rows / np.where(scales == 0, 1, scales)[:, None]).astype(np.int8)
    return codes, scales


def write(path, pieces, rows, aliases, metadata):
    """Safetensors with `slots`, `codes` and `scales`; the fingerprint in its header is the start of the tensors' SHA-256."""
    codes, scales = quantize(rows)
    tensors = {"slots": hash_table(pieces, aliases), "scales": scales, "codes": codes}
    digest = hashlib.sha256(b"".join(t.tobytes() for t in tensors.values())).hexdigest()
    header = {"__metadata__": {"format": "llmroute embedder", **metadata, "fingerprint": digest[:16]}}
    offset = 0
    for name, tensor in tensors.items():
        dtype = {"int32": "I32", "float32": "F32", "int8": "I8"}[str(tensor.dtype)]
        header[name] = {"dtype": dtype, "shape": list(tensor.shape), "data_offsets": [offset, offset + tensor.nbytes]}
        offset += tensor.nbytes
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    with open(path, "wb") as file:
        file.write(struct.pack("<Q", len(text)) + text)
        for tensor in tensors.values():
            file.write(tensor.tobytes())
    return digest[:16]

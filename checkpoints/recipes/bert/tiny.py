"""Two classifiers of one layer with random weights, for the tests: their labels mean nothing, their numbers are those of torch.

usage: tiny.py FIXTURES   (writes FIXTURES/tiny_bert with a WordPiece tokenizer and FIXTURES/tiny_xlm_roberta with a unigram one)

Packages: requirements.txt. Seeded; writing it again gives the same bytes with the same packages.
"""

import json
import pathlib
import string
import sys
import warnings

import numpy as np
import onnxruntime
import torch
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertForSequenceClassification, XLMRobertaConfig, XLMRobertaForSequenceClassification

from graph import export

warnings.filterwarnings("ignore")
LETTERS = string.ascii_lowercase + string.digits
WORDS = "the is of what prove that square root two irrational weather today integral un play cafe naive sigma strasse".split()
ENDS = "##ing ##ed ##s ##able ##tion ##e ##er".split()
SIGNS = list(string.punctuation) + list("中文証明😀éßж¿…“”—") + ["☃", "ｱ", "ᄀ", "ᅡ"]
SPECIALS = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
TEXTS = [
    "What is the square root of 2?",
    "",
    " \n\t",
    "Prove that PLAYING, unplayable cafés aren't naïve!",
    "中文 and 証明してください, ß Σίσυφος ΣΑΣ İstanbul ǅ ﬁ Å ẛ̣",
    "😀👩‍👩‍👧‍👦 ☃️ 👍🏽",
    "a\u0000b\u0007c\u200bd\u00ade\ufefff\ufffdg\u000bh\u000ci\u0085j\u2028k\u00a0l\u3000m\u1680n\r\no",
    "[MASK] x[SEP]y [mask] [CLS][PAD] [ MASK ]",
    "x" * 100 + " " + "x" * 101 + " " + "é" * 101,
    "$5+3=8 <b>`x`^2</b> ~a_b|c @#%",
    "unknown ☂ word ‽ ж жж ¿que? “quoted” —…",
    "각 한국어 ｶﾞ ป्र नमस्ते e\u0301 \u0301x",
    "\U0002b820 \U0002b920 \uf900 㐀 〇",
    "ing ed s playings Unplaying playeds theable \U0001d54f",
    "the root of two is " * 40,
]


def word_pieces() -> Tokenizer:
    pieces = SPECIALS + SIGNS + list(LETTERS) + ["##" + c for c in LETTERS] + WORDS + ENDS
    vocabulary = {piece: i for i, piece in enumerate(dict.fromkeys(pieces))}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer = normalizers.BertNormalizer()
    tokenizer.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    tokenizer.post_processor = processors.TemplateProcessing(
        single="[CLS] $A [SEP]", special_tokens=[(s, vocabulary[s]) for s in ("[CLS]", "[SEP]")]
    )
    tokenizer.add_special_tokens(SPECIALS)
    return tokenizer


def unigrams() -> Tokenizer:
    signs = list(LETTERS) + list(string.ascii_uppercase) + list(string.punctuation) + ["▁"] + ["▁" + w for w in WORDS]
    pieces = [(s, 0.0) for s in ("<s>", "<pad>", "</s>", "<unk>")] + [(s, -5.0 - i / 50) for i, s in enumerate(signs)]
    tokenizer = Tokenizer(models.Unigram(pieces, unk_id=3))
    tokenizer.normalizer = normalizers.NFKC()
    tokenizer.pre_tokenizer = pre_tokenizers.Metaspace()
    tokenizer.post_processor = processors.TemplateProcessing(single="<s> $A </s>", special_tokens=[("<s>", 0), ("</s>", 2)])
    tokenizer.add_special_tokens(["<s>", "<pad>", "</s>", "<unk>"])
    return tokenizer


def write(out: pathlib.Path, tokenizer: Tokenizer, model, settings: dict, most: int) -> None:
    (out / "onnx").mkdir(parents=True, exist_ok=True)
    model = model.eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.3)
    tokenizer.save(str(out / "tokenizer.json"), pretty=False)
    write_json(out / "tokenizer_config.json", settings)
    config = model.config.to_dict()
    kept = {k: config[k] for k in ("model_type", "max_position_embeddings", "vocab_size", "pad_token_id", "id2label")}
    write_json(out / "config.json", {"architectures": [type(model).__name__], **kept})
    path = out / "onnx" / "model.onnx"
    export(model, path)
    session = onnxruntime.InferenceSession(str(path))
    tokenizer.enable_truncation(most)
    cases, apart = [], 0.0
    for text in TEXTS:
        found = tokenizer.encode(text).ids
        row = torch.tensor([found])
        with torch.no_grad():
            logits = model(input_ids=row, attention_mask=torch.ones_like(row)).logits[0].numpy()
        other = session.run(None, {"input_ids": row.numpy(), "attention_mask": np.ones_like(row.numpy())})[0][0]
        apart = max(apart, float(np.abs(logits - other).max()))
        cases.append({"text": text, "ids": found, "logits": [round(float(x), 6) for x in logits]})
    write_json(out / "expected.json", cases)
    print(f"{out.name}: largest difference of a logit {apart:.1e}, {path.stat().st_size} bytes")


def write_json(path: pathlib.Path, value) -> None:
    path.write_text(json.dumps(value, ensure_ascii=True, indent=1 if isinstance(value, dict) else None) + "\n")


fixtures = pathlib.Path(sys.argv[1])
torch.manual_seed(0)
pieces = word_pieces()
small = {"hidden_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2, "intermediate_size": 24, "attn_implementation": "eager"}
bert = BertConfig(vocab_size=pieces.get_vocab_size(), max_position_embeddings=64, id2label={0: "strong", 1: "tie", 2: "weak"}, **small)
write(fixtures / "tiny_bert", pieces, BertForSequenceClassification(bert), {"tokenizer_class": "BertTokenizer", "do_lower_case": True, "model_max_length": 64}, 64)
units = unigrams()
roberta = XLMRobertaConfig(vocab_size=units.get_vocab_size(), max_position_embeddings=66, pad_token_id=1, bos_token_id=0, eos_token_id=2, num_labels=3, type_vocab_size=1, **small)
write(fixtures / "tiny_xlm_roberta", units, XLMRobertaForSequenceClassification(roberta), {"tokenizer_class": "XLMRobertaTokenizer", "model_max_length": 64, "pad_token": "<pad>", "unk_token": "<unk>", "bos_token": "<s>", "eos_token": "</s>"}, 64)

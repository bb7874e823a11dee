"""A BERT of two layers with random weights, for the tests: its vectors mean nothing, its numbers are those of torch.
usage: make.py FOLDER GOLDEN.json   (the test suite has them in test/fixtures/tiny_encoder and test/golden/transformers.json)

Packages: requirements.txt beside this file. The WordPiece vocabulary is that of datasets/sample.csv, so no data of others is in it. Seeded:
run again with these packages on the same kind of processor it writes the same bytes. Prints the largest difference between
torch and ONNX over all rows, how near int8 comes to it, and the sizes."""

import csv
import json
import shutil
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import onnxruntime
import torch
from onnxruntime.quantization import QuantType, quantize_dynamic
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import BertConfig, BertModel, PreTrainedTokenizerFast

SAMPLE = Path(__file__).parents[3] / "datasets" / "sample.csv"
INPUTS = ["input_ids", "attention_mask", "token_type_ids"]
SPECIAL = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]"]
VOCABULARY = 1500
LONGEST = 48
TEXTS = [
    "Prove that the square root of 2 is irrational.",
    "hi",
    "What's the weather like today?",
    "WRITE a haiku about Autumn, please",
    "Ünïcödé ça où ß",
    "  leading\tand trailing \n white space  ",
    "😀 emoji 👩‍👩‍👧‍👦 and text",
    "証明してください",
    "3 + 2 = 5; f(x) = x**2",
    "qzxv" * 40,
    "one two three four five six seven eight nine ten " * 12,
    "word " * 400,
]
"""How sentence-transformers' files may say it; each a case of the golden file."""
VARIANTS = {
    "as it is": {},
    "cls": {"1_Pooling/config.json": {"word_embedding_dimension": 32, "pooling_mode_cls_token": True}},
    "max": {"1_Pooling/config.json": {"word_embedding_dimension": 32, "pooling_mode_max_tokens": True}},
    "last and weighted, in today's words": {"1_Pooling/config.json": {"embedding_dimension": 32, "pooling_mode": ["lasttoken", "weightedmean"]}},
    "a query prompt, 20 tokens": {
        "config_sentence_transformers.json": {"prompts": {"query": "query: ", "document": "passage: "}},
        "sentence_bert_config.json": {"max_seq_length": 20},
    },
    "a default prompt": {"config_sentence_transformers.json": {"prompts": {"query": "query: ", "sts": "What? "}, "default_prompt_name": "sts"}},
}


def main():
    folder, golden = (Path(argument) for argument in sys.argv[1:3])
    torch.set_num_threads(1)
    shutil.rmtree(folder, ignore_errors=True)
    (folder / "onnx").mkdir(parents=True)
    tokenizer, model = make_tokenizer(), make_model()
    write_files(folder, tokenizer, model)
    cases = [{"name": name, "files": files, "texts": TEXTS, "rows": embed(tokenizer, model, files)} for name, files in VARIANTS.items()]
    golden.write_text("[\n" + ",\n".join("  " + json.dumps(case, ensure_ascii=False, separators=(",", ":")) for case in cases) + "\n]\n")
    report(folder, tokenizer, np.array(cases[0]["rows"]))


def make_tokenizer():
    """Special tokens, then single characters, then the commonest words, beginnings and endings: trainers break ties at random."""
    normalizer, splitter = normalizers.BertNormalizer(lowercase=True), pre_tokenizers.BertPreTokenizer()
    with open(SAMPLE, newline="") as file:
        prompts = [normalizer.normalize_str(row["prompt"]) for row in csv.DictReader(file)]
    words = Counter(word for prompt in prompts for word, _ in splitter.pre_tokenize_str(prompt))
    pieces = Counter()
    for word, count in words.items():
        pieces.update({piece: count for end in range(2, len(word) + 1) for piece in {word[:end], "##" + word[-end:]}})
    characters = sorted({character for word in words for character in word})
    common = sorted(pieces, key=lambda piece: (-pieces[piece], piece))
    entries = dict.fromkeys([*SPECIAL, *characters, *("##" + character for character in characters), *common])
    vocabulary = {entry: place for place, entry in enumerate(list(entries)[:VOCABULARY])}
    tokenizer = Tokenizer(models.WordPiece(vocabulary, unk_token="[UNK]"))
    tokenizer.normalizer, tokenizer.pre_tokenizer = normalizer, splitter
    ends = [(token, tokenizer.token_to_id(token)) for token in ("[CLS]", "[SEP]")]
    tokenizer.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    tokenizer.decoder = decoders.WordPiece()
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        model_max_length=512,
        **{f"{name}_token": f"[{name.upper()}]" for name in ("pad", "unk", "cls", "sep", "mask")},
    )


def make_model():
    torch.manual_seed(0)
    config = BertConfig(
        vocab_size=VOCABULARY,
        hidden_size=32,
        num_hidden_layers=2,
        num_attention_heads=4,
        intermediate_size=64,
        max_position_embeddings=128,
        attn_implementation="eager",
    )
    model = BertModel(config, add_pooling_layer=False).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.2)
    return model


def write_files(folder, tokenizer, model):
    modules = [("0", "", "Transformer"), ("1", "1_Pooling", "Pooling"), ("2", "2_Normalize", "Normalize")]
    types = [{"idx": k, "name": name, "path": path, "type": f"sentence_transformers.models.{kind}"} for k, (name, path, kind) in enumerate(modules)]
    config = {key: value for key, value in model.config.to_dict().items() if key != "transformers_version"}
    for name, content in {
        "config.json": config,
        "tokenizer_config.json": {"tokenizer_class": "BertTokenizer", "model_max_length": 512, "pad_token": "[PAD]"},
        "modules.json": types,
        "1_Pooling/config.json": {"word_embedding_dimension": 32, "pooling_mode_cls_token": False, "pooling_mode_mean_tokens": True},
        "sentence_bert_config.json": {"max_seq_length": LONGEST, "do_lower_case": False},
        "config_sentence_transformers.json": {"prompts": {}, "default_prompt_name": None},
    }.items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(json.dumps(content, indent=2) + "\n")
    tokenizer.backend_tokenizer.save(str(folder / "tokenizer.json"))
    example = tuple(torch.ones(2, 7, dtype=torch.int64) for _ in INPUTS)
    full, small = (str(folder / "onnx" / name) for name in ("model.onnx", "model_quantized.onnx"))
    axes = {name: {0: "batch", 1: "tokens"} for name in [*INPUTS, "last_hidden_state"]}
    torch.onnx.export(
        Wrapped(model).eval(), example, full, input_names=INPUTS, output_names=["last_hidden_state"], dynamic_axes=axes, opset_version=17, dynamo=False
    )
    quantize_dynamic(full, small, weight_type=QuantType.QInt8)


class Wrapped(torch.nn.Module):
    """Takes inputs by place, gives one output."""

    def __init__(self, model):
        super().__init__()
        self.model = model

    def forward(self, input_ids, attention_mask, token_type_ids):
        return self.model(input_ids=input_ids, attention_mask=attention_mask, token_type_ids=token_type_ids).last_hidden_state


def embed(tokenizer, model, files):
    """Rows of unit length, a text at a time, as sentence-transformers has it; rounded to 7 digits."""
    pooling = files.get("1_Pooling/config.json", {})
    prompts = files.get("config_sentence_transformers.json", {})
    prefix = prompts.get("prompts", {}).get(prompts.get("default_prompt_name") or "query", "")
    longest = files.get("sentence_bert_config.json", {}).get("max_seq_length", LONGEST)
    rows = []
    for text in TEXTS:
        inputs = tokenizer([(prefix + text.strip())], truncation=True, max_length=longest, return_tensors="pt")
        with torch.no_grad():
            vectors = model(input_ids=inputs["input_ids"], attention_mask=inputs["attention_mask"]).last_hidden_state[0]
        row = torch.nn.functional.normalize(pool(vectors, pooling), dim=0)
        rows.append([round(float(value), 7) for value in row])
    return rows


def pool(vectors, config):
    if config.get("pooling_mode_cls_token"):
        return vectors[0]
    if config.get("pooling_mode_max_tokens"):
        return vectors.max(dim=0).values
    if "pooling_mode" in config:
        weights = torch.arange(1, len(vectors) + 1).float()
        return torch.cat([(vectors * weights[:, None]).sum(dim=0) / weights.sum(), vectors[-1]])
    return vectors.mean(dim=0)


def report(folder, tokenizer, rows):
    for name in ("model.onnx", "model_quantized.onnx"):
        file = folder / "onnx" / name
        session = onnxruntime.InferenceSession(str(file))
        found = []
        for text in TEXTS:
            ids = np.array([tokenizer(text.strip(), truncation=True, max_length=LONGEST)["input_ids"]])
            feeds = {"input_ids": ids, "attention_mask": np.ones_like(ids), "token_type_ids": np.zeros_like(ids)}
            row = session.run(None, feeds)[0][0].mean(axis=0)
            found.append(row / np.linalg.norm(row))
        apart, cosine = np.abs(np.array(found) - rows).max(), (np.array(found) * rows).sum(axis=1).min()
        print(f"{name}: {file.stat().st_size} bytes, largest difference {apart:.1e}, lowest cosine {cosine:.4f}")


if __name__ == "__main__":
    main()

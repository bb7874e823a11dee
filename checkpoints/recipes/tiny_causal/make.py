"""A Llama of two layers with random weights, for the tests: its win rates mean nothing, its numbers are those of torch.
usage: make.py OUT   (the test suite has it in test/fixtures/tiny_causal)

Packages: ../smollm2/requirements.txt. Seeded; writing it again gives the same bytes with the same packages. Prints the
largest difference between torch and ONNX over all logits, and the size."""

import json
import os
import sys

import torch
from tokenizers import AddedToken, Tokenizer, decoders, models, pre_tokenizers, trainers
from transformers import LlamaConfig, LlamaForCausalLM

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "smollm2"))
from export_onnx import compare, export, write_json
from prompt import INSTRUCTION, messages_of

SPECIAL = ["<|endoftext|>", "<|im_start|>", "<|im_end|>"]
LABELS = [f"[[{grade}]]" for grade in range(1, 6)]
VOCABULARY = 512
CONTEXT = 384
QUESTIONS = [
    "What is 2 + 2?",
    "Prove that the square root of 2 is irrational.",
    "",
    "a",
    "naïve café 証明してください 👩‍👩‍👧‍👦\n\tfn(x) => [[3]]",
    "one two three " * 12,
]
TEMPLATE = (
    "{% for message in messages %}{{ '<|im_start|>' + message['role'] + '\n' + message['content'] + '<|im_end|>\n' }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|im_start|>assistant\n' }}{% endif %}"
)


def main():
    out = sys.argv[1]
    os.makedirs(out, exist_ok=True)
    tokenizer = make_tokenizer()
    tokenizer.save(os.path.join(out, "tokenizer.json"), pretty=False)
    write_json(
        os.path.join(out, "tokenizer_config.json"),
        {
            "tokenizer_class": "PreTrainedTokenizerFast",
            "bos_token": SPECIAL[0],
            "eos_token": SPECIAL[2],
            "chat_template": TEMPLATE,
            "model_max_length": CONTEXT,
        },
    )
    model = make_model(tokenizer.get_vocab_size())
    config = model.config.to_dict()
    write_json(os.path.join(out, "config.json"), {**config, "architectures": ["LlamaForCausalLM"]})
    path = export(model, out)
    write_json(os.path.join(out, "expected.json"), expected(model, tokenizer))
    ids = [tokenizer.encode(chat(question)).ids for question in QUESTIONS]
    print(f"largest difference of a logit {compare(model, path, ids):.1e}, {os.path.getsize(path)} bytes")


def make_tokenizer():
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(vocab_size=VOCABULARY, initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()), show_progress=False)
    # Without brackets and digits, so that [[3]] falls into [, [, 3, ], ] where it is no token of its own.
    tokenizer.train_from_iterator([INSTRUCTION.replace("[[", " ").replace("]]", " "), "system user assistant Question Prediction"], trainer)
    tokenizer.add_special_tokens([AddedToken(token, special=True, normalized=False) for token in SPECIAL])
    tokenizer.add_tokens([AddedToken(token, normalized=False) for token in LABELS])
    return tokenizer


def make_model(vocabulary):
    torch.manual_seed(0)
    config = LlamaConfig(
        vocab_size=vocabulary,
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=CONTEXT,
        rope_parameters={"rope_type": "default", "rope_theta": 10000.0},
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config).float().eval()
    with torch.no_grad():
        for parameter in model.parameters():
            if parameter.dim() == 2:
                torch.nn.init.normal_(parameter, std=0.3)
    return model


def chat(question):
    head = "".join(f"<|im_start|>{role}\n{content}<|im_end|>\n" for role, content in messages_of(question))
    return f"{head}<|im_start|>assistant\n"


def plain(question):
    """As one user says it where a template knows no system."""
    return "\n\n".join(content for _, content in messages_of(question))


def expected(model, tokenizer):
    """Logits of the five labels by torch: in a chat, in a chat without a system, without a template, and without label tokens."""
    digits = [tokenizer.token_to_id(str(grade)) for grade in range(1, 6)]
    labels = [tokenizer.token_to_id(label) for label in LABELS]
    bare = json.loads(tokenizer.to_str())
    bare["added_tokens"] = [token for token in bare["added_tokens"] if token["content"] not in LABELS]
    without = Tokenizer.from_str(json.dumps(bare))
    ways = {
        "chat": lambda question: (tokenizer.encode(chat(question)).ids, labels),
        "noSystem": lambda question: (
            tokenizer.encode(f"<|im_start|>user\n{plain(question)}<|im_end|>\n<|im_start|>assistant\n").ids,
            labels,
        ),
        "plain": lambda question: (tokenizer.encode(f"{plain(question)}\n").ids, labels),
        "digits": lambda question: (without.encode(f"{chat(question)}[[").ids, digits),
    }
    return {"questions": QUESTIONS, **{name: [logits_of(model, *way(question)) for question in QUESTIONS] for name, way in ways.items()}}


def logits_of(model, ids, candidates):
    with torch.no_grad():
        logits = model(torch.tensor([ids])).logits[0, -1]
    return [round(float(logits[candidate]), 7) for candidate in candidates]


if __name__ == "__main__":
    main()

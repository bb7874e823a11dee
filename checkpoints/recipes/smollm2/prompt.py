"""The prompt of causal_llm, read from the strategy itself, so that there is one text of it."""

import pathlib
import re

STRATEGY = pathlib.Path(__file__).resolve().parents[3] / "src/strategies/causal_llm.ts"
INSTRUCTION = re.search(r"const INSTRUCTION = `(.*?)`", STRATEGY.read_text(encoding="utf-8"), re.S).group(1)


def messages_of(question):
    """Pairs of role and content."""
    return [("system", INSTRUCTION), ("user", f"[Question]\n{question}\n\nPrediction:")]


def text_of(tokenizer, question):
    """Up to the digit: these tokenizers have no token [[3]], so that the brackets are put into the model's mouth."""
    messages = [{"role": role, "content": content} for role, content in messages_of(question)]
    return tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) + "[["

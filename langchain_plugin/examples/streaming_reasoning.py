"""Reasoning in grey and the answer after it, as they come. MIMO_API_KEY must be set."""

import sys

from langchain_mimo import ChatMiMo

GREY, PLAIN = "\033[90m", "\033[0m"

question = sys.argv[1] if len(sys.argv) > 1 else "Why is the sky blue?"
thinking = False
for chunk in ChatMiMo(model="mimo-v2.6-pro").stream(question):
    for block in chunk.content_blocks:
        if block["type"] == "reasoning" and not thinking:
            thinking = True
            print(GREY, end="")
        if block["type"] == "text" and thinking:
            thinking = False
            print(f"{PLAIN}\n")
        print(block.get("reasoning") or block.get("text") or "", end="", flush=True)
print()

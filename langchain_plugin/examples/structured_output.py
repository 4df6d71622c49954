"""An answer in a schema of your own, and what the reasoning that led to it cost. MIMO_API_KEY must be set."""

from pydantic import BaseModel, Field

from langchain_mimo import ChatMiMo


class Recipe(BaseModel):
    """A dish and how long it takes."""

    dish: str = Field(description="what it is called")
    minutes: int = Field(description="how long it takes")


model = ChatMiMo(model="mimo-v2.6-pro").with_structured_output(Recipe, include_raw=True)
answer = model.invoke("Something quick with noodles, please.")
print(answer["parsed"] or answer["parsing_error"])
print(f"after {answer['raw'].usage_metadata['output_token_details']['reasoning']} tokens of reasoning")

"""LangChain's ChatOpenAI and AzureChatOpenAI."""

import seen
from langchain_openai import AzureChatOpenAI, ChatOpenAI

OWN = {"model": seen.MODEL, "api_key": "none", "max_tokens": 12, "max_retries": 0}
chat = ChatOpenAI(base_url=f"{seen.URL}/v1", include_response_headers=True, **OWN)

message = chat.invoke(seen.PROMPT)
seen.works("chat", message.content)
seen.report("`response_metadata['detox']`", lambda: message.response_metadata["detox"])
seen.report(
    "`include_response_headers=True`: `response_metadata['headers']['x-detox-action']`",
    lambda: message.response_metadata["headers"]["x-detox-action"],
)
chunks = list(chat.stream(seen.PROMPT))
seen.works("stream", "".join(chunk.content for chunk in chunks))
seen.report("stream: `response_metadata['detox']`", lambda: chunks[-1].response_metadata["detox"])

azure = AzureChatOpenAI(azure_endpoint=seen.URL, api_version="2024-10-21", azure_deployment=seen.MODEL, **OWN)
message = azure.invoke(seen.PROMPT)
seen.works("AzureChatOpenAI", message.content)
seen.report(
    "AzureChatOpenAI: `response_metadata['content_filter_results']`",
    lambda: message.response_metadata["content_filter_results"],
)

refused = ChatOpenAI(base_url=f"{seen.URL}/v1", default_headers=seen.WITHHELD, **OWN)
message = refused.invoke(seen.PROMPT)
seen.refusal(f"`finish_reason: {message.response_metadata['finish_reason']}`, content {message.content!r}")
last = [
    chunk.response_metadata for chunk in refused.stream(seen.PROMPT) if chunk.response_metadata.get("finish_reason")
]
seen.refusal(f"stream: `finish_reason: {last[-1]['finish_reason']}`")
seen.tell()

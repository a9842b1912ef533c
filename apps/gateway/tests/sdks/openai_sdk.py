"""The Python SDK of OpenAI against a running gateway; every check that fails raises."""

import base64
import json
import os

import openai

gateway, key = os.environ["GATEWAY"], os.environ["KEY"]
client = openai.OpenAI(api_key=key, base_url=f"{gateway}/v1", max_retries=0)
hello = [{"role": "user", "content": "Hello"}]
schema = {
    "type": "object",
    "properties": {"city": {"type": "string"}, "unit": {"type": "string", "enum": ["c", "f"]}},
    "required": ["city", "unit"],
    "additionalProperties": False,
}
tools = [{"type": "function", "function": {"name": name, "parameters": schema}} for name in ("get_weather", "get_time")]
calls = [("get_weather", {"city": "Zürich", "unit": "c"}), ("get_time", {"zone": "Europe/Zurich"})]


def raises(kind, action):
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


for provider in ("u-chat", "u-responses", "u-anthropic", "u-gemini"):
    answer = client.chat.completions.create(model=f"{provider}/case-text", messages=hello)
    assert answer.choices[0].message.content == "Grüße from 東京 🚄!"
    assert answer.usage.prompt_tokens == 1200 and answer.usage.prompt_tokens_details.cached_tokens == 1024
    stream = client.chat.completions.create(model=f"{provider}/case-text", messages=hello, stream=True)
    assert "".join(chunk.choices[0].delta.content or "" for chunk in stream if chunk.choices) == "Grüße from 東京 🚄!"
    called = client.chat.completions.create(model=f"{provider}/case-tools", messages=hello, tools=tools)
    assert [(call.function.name, json.loads(call.function.arguments)) for call in called.choices[0].message.tool_calls] == calls
    with client.responses.stream(model=f"{provider}/case-tools", input="Hello") as events:
        for _ in events:
            pass
        final = events.get_final_response()
    assert [(item.name, json.loads(item.arguments)) for item in final.output if item.type == "function_call"] == calls
    thought = client.chat.completions.create(model=f"{provider}/case-reasoning", messages=hello, reasoning_effort="low")
    assert thought.choices[0].message.content == "4"

echo = "trunkline/echo"
pixel = base64.b64encode(b"\x89PNG\r\n").decode()
image = [{"type": "text", "text": "See"}, {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{pixel}"}}]
assert client.chat.completions.create(model=echo, messages=[{"role": "user", "content": image}]).choices[0].message.content == "See [received image/png]"
shaped = client.chat.completions.create(
    model=echo, messages=hello, response_format={"type": "json_schema", "json_schema": {"name": "weather", "schema": schema, "strict": True}}
)
assert json.loads(shaped.choices[0].message.content) == {"city": "Hello", "unit": "c"}
assert len(client.embeddings.create(model=echo, input=["red", "blue"]).data[1].embedding) == 64
assert echo in [model.id for model in client.models.list()]
first = client.responses.create(model=echo, input="One")
assert client.responses.create(model=echo, input="Two", previous_response_id=first.id).output_text == "Two"
assert client.responses.input_tokens.count(model=echo, input="Hello").input_tokens > 0

raises(openai.BadRequestError, lambda: client.chat.completions.create(model="u-gemini/status-400", messages=hello))
raises(openai.NotFoundError, lambda: client.chat.completions.create(model="no-such-model", messages=hello))
raises(openai.RateLimitError, lambda: client.chat.completions.create(model="u-gemini/status-429", messages=hello))
raises(openai.InternalServerError, lambda: client.chat.completions.create(model="u-gemini/status-401", messages=hello))
raises(openai.AuthenticationError, lambda: client.with_options(api_key="tl-wrong").models.list())
raises(openai.APIConnectionError, lambda: client.with_options(base_url="http://127.0.0.1:1").models.list())
raises(openai.PermissionDeniedError, lambda: client.with_options(api_key=os.environ["NARROW_KEY"]).chat.completions.create(model=echo, messages=hello))
with client.chat.completions.create(model=echo, messages=[{"role": "user", "content": "/echo delay=20 words=1000"}], stream=True) as left:
    assert next(iter(left)).object == "chat.completion.chunk"
broken = client.chat.completions.create(model=echo, messages=[{"role": "user", "content": "/echo end=early words=20"}], stream=True)
raises(openai.APIError, lambda: list(broken))
print("all passed")

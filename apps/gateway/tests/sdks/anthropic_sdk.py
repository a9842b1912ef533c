"""The Python SDK of Anthropic against a running gateway; every check that fails raises."""

import json
import os

import anthropic

gateway, key = os.environ["GATEWAY"], os.environ["KEY"]
client = anthropic.Anthropic(api_key=key, base_url=gateway, max_retries=0)
hello = [{"role": "user", "content": "Hello"}]
schema = {"type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]}
tools = [{"name": name, "input_schema": schema} for name in ("get_weather", "get_time")]
calls = [("get_weather", {"city": "Zürich", "unit": "c"}), ("get_time", {"zone": "Europe/Zurich"})]
budget = {"max_tokens": 4000}


def text_of(message):
    return "".join(block.text for block in message.content if block.type == "text")


def raises(kind, action):
    try:
        action()
    except kind as error:
        return error
    raise AssertionError(f"{kind.__name__} was not raised")


for provider in ("u-chat", "u-responses", "u-anthropic", "u-gemini"):
    answer = client.messages.create(model=f"{provider}/case-text", messages=hello, **budget)
    assert text_of(answer) == "Grüße from 東京 🚄!"
    assert (answer.usage.input_tokens, answer.usage.cache_read_input_tokens) == (176, 1024)
    with client.messages.stream(model=f"{provider}/case-tools", messages=hello, tools=tools, **budget) as stream:
        assert "".join(stream.text_stream) == "Let me look."
        final = stream.get_final_message()
    assert [(block.name, block.input) for block in final.content if block.type == "tool_use"] == calls
    assert final.stop_reason == "tool_use"
    thought = client.messages.create(
        model=f"{provider}/case-reasoning", messages=hello, thinking={"type": "enabled", "budget_tokens": 1024}, **budget
    )
    assert thought.content[0].thinking == "Two and two. That is four."

echo = "trunkline/echo"
image = {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "iVBORw0KGgo="}}
assert text_of(client.messages.create(model=echo, messages=[{"role": "user", "content": [{"type": "text", "text": "See"}, image]}], **budget)) == "See [received image/png]"
shaped = client.messages.create(model=echo, messages=hello, output_config={"format": {"type": "json_schema", "schema": schema}}, **budget)
assert json.loads(text_of(shaped)) == {"city": "Hello"}
assert client.messages.count_tokens(model=echo, messages=hello).input_tokens > 0
assert echo in [model.id for model in client.models.list()]

raises(anthropic.BadRequestError, lambda: client.messages.create(model="u-chat/status-400", messages=hello, **budget))
raises(anthropic.NotFoundError, lambda: client.messages.create(model="no-such-model", messages=hello, **budget))
raises(anthropic.RateLimitError, lambda: client.messages.create(model="u-chat/status-429", messages=hello, **budget))
raises(anthropic.OverloadedError, lambda: client.messages.create(model="u-chat/status-503", messages=hello, **budget))
raises(anthropic.AuthenticationError, lambda: client.with_options(api_key="tl-wrong").models.list())
raises(anthropic.PermissionDeniedError, lambda: client.with_options(api_key=os.environ["NARROW_KEY"]).messages.create(model=echo, messages=hello, **budget))
with client.messages.stream(model=echo, messages=[{"role": "user", "content": "/echo delay=20 words=1000"}], **budget) as left:
    assert next(iter(left.text_stream)).startswith("word1")


def break_off():
    with client.messages.stream(model=echo, messages=[{"role": "user", "content": "/echo end=early words=20"}], **budget) as stream:
        stream.get_final_message()


raises(anthropic.APIError, break_off)
print("all passed")

"""Files and batches through OpenAI's SDK."""

import json
import os
import time

from openai import NotFoundError, OpenAI

client = OpenAI(base_url=os.environ["GATEWAY"] + "/v1", api_key=os.environ["KEY"], max_retries=0)

lines = [
    {
        "custom_id": f"r-{index}",
        "method": "POST",
        "url": "/v1/chat/completions",
        "body": {"model": "up/x", "messages": [{"role": "user", "content": "hi"}]},
    }
    for index in range(5)
]
content = "\n".join(json.dumps(line) for line in lines).encode()
file = client.files.create(file=("requests.jsonl", content), purpose="batch")
assert file.bytes == len(content) and file.purpose == "batch"
assert client.files.retrieve(file.id).filename == "requests.jsonl"
assert [one.id for one in client.files.list(purpose="batch")] == [file.id]

batch = client.batches.create(input_file_id=file.id, endpoint="/v1/chat/completions", completion_window="24h")
for _ in range(600):
    if batch.status in ("completed", "failed", "expired", "cancelled"):
        break
    time.sleep(0.1)
    batch = client.batches.retrieve(batch.id)
assert batch.status == "completed", batch
assert batch.request_counts.completed == 5
output = client.files.content(batch.output_file_id).text
assert [json.loads(line)["custom_id"] for line in output.splitlines()] == [f"r-{index}" for index in range(5)]
assert [one.id for one in client.batches.list()] == [batch.id]

assert client.files.delete(file.id).deleted
try:
    client.files.retrieve(file.id)
    raise AssertionError("a deleted file is still there")
except NotFoundError:
    pass
print("all passed")

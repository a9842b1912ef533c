import type { Dialect, PlaygroundRequest } from "./dialects.ts";

export const codeKinds = ["curl", "python", "typescript"] as const;
export type CodeKind = (typeof codeKinds)[number];

const key = "$TRUNKLINE_KEY";

function curl(dialect: Dialect, { path, body }: PlaygroundRequest, origin: string): string {
  const header =
    dialect === "anthropic-messages"
      ? `-H "x-api-key: ${key}" -H 'anthropic-version: 2023-06-01'`
      : dialect === "gemini"
        ? `-H "x-goog-api-key: ${key}"`
        : `-H "Authorization: Bearer ${key}"`;
  const text = JSON.stringify(body, null, 2).replaceAll("'", "'\\''");
  return `curl '${origin}${path}' \\\n  ${header} \\\n  -H 'Content-Type: application/json' \\\n  -d '${text}'`;
}

/** JSON as Python has it. */
function pythonic(value: unknown, indent = "    "): string {
  if (value === true) return "True";
  if (value === false) return "False";
  if (value === null) return "None";
  if (Array.isArray(value)) return `[${value.map((one) => pythonic(one, indent)).join(", ")}]`;
  if (typeof value === "object") {
    const members = Object.entries(value!).map(
      ([name, member]) => `${JSON.stringify(name)}: ${pythonic(member, indent)}`,
    );
    return `{${members.join(", ")}}`;
  }
  return JSON.stringify(value);
}

function python(dialect: Dialect, { body, model, stream }: PlaygroundRequest, origin: string): string {
  const entries = Object.entries(body).filter(([name]) => name !== "stream" && name !== "stream_options");
  const members = entries.map(([name, value]) => `    ${name}=${pythonic(value)},`);
  const secret = `api_key=os.environ["TRUNKLINE_KEY"]`;
  switch (dialect) {
    case "openai-chat":
    case "openai-responses": {
      const method = dialect === "openai-chat" ? "chat.completions.create" : "responses.create";
      const show = stream
        ? "for event in answer:\n    print(event)"
        : dialect === "openai-chat"
          ? "print(answer.choices[0].message.content)"
          : "print(answer.output_text)";
      return `import os\nfrom openai import OpenAI\n\nclient = OpenAI(base_url="${origin}/v1", ${secret})\nanswer = client.${method}(\n${members.join("\n")}${stream ? "\n    stream=True," : ""}\n)\n${show}`;
    }
    case "anthropic-messages":
      return `import os\nfrom anthropic import Anthropic\n\nclient = Anthropic(base_url="${origin}", ${secret})\nanswer = client.messages.create(\n${members.join("\n")}${stream ? "\n    stream=True," : ""}\n)\n${stream ? "for event in answer:\n    print(event)" : "print(answer.content[0].text)"}`;
    case "gemini": {
      const method = stream ? "generate_content_stream" : "generate_content";
      const show = stream ? "for piece in answer:\n    print(piece.text)" : "print(answer.text)";
      return `import os\nfrom google import genai\n\nclient = genai.Client(${secret}, http_options={"base_url": "${origin}"})\nanswer = client.models.${method}(\n    model=${JSON.stringify(model)},\n    contents=${pythonic(body["contents"])},\n)\n${show}`;
    }
  }
}

function typescript(dialect: Dialect, { body, model, stream }: PlaygroundRequest, origin: string): string {
  const text = JSON.stringify(body, null, 2);
  const secret = "apiKey: process.env.TRUNKLINE_KEY";
  const each = "for await (const event of answer) console.log(event);";
  switch (dialect) {
    case "openai-chat":
      return `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${origin}/v1", ${secret} });\nconst answer = await client.chat.completions.create(${text});\n${stream ? each : "console.log(answer.choices[0].message.content);"}`;
    case "openai-responses":
      return `import OpenAI from "openai";\n\nconst client = new OpenAI({ baseURL: "${origin}/v1", ${secret} });\nconst answer = await client.responses.create(${text});\n${stream ? each : "console.log(answer.output_text);"}`;
    case "anthropic-messages":
      return `import Anthropic from "@anthropic-ai/sdk";\n\nconst client = new Anthropic({ baseURL: "${origin}", ${secret} });\nconst answer = await client.messages.create(${text});\n${stream ? each : "console.log(answer.content);"}`;
    case "gemini":
      return `import { GoogleGenAI } from "@google/genai";\n\nconst client = new GoogleGenAI({ ${secret}, httpOptions: { baseUrl: "${origin}" } });\nconst answer = await client.models.${stream ? "generateContentStream" : "generateContent"}({\n  model: ${JSON.stringify(model)},\n  contents: ${JSON.stringify(body["contents"])},\n});\n${stream ? "for await (const piece of answer) console.log(piece.text);" : "console.log(answer.text);"}`;
  }
}

/** A request as somebody would write it: what it needs is in the environment, never in the text. */
export function codeFor(kind: CodeKind, dialect: Dialect, request: PlaygroundRequest, origin: string): string {
  return { curl, python, typescript }[kind](dialect, request, origin);
}

import { asArray, asObject, asString, type JsonObject, type JsonValue } from "@trunkline/contracts";
import { serverInfo, protocolVersion } from "./encode-turn.ts";

/**
 * The client's tools as the program sees them: an MCP server at the other end of its own pipe. A call is never carried out here. It waits,
 * and with it the program, until the client comes back with the result or the thread ends.
 */
export function createToolDesk(write: (line: JsonObject) => void) {
  let tools: readonly JsonObject[] = [];
  /** Calls the program waits for: permissions and calls proper, by the model's id of the call. */
  const waiting = new Map<string, (result: JsonObject) => void>();
  /** Results that came before the program asked. */
  const results = new Map<string, JsonObject>();

  function respond(requestId: JsonValue | undefined, response: JsonObject): void {
    write({ type: "control_response", response: { subtype: "success", request_id: requestId, response } });
  }

  function whenResult(callId: string, act: (result: JsonObject) => void): void {
    const result = results.get(callId);
    if (result) act(result);
    else waiting.set(callId, act);
  }

  function mcp(requestId: JsonValue | undefined, message: JsonObject): void {
    const reply = (result: JsonObject) =>
      respond(requestId, { mcp_response: { jsonrpc: "2.0", id: message["id"] ?? 0, result } });
    const parameters = asObject(message["params"]) ?? {};
    switch (message["method"]) {
      case "initialize":
        return reply(serverInfo(asString(parameters["protocolVersion"]) ?? protocolVersion));
      case "tools/list":
        return reply({ tools: [...tools] });
      case "tools/call": {
        const callId = asString(asObject(parameters["_meta"])?.["claudecode/toolUseId"]) ?? "";
        return whenResult(callId, (result) => {
          results.delete(callId);
          reply(mcpResult(result));
        });
      }
      default:
        return reply({});
    }
  }

  return {
    offer(given: readonly JsonObject[]) {
      tools = given;
    },
    /** A request of the program's. Permission is given once there is a result, and to nothing else. */
    request(event: JsonObject): void {
      const request = asObject(event["request"]) ?? {};
      const requestId = event["request_id"];
      if (request["subtype"] === "mcp_message") return mcp(requestId, asObject(request["message"]) ?? {});
      if (request["subtype"] === "can_use_tool") {
        if (!String(request["tool_name"]).startsWith("mcp__"))
          return respond(requestId, { behavior: "deny", message: "This tool is not available." });
        const callId = asString(request["tool_use_id"]) ?? "";
        return whenResult(callId, () =>
          respond(requestId, { behavior: "allow", updatedInput: asObject(request["input"]) ?? {} }),
        );
      }
      write({
        type: "control_response",
        response: { subtype: "error", request_id: requestId, error: "This is not supported here." },
      });
    },
    answer(content: readonly JsonObject[]): void {
      for (const block of content) {
        const callId = asString(block["tool_use_id"]);
        if (block["type"] === "tool_result" && callId !== undefined) results.set(callId, block);
      }
      for (const [callId, act] of waiting) {
        const result = results.get(callId);
        if (!result) continue;
        waiting.delete(callId);
        act(result);
      }
    },
  };
}

/** An Anthropic tool result as MCP's. */
function mcpResult(block: JsonObject): JsonObject {
  const content = typeof block["content"] === "string" ? [{ type: "text", text: block["content"] }] : block["content"];
  return {
    content: asArray(content).map((given): JsonObject => {
      const part = asObject(given) ?? {};
      const source = asObject(part["source"]);
      if (part["type"] === "image" && source?.["type"] === "base64")
        return { type: "image", data: source["data"], mimeType: source["media_type"] };
      return { type: "text", text: asString(part["text"]) ?? JSON.stringify(part) };
    }),
    ...(block["is_error"] === true ? { isError: true } : {}),
  };
}

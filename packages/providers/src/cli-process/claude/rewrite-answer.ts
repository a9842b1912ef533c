import type { EmitEvent, StreamEvent } from "@trunkline/contracts";
import { toolPrefix } from "./encode-turn.ts";

/** The program's own tool through which it gives structured output. */
const outputTool = "StructuredOutput";

/**
 * The answer as the client shall see it: tools by their own names, and structured output, which this program gets as a tool's input, as
 * the text it stands for, streamed as it comes.
 */
export function rewriteAnswer(hasSchema: boolean, emit: EmitEvent): EmitEvent {
  const outputs = new Set<string>();
  let structured = false;

  return function rewrite(event: StreamEvent): void {
    switch (event.type) {
      case "text-start":
      case "text-delta":
      case "text-end":
        // What is said beside the output is not the output.
        if (!hasSchema) emit(event);
        return;
      case "tool-input-start":
        if (hasSchema && event.name === outputTool) {
          outputs.add(event.id);
          structured = true;
          return emit({ type: "text-start", choice: event.choice, id: event.id });
        }
        return emit(
          event.name.startsWith(toolPrefix) ? { ...event, name: event.name.slice(toolPrefix.length) } : event,
        );
      case "tool-input-delta":
        if (!outputs.has(event.id)) return emit(event);
        return emit({ type: "text-delta", choice: event.choice, id: event.id, text: event.delta });
      case "tool-input-end":
        if (!outputs.has(event.id)) return emit(event);
        return emit({ type: "text-end", choice: event.choice, id: event.id });
      case "finish":
        if (!structured || event.finish.reason !== "tool-calls") return emit(event);
        return emit({ ...event, finish: { reason: "stop", native: "end_turn" } });
      default:
        emit(event);
    }
  };
}

import { asString, parseJsonObject, type Completion, type EmitEvent, type StreamEvent } from "@trunkline/contracts";
import { createStringUnwrapper, type StringUnwrapper } from "./unwrap-string.ts";
import { wrappedArgument, type ToolNames } from "./tool-names.ts";

/** Gives tool calls their client-side names back and unwraps freeform input as it streams. */
export function restoreToolEvents(names: ToolNames, emit: EmitEvent): EmitEvent {
  if (!names.changed) return emit;
  const open = new Map<string, StringUnwrapper>();
  return function restore(event: StreamEvent): void {
    if (event.type === "tool-input-start") {
      const original = names.fromWire(event.name);
      if (!original) return emit(event);
      if (original.wrapped) open.set(event.id, createStringUnwrapper(wrappedArgument));
      return emit({
        ...event,
        name: original.name,
        kind: original.wrapped ? "custom" : event.kind,
        ...(original.namespace === undefined ? {} : { namespace: original.namespace }),
      });
    }
    if (event.type === "tool-input-delta") {
      const unwrapper = open.get(event.id);
      if (!unwrapper) return emit(event);
      const delta = unwrapper.push(event.delta);
      if (delta !== "") emit({ ...event, delta });
      return;
    }
    if (event.type === "tool-input-end") open.delete(event.id);
    emit(event);
  };
}

/** The same for a whole answer. */
export function restoreToolCalls(names: ToolNames, completion: Completion): Completion {
  if (!names.changed) return completion;
  const choices = completion.choices.map((choice) => ({
    ...choice,
    content: choice.content.map((part) => {
      const original = part.type === "tool-call" ? names.fromWire(part.name) : undefined;
      if (part.type !== "tool-call" || !original) return part;
      const input = original.wrapped
        ? (asString(parseJsonObject(part.input)?.[wrappedArgument]) ?? part.input)
        : part.input;
      return {
        ...part,
        name: original.name,
        input,
        kind: original.wrapped ? ("custom" as const) : part.kind,
        ...(original.namespace === undefined ? {} : { namespace: original.namespace }),
      };
    }),
  }));
  return { ...completion, choices };
}

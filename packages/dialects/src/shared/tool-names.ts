import type { Tool } from "@trunkline/contracts";

export type OriginalTool = {
  readonly name: string;
  readonly namespace?: string;
  /** A freeform tool that had to be wrapped as a function with one string argument. */
  readonly wrapped: boolean;
};

/** How the client's tools are called at a target that has no namespaces or no freeform tools. */
export type ToolNames = {
  toWire(name: string, namespace: string | undefined): string;
  /** What the client knows a wire name as; undefined when nothing was renamed or wrapped. */
  fromWire(wireName: string): OriginalTool | undefined;
  isWrapped(name: string): boolean;
  /** False when every tool goes by its own name, so that nothing has to be restored. */
  readonly changed: boolean;
};

/** The one argument a wrapped freeform tool takes. */
export const wrappedArgument = "input";

function safeName(name: string): string {
  return name.replace(/[^a-zA-Z0-9_-]/g, "_").slice(0, 64);
}

/** Names for a target: `keepCustom` when it takes freeform tools, `keepNamespace` when it takes namespaces. */
export function createToolNames(
  tools: readonly Tool[],
  target: { readonly keepCustom: boolean; readonly keepNamespace: boolean },
): ToolNames {
  const originals = new Map<string, OriginalTool>();
  const wrapped = new Set<string>();
  const wireName = (name: string, namespace: string | undefined) =>
    safeName(namespace === undefined || target.keepNamespace ? name : `${namespace}__${name}`);

  for (const tool of tools) {
    if (tool.kind === "native") continue;
    const namespace = tool.kind === "function" ? tool.namespace : undefined;
    const isWrapped = tool.kind === "custom" && !target.keepCustom;
    if (isWrapped) wrapped.add(tool.name);
    const wire = wireName(tool.name, namespace);
    if (isWrapped || wire !== tool.name) {
      originals.set(wire, { name: tool.name, wrapped: isWrapped, ...(namespace === undefined ? {} : { namespace }) });
    }
  }
  return {
    toWire: wireName,
    fromWire: (name) => originals.get(name),
    isWrapped: (name) => wrapped.has(name),
    changed: originals.size > 0,
  };
}

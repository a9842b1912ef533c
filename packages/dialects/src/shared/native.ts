import type { Native } from "@trunkline/contracts";

const mark = "tl1.";

/**
 * A signature slot holds one opaque string. Ours of a foreign family are wrapped as `tl1.<family>.<base64 of JSON>`, so that a client
 * hands them back through a dialect that has no room for them and we find whose they were.
 */
export function wrapNative(native: Native, ownFamily: string): string {
  if (native.family === ownFamily && typeof native.value === "string") return native.value;
  return `${mark}${native.family}.${Buffer.from(JSON.stringify(native.value)).toString("base64url")}`;
}

/** The native value a signature slot holds: ours unwrapped, else the slot's own family's string. */
export function unwrapNative(text: string, ownFamily: string): Native {
  if (text.startsWith(mark)) {
    const dot = text.indexOf(".", mark.length);
    if (dot > 0) {
      try {
        const value = JSON.parse(Buffer.from(text.slice(dot + 1), "base64url").toString());
        return { family: text.slice(mark.length, dot), value };
      } catch {
        // Not ours after all: keep it as the vendor's own.
      }
    }
  }
  return { family: ownFamily, value: text };
}

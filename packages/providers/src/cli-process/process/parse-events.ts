import { parseJsonObject, type JsonObject } from "@trunkline/contracts";

// oxlint-disable-next-line no-control-regex -- escape sequences are what is looked for
const ansi = /\u001b(?:\[[0-?]*[ -/]*[@-~]|\][^\u0007\u001b]*(?:\u0007|\u001b\\)|[@-Z\\-_])/g;

/** Text without the escape sequences of terminals. */
export function stripAnsi(text: string): string {
  return text.includes("\u001b") ? text.replace(ansi, "") : text;
}

/** Where the JSON object that begins at `from` ends (one past its last brace), or -1. */
function objectEnd(text: string, from: number): number {
  let depth = 0;
  let quoted = false;
  for (let at = from; at < text.length; at++) {
    const character = text[at];
    if (quoted) {
      if (character === "\\") at++;
      else if (character === '"') quoted = false;
    } else if (character === '"') quoted = true;
    else if (character === "{") depth++;
    else if (character === "}" && --depth === 0) return at + 1;
  }
  return -1;
}

/** How many times a spliced line is searched for another event; a hostile line holds thousands of beginnings. */
const mostSearches = 16;

/**
 * Events out of a program's output lines. Two threads of one program sometimes write into each other's lines (claude 2.1.74 splices
 * `rate_limit_event` into the middle of another event): the inner event is cut out and the outer one put together again, across the
 * line feed if need be. What is no JSON at all goes to `onNoise`.
 */
export function createEventParser(onEvent: (event: JsonObject) => void, onNoise: (line: string) => void) {
  /** The first part of an event whose rest should be the next line. */
  let broken: string | undefined;

  function splice(line: string): boolean {
    let at = line.indexOf('{"', 1);
    for (let search = 0; at > 0 && search < mostSearches; search++, at = line.indexOf('{"', at + 1)) {
      const end = objectEnd(line, at);
      if (end < 0) continue;
      const inner = parseJsonObject(line.slice(at, end));
      if (!inner || (inner["type"] === undefined && inner["method"] === undefined)) continue;
      const outer = line.slice(0, at) + line.slice(end);
      const whole = parseJsonObject(outer);
      // Without its other half the outer event waits for the next line.
      if (!whole && end !== line.length) continue;
      onEvent(inner);
      if (whole) onEvent(whole);
      else broken = line.slice(0, at);
      return true;
    }
    return false;
  }

  return {
    line(raw: string): void {
      const line = stripAnsi(raw).trim();
      if (broken !== undefined) {
        const joined = parseJsonObject(broken + line);
        const lost = broken;
        broken = undefined;
        if (joined) return onEvent(joined);
        onNoise(lost);
      }
      const start = line.indexOf("{");
      const event = start < 0 ? undefined : parseJsonObject(line.slice(start));
      if (event) {
        if (start > 0) onNoise(line.slice(0, start));
        return onEvent(event);
      }
      if (start < 0 || !splice(line.slice(start))) onNoise(line);
    },
  };
}

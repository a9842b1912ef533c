import { StringDecoder } from "node:string_decoder";

/** Longest event accepted, in characters: an upstream that never ends its line must not fill the memory. */
const longestEvent = 32 * 1024 * 1024;

export type SseParser = {
  /** Feeds bytes; calls back once per complete event, in order. Throws RangeError past the longest event. */
  push(chunk: Uint8Array): void;
};

/**
 * Server-sent events, WHATWG HTML §9.2: lines end in LF, CRLF or CR, a blank line ends an event, several `data` lines join with LF,
 * comments are skipped. Bytes may be split anywhere, inside a UTF-8 sequence or a CRLF too. An event cut off at the end is not delivered.
 */
export function createSseParser(onEvent: (name: string, data: string) => void): SseParser {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  let name = "";
  let data: string | undefined;
  let first = true;
  let skipLineFeed = false;

  function line(text: string): void {
    if (text === "") {
      if (data !== undefined) onEvent(name, data);
      name = "";
      data = undefined;
      return;
    }
    const colon = text.indexOf(":");
    if (colon === 0) return;
    const field = colon < 0 ? text : text.slice(0, colon);
    let value = colon < 0 ? "" : text.slice(colon + 1);
    if (value.charCodeAt(0) === 32) value = value.slice(1);
    if (field === "data") {
      data = data === undefined ? value : `${data}\n${value}`;
      if (data.length > longestEvent) throw new RangeError("event too long");
    } else if (field === "event") name = value;
  }

  return {
    push(chunk) {
      let text = decoder.write(chunk as Buffer);
      if (first && text.length > 0) {
        first = false;
        if (text.charCodeAt(0) === 0xfeff) text = text.slice(1);
      }
      if (skipLineFeed && text.length > 0) {
        skipLineFeed = false;
        if (text.charCodeAt(0) === 10) text = text.slice(1);
      }
      const hasReturn = text.includes("\r");
      if (rest !== "") {
        text = rest + text;
        rest = "";
      }
      let start = 0;
      while (start < text.length) {
        const lineFeed = text.indexOf("\n", start);
        const carriageReturn = hasReturn || text.includes("\r", start) ? text.indexOf("\r", start) : -1;
        let end = lineFeed;
        let next = lineFeed + 1;
        if (carriageReturn >= 0 && (lineFeed < 0 || carriageReturn < lineFeed)) {
          end = carriageReturn;
          next = carriageReturn + 1;
          if (next === text.length) skipLineFeed = true;
          else if (text.charCodeAt(next) === 10) next++;
        }
        if (end < 0) break;
        line(text.slice(start, end));
        start = next;
      }
      rest = start === 0 ? text : text.slice(start);
      if (rest.length > longestEvent) throw new RangeError("event too long");
    },
  };
}

/** One event as text. `name` is left out when empty. `data` must hold no line break. */
export function sseEvent(name: string, data: string): string {
  return name === "" ? `data: ${data}\n\n` : `event: ${name}\ndata: ${data}\n\n`;
}

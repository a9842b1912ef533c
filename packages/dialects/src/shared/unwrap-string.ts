const escapes: Readonly<Record<string, string>> = {
  b: "\b",
  f: "\f",
  n: "\n",
  r: "\r",
  t: "\t",
  '"': '"',
  "\\": "\\",
  "/": "/",
};

export type StringUnwrapper = { push(delta: string): string };

/** Streams the text of `{"<member>": "…"}` out of its JSON as it arrives, escapes decoded, however it is split. */
export function createStringUnwrapper(member: string): StringUnwrapper {
  const opening = new RegExp(`^\\s*\\{\\s*"${member}"\\s*:\\s*"`);
  let pending = "";
  let state: "before" | "inside" | "after" = "before";

  return {
    push(delta) {
      if (state === "after") return "";
      pending += delta;
      if (state === "before") {
        const match = opening.exec(pending);
        if (!match) return "";
        pending = pending.slice(match[0].length);
        state = "inside";
      }
      let text = "";
      let index = 0;
      while (index < pending.length) {
        const character = pending[index]!;
        if (character === '"') {
          state = "after";
          pending = "";
          return text;
        }
        if (character !== "\\") {
          text += character;
          index++;
          continue;
        }
        const kind = pending[index + 1];
        const length = kind === "u" ? 6 : 2;
        if (index + length > pending.length) break;
        text +=
          kind === "u"
            ? String.fromCharCode(Number.parseInt(pending.slice(index + 2, index + 6), 16))
            : (escapes[kind!] ?? kind);
        index += length;
      }
      pending = pending.slice(index);
      return text;
    },
  };
}

import {
  closeSync,
  createReadStream,
  existsSync,
  fstatSync,
  openSync,
  readSync,
  statSync,
  unwatchFile,
  watchFile,
} from "node:fs";
import { CommandError, exitCodes, type CommandContext } from "../context.ts";

/** Bytes read from the file's end to find the last lines in. */
const tailBytes = 1024 * 1024;

function readable(line: string): string {
  try {
    const { time, level, msg, ...rest } = JSON.parse(line) as { time: string; level: number; msg: string };
    const word = level >= 50 ? "error" : level >= 40 ? "warn " : "info ";
    return `${time} ${word} ${msg} ${Object.entries(rest)
      .map(([name, value]) => `${name}=${typeof value === "object" ? JSON.stringify(value) : String(value)}`)
      .join(" ")}`.trimEnd();
  } catch {
    return line;
  }
}

/** The last lines of the log, and with `follow` every further one until Ctrl-C. */
export async function logs(
  context: CommandContext,
  options: { readonly follow?: boolean; readonly lines: string },
): Promise<number> {
  const { logFile } = context.home;
  const count = Number(options.lines);
  if (!Number.isInteger(count) || count < 0)
    throw new CommandError(`--lines takes a whole number, not '${options.lines}'.`, exitCodes.usage);
  if (!existsSync(logFile)) throw new CommandError(`There is no log yet at ${logFile}. Start the gateway first.`);
  const show = (line: string) => console.log(context.json ? line : readable(line));
  const file = openSync(logFile, "r");
  let position = fstatSync(file).size;
  const from = Math.max(0, position - tailBytes);
  const text = Buffer.alloc(position - from);
  readSync(file, text, 0, text.length, from);
  closeSync(file);
  const lines = text.toString("utf8").split("\n").filter(Boolean);
  for (const line of count === 0 ? [] : lines.slice(-count)) show(line);
  if (!options.follow) return exitCodes.ok;

  let rest = "";
  await new Promise<void>((resolve) => {
    const more = () => {
      const { size } = statSync(logFile, { throwIfNoEntry: false }) ?? { size: 0 };
      // A log that was rotated begins again.
      if (size < position) position = 0;
      if (size === position) return;
      const stream = createReadStream(logFile, { start: position, end: size - 1, encoding: "utf8" });
      position = size;
      stream.on("data", (chunk) => {
        const parts = (rest + String(chunk)).split("\n");
        rest = parts.pop()!;
        for (const line of parts) show(line);
      });
    };
    watchFile(logFile, { interval: 250 }, more);
    for (const signal of ["SIGINT", "SIGTERM"] as const) {
      process.once(signal, () => {
        unwatchFile(logFile, more);
        resolve();
      });
    }
  });
  return exitCodes.ok;
}

import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";

/** There is no browser to be found, in words for the person at the terminal. */
export class BrowserMissing extends Error {}

const names = [
  "chromium",
  "chromium-browser",
  "google-chrome-stable",
  "google-chrome",
  "chrome",
  "microsoft-edge-stable",
];
const places: Readonly<Partial<Record<NodeJS.Platform, readonly string[]>>> = {
  darwin: [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
  ],
  win32: [
    "C:\\Program Files\\Google\\Chrome\\Application\\chrome.exe",
    "C:\\Program Files (x86)\\Microsoft\\Edge\\Application\\msedge.exe",
  ],
};

function isProgram(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** The path of a Chromium. Throws BrowserMissing. */
export function findBrowser(
  chosen: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
): string {
  if (chosen !== undefined) {
    if (isProgram(chosen)) return chosen;
    throw new BrowserMissing(`'${chosen}' is no program. Name the browser's own file with --browser.`);
  }
  const folders = (environment["PATH"] ?? "").split(delimiter);
  const candidates = [
    ...(places[process.platform] ?? []),
    ...names.flatMap((name) => folders.map((folder) => join(folder, name))),
  ];
  const found = candidates.find(isProgram);
  if (found !== undefined) return found;
  throw new BrowserMissing(
    "No Chromium or Chrome was found. Install one (on Debian: apt-get install chromium), or name it with --browser.",
  );
}

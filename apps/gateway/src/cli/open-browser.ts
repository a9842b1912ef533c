import { spawn } from "node:child_process";
import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { Environment } from "../config/environment.ts";

function onPath(command: string, environment: Environment): boolean {
  return (environment["PATH"] ?? "").split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, command), constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

/** What opens an address in the person's browser; undefined where there is no browser to open it in. */
function opener(environment: Environment): readonly string[] | undefined {
  const chosen = environment["BROWSER"]?.split(delimiter)[0];
  if (chosen) return [chosen];
  if (process.platform === "darwin") return ["open"];
  // `start` is no program of its own; this is, and takes an address as it is.
  if (process.platform === "win32") return ["rundll32", "url.dll,FileProtocolHandler"];
  const hasDesktop = (environment["DISPLAY"] ?? environment["WAYLAND_DISPLAY"]) !== undefined;
  return hasDesktop && onPath("xdg-open", environment) ? ["xdg-open"] : undefined;
}

/** Opens an address in the person's browser; false where there is none. */
export function openBrowser(address: string, environment: Environment): boolean {
  const [command, ...args] = opener(environment) ?? [];
  if (command === undefined) return false;
  const child = spawn(command, [...args, address], { stdio: "ignore", detached: true });
  // It is printed as well: a browser that does not open is no failure.
  child.on("error", () => {});
  child.unref();
  return true;
}

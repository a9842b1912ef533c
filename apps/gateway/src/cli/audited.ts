import { userInfo } from "node:os";
import type { Audited, DeskTables, Store } from "@trunkline/store";

/** Who sits at the terminal. */
export function cliActor(): string {
  try {
    return `cli:${userInfo().username}`;
  } catch {
    // A user without an entry in the system's list, as in containers.
    return `cli:${process.getuid?.() ?? "unknown"}`;
  }
}

/** Changes something and writes it into the audit log, as the dashboard does: both or neither. */
export function audited<T>(
  store: Store,
  action: string,
  target: string,
  change: (tables: DeskTables) => Promise<Audited<T>>,
): Promise<T> {
  return store.audited({ at: Date.now(), actor: cliActor(), action, target, address: "", requestId: "" }, change);
}

import { createSlots } from "../slots.ts";
import type { LimitReport } from "./question.ts";

/** Milliseconds a place is kept for a request nobody has heard of since: whoever had it is dead. */
const leaseMs = 180_000;

const nobody: readonly string[] = [];

/** Places for requests that run at once, as leases: one that is never given back frees itself. */
export function createPlaces() {
  /** By subject, the requests that hold a place and until when. */
  const subjects = new Map<string, { most: number; held: Map<string, number> }>();
  const subjectsOf = createSlots<string[]>();

  function freeDead(held: Map<string, number>, now: number): void {
    for (const [id, until] of held) if (until <= now) held.delete(id);
  }

  return {
    /** True when there is no place left. */
    enter(id: string, subject: string, most: number | null, now: number): boolean {
      if (most === null) return false;
      let entry = subjects.get(subject);
      if (!entry) subjects.set(subject, (entry = { most, held: new Map() }));
      entry.most = most;
      if (entry.held.size >= most) freeDead(entry.held, now);
      if (entry.held.size >= most) return true;
      entry.held.set(id, now + leaseMs);
      const others = subjectsOf.get(id);
      if (others) others.push(subject);
      else subjectsOf.set(id, [subject]);
      return false;
    },
    leave(id: string): void {
      for (const subject of subjectsOf.get(id) ?? nobody) {
        const entry = subjects.get(subject);
        entry?.held.delete(id);
        if (entry?.held.size === 0) subjects.delete(subject);
      }
      subjectsOf.delete(id);
    },
    renew(ids: readonly string[], now: number): void {
      for (const id of ids)
        for (const subject of subjectsOf.get(id) ?? nobody) {
          const held = subjects.get(subject)?.held;
          if (held?.has(id)) held.set(id, now + leaseMs);
        }
    },
    report(now: number): LimitReport[] {
      return [...subjects].map(([subject, { most, held }]) => {
        freeDead(held, now);
        return {
          subject,
          limit: "at once",
          used: String(held.size),
          most: String(most),
          state: held.size >= most ? "reached" : "ok",
          share: held.size / most,
          remainingUsd: null,
          resetsAt: null,
        };
      });
    },
  };
}

import type { JsonObject, Settings } from "@trunkline/contracts";
import type { TargetTraits } from "../dialect.ts";
import { unsupported } from "./reject.ts";

/** Without these the answer would not have the form the client asked for, so they are refused rather than left out. */
const formMembers = new Set(["n", "logprobs", "top_logprobs"]);

/** Takes members the upstream refuses out of the body and reports them. Throws `unsupported_parameter` for those that shape the answer. */
export function dropRefused(body: JsonObject, traits: TargetTraits, degraded: Set<string>): void {
  for (const member of traits.refuses) {
    if (body[member] === undefined) continue;
    if (formMembers.has(member)) unsupported(member, traits.family);
    delete body[member];
    degraded.add(member);
  }
}

/** Reports settings a dialect has no counterpart for: `names` gives each its name on the wire. */
export function reportMissing(
  settings: Settings,
  names: Readonly<Partial<Record<keyof Settings, string>>>,
  degraded: Set<string>,
): void {
  for (const [name, wireName] of Object.entries(names)) {
    if (settings[name as keyof Settings] !== undefined) degraded.add(wireName);
  }
}

import { exitCodes, withStore, type CommandContext } from "../context.ts";

/** Goes through the chain of the audit log; fails where it is broken. */
export async function verifyAudit(context: CommandContext): Promise<number> {
  const check = await withStore(context, ({ audit }) => audit.verify());
  context.print(check, () =>
    check.isWhole
      ? `All ${check.entries} entries are as they were written. The last one's hash is ${check.lastHash}: keep it elsewhere to see later whether entries behind it were cut off.`
      : `The audit log was tampered with: ${check.problem}.`,
  );
  return check.isWhole ? exitCodes.ok : exitCodes.failed;
}

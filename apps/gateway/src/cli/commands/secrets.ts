import { addRoot } from "../../config/home.ts";
import { exitCodes, withStore, type CommandContext } from "../context.ts";

/** A new root in `secret.key`, and everything sealed anew under it. Safe beside a running gateway, which reads the file when it changes. */
export async function rotateSecrets(context: CommandContext): Promise<number> {
  // Made first where there is none.
  await withStore(context, async () => {});
  addRoot(context.home);
  const count = await withStore(context, (store) => store.reseal());
  context.print(
    { resealed: count },
    () =>
      `secret.key holds a new root; ${count} values were encrypted anew under it.\nThe old root stays below it: client keys are still hashed under the first. Back the file up.`,
  );
  return exitCodes.ok;
}

import type { Register } from "./program.ts";
import { signInCommand, signOutCommand, type LoginOptions } from "./commands/login.ts";
import { rotateSecrets } from "./commands/secrets.ts";

export function addSignInCommands({ program, act, simple }: Register): void {
  act(
    program
      .command("login <provider>")
      .description(
        "sign in to a provider: in the browser, by a code typed in elsewhere, or with a credential on standard input",
      )
      .option("--device", "by a code that is typed in on another machine")
      .option("--no-browser", "print the address instead of opening it"),
    (context, command) => signInCommand(context, command.args[0]!, command.opts<LoginOptions>()),
  );
  act(
    program.command("logout <provider>").description("sign out of a provider, and revoke its tokens"),
    (context, command) => signOutCommand(context, command.args[0]!),
  );
  const secrets = program.command("secrets").description("what is encrypted under secret.key");
  simple(secrets, "rotate", "make a new root in secret.key and encrypt everything anew under it", rotateSecrets);
}

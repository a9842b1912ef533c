import { timingSafeEqual } from "node:crypto";
import type { IncomingHttpHeaders } from "node:http";
import { GatewayError } from "@trunkline/contracts";
import type { SecretBox, Store } from "@trunkline/store";
import { isAdminPassword } from "./admin-password.ts";

/** What the command line's token is for: whoever can read this home's `secret.key` is its operator. */
export const operatorPurpose = "operator of this home";

export function isBasic({ authorization }: IncomingHttpHeaders): boolean {
  return /^basic /i.test(authorization ?? "");
}

/** A page of another site, which a browser lends the password it remembers. */
function isForeign({ origin, host }: IncomingHttpHeaders): boolean {
  return origin !== undefined && URL.parse(origin)?.host !== host;
}

/** Tells operators from others. */
export function createOperators(store: Store, secretBox: SecretBox) {
  /** Whether the command line beside the gateway asks. */
  function isToken({ authorization = "" }: IncomingHttpHeaders): boolean {
    const bearer = Buffer.from(/^bearer (.+)$/i.exec(authorization)?.[1] ?? "");
    const token = Buffer.from(secretBox.token(operatorPurpose));
    return bearer.length === token.length && timingSafeEqual(bearer, token);
  }

  async function authorize(headers: IncomingHttpHeaders): Promise<string> {
    if (isToken(headers)) return "cli";
    if (!isBasic(headers))
      throw new GatewayError("missing_key", "This address is the operator's: send the admin's name and password.");
    if (isForeign(headers))
      throw new GatewayError("invalid_request", "This address takes no requests from pages of other sites.");
    const [user, ...password] = Buffer.from(headers.authorization!.slice("basic ".length), "base64")
      .toString()
      .split(":");
    if (user !== "admin" || !(await isAdminPassword(store, password.join(":"))))
      throw new GatewayError("invalid_key", "The admin's name or password is wrong.");
    return "api:admin";
  }

  return { authorize, isToken };
}

import { GatewayError } from "@trunkline/contracts";

const isLoopback = (host: string) => /^(?:localhost|127(?:\.\d+){3}|\[::1\])$/.test(host);

/** An address credentials may be sent to: https, or this machine. Throws GatewayError for any other. */
export function secureAddress(address: string): { readonly url: URL; readonly isLocal: boolean } {
  const url = URL.parse(address);
  const isLocal = url !== null && isLoopback(url.hostname);
  if (url?.protocol !== "https:" && !isLocal)
    throw new GatewayError(
      "provider_unavailable",
      `${url?.origin ?? address} is not https; credentials are sent to nothing less.`,
    );
  return { url: url!, isLocal };
}

/** What a program may know of the gateway's own environment: where programs and certificates are, which language, which proxy. */
const inherited = [
  "PATH",
  "LANG",
  "LC_ALL",
  "LC_CTYPE",
  "TZ",
  "SSL_CERT_FILE",
  "SSL_CERT_DIR",
  "NODE_EXTRA_CA_CERTS",
  "HTTP_PROXY",
  "HTTPS_PROXY",
  "NO_PROXY",
  "http_proxy",
  "https_proxy",
  "no_proxy",
  // Windows programs do not start without these.
  "SystemRoot",
  "ComSpec",
  "PATHEXT",
] as const;

/** The environment of a vendor's program: nothing of the gateway's but the above, the account's home, and what is given. */
export function childEnvironment(
  own: Readonly<Record<string, string | undefined>>,
  home: string,
  ...given: readonly Readonly<Record<string, string>>[]
): Record<string, string> {
  const environment: Record<string, string> = {};
  for (const name of inherited) {
    const value = own[name];
    if (value !== undefined) environment[name] = value;
  }
  return Object.assign(environment, { HOME: home, USERPROFILE: home, TERM: "dumb", NO_COLOR: "1" }, ...given);
}

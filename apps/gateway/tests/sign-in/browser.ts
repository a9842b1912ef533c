/** A browser without pages: keeps cookies, follows redirects until it leaves the hosts it may visit. */
export function createBrowser() {
  const jars = new Map<string, Map<string, string>>();
  const answers = new Map<string, Headers>();

  async function request(address: string, form?: Record<string, string>): Promise<Response> {
    const { host, pathname } = new URL(address);
    const jar = jars.get(host) ?? new Map<string, string>();
    jars.set(host, jar);
    const cookies = [...jar].filter(([key]) => pathname.startsWith(key.split(";")[1]!));
    const answer = await fetch(address, {
      redirect: "manual",
      headers: { cookie: cookies.map(([key, value]) => `${key.split(";")[0]}=${value}`).join("; ") },
      ...(form ? { method: "POST", body: new URLSearchParams(form) } : {}),
    });
    answers.set(address.split("?")[0]!, answer.headers);
    for (const line of answer.headers.getSetCookie()) {
      const [pair, ...attributes] = line.split(/;\s*/);
      const at = pair!.indexOf("=");
      const path = attributes.find((attribute) => /^path=/i.test(attribute))?.slice(5) ?? "/";
      const key = `${pair!.slice(0, at)};${path}`;
      if (/max-age=0|expires=Thu, 01 Jan 1970/i.test(line)) jar.delete(key);
      else jar.set(key, pair!.slice(at + 1));
    }
    return answer;
  }

  /** Follows redirects; `until` keeps it from visiting an address, which it then ends at. */
  async function visit(
    address: string,
    until?: (address: string) => boolean,
    form?: Record<string, string>,
  ): Promise<{ address: string; answer: Response }> {
    let at = address;
    let answer = await request(at, form);
    for (let hops = 0; hops < 20; hops++) {
      const location = answer.headers.get("location");
      if (location === null) return { address: at, answer };
      at = new URL(location, at).href;
      if (until?.(at)) return { address: at, answer };
      answer = await request(at);
    }
    throw new Error(`redirected too often at ${at}`);
  }

  /** Signs in and agrees on the authorization server's pages, wherever it begins. */
  async function signIn(
    address: string,
    until?: (address: string) => boolean,
  ): Promise<{ address: string; text: string; status: number }> {
    let { address: at, answer } = await visit(address, until);
    for (let pages = 0; pages < 6 && !until?.(at); pages++) {
      const text = await answer.clone().text();
      const action = /<form[^>]*action="([^"]+)"/.exec(text)?.[1];
      if (action === undefined) break;
      const hidden = [...text.matchAll(/<input type="hidden" name="([^"]+)" value="([^"]*)"/g)].map((match) => [
        match[1]!,
        match[2]!,
      ]);
      const form = {
        ...Object.fromEntries(hidden),
        ...(text.includes('name="login"') ? { login: "ada", password: "x" } : {}),
      };
      const next = await visit(new URL(action.replaceAll("&amp;", "&"), at).href, until, form);
      at = next.address;
      answer = next.answer;
    }
    return { address: at, text: until?.(at) ? "" : await answer.text(), status: answer.status };
  }

  /** Headers of what an address answered last. */
  const lastHeaders = (address: string) => answers.get(address) ?? new Headers();

  return { request, visit, signIn, lastHeaders };
}

import { createBrowser } from "./browser.ts";

// What `BROWSER` starts in the tests: signs in at the address it is given.
await createBrowser().signIn(process.argv[2]!);

import { globSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, test } from "vitest";

// Who may import whom. A new arrow is a decision: write it in docs/decisions and then here.
const arrows: Readonly<Record<string, readonly string[]>> = {
  contracts: [],
  dialects: ["contracts"],
  policies: ["contracts"],
  store: ["contracts"],
  providers: ["contracts", "dialects"],
  workers: ["contracts", "providers"],
  jobs: ["contracts", "providers", "store"],
  exchange: ["contracts", "dialects", "policies", "providers"],
  ledger: ["contracts", "store"],
  admin: ["contracts", "store"],
  testkit: ["contracts"],
};

const root = join(import.meta.dirname, "..");
type Manifest = {
  readonly name: string;
  readonly dependencies?: Record<string, string>;
  readonly devDependencies?: Record<string, string>;
};
const manifestOf = (path: string) => JSON.parse(readFileSync(join(root, path, "package.json"), "utf8")) as Manifest;
const own = (names: Record<string, string> | undefined) =>
  Object.keys(names ?? {})
    .filter((name) => name.startsWith("@trunkline/"))
    .map((name) => name.slice("@trunkline/".length));
const importsOf = (file: string) =>
  [...readFileSync(join(root, file), "utf8").matchAll(/from "([^"]+)"|import\("([^"]+)"\)/g)].map(
    (match) => match[1] ?? match[2]!,
  );

test("every package has its arrows written down", () => {
  expect(
    globSync("packages/*", { cwd: root })
      .map((path) => path.slice("packages/".length))
      .toSorted(),
  ).toEqual(Object.keys(arrows).toSorted());
});

describe.each(Object.entries(arrows))("%s", (name, allowed) => {
  const path = `packages/${name}`;
  test("declares only what it may use", () => {
    expect(own(manifestOf(path).dependencies).filter((dependency) => !allowed.includes(dependency))).toEqual([]);
    expect(own(manifestOf(path).dependencies)).not.toContain("testkit");
  });

  test("imports only what it declares, and never reaches into a package", () => {
    const manifest = manifestOf(path);
    for (const file of globSync(`${path}/{src,tests}/**/*.ts`, { cwd: root })) {
      const isTest = file.endsWith(".test.ts");
      const known = new Set([
        ...Object.keys(manifest.dependencies ?? {}),
        ...(isTest ? [...Object.keys(manifest.devDependencies ?? {}), "vitest"] : []),
      ]);
      for (const target of importsOf(file)) {
        if (target.startsWith("node:") || target.startsWith(".")) {
          expect([file, target.includes("../".repeat(5))]).toEqual([file, false]);
          continue;
        }
        const packageName = target.startsWith("@") ? target.split("/").slice(0, 2).join("/") : target.split("/")[0]!;
        const typesOnly =
          !isTest &&
          Object.hasOwn(manifest.devDependencies ?? {}, packageName) &&
          new RegExp(`import type [^;]+from "${packageName}"`).test(readFileSync(join(root, file), "utf8"));
        expect([file, packageName, known.has(packageName) || typesOnly]).toEqual([file, packageName, true]);
        if (packageName.startsWith("@trunkline/")) expect([file, target]).toEqual([file, packageName]);
      }
    }
  });
});

test("nobody imports an app", () => {
  for (const file of globSync("packages/*/src/**/*.ts", { cwd: root }))
    expect(importsOf(file).filter((target) => target.includes("apps/") || target === "trunkline")).toEqual([]);
});

test("the web app takes types alone, from contracts and the admin API", () => {
  const files = globSync("apps/web/src/**/*.{ts,tsx}", { cwd: root });
  expect(files.length).toBeGreaterThan(0);
  for (const file of files) {
    const text = readFileSync(join(root, file), "utf8");
    const own = [
      ...text.matchAll(/^(import(?: type)?) [^;]*?from "(@trunkline\/[^"]+|[^"]*(?:packages|gateway)\/[^"]*)";/gm),
    ];
    for (const [, word, target] of own)
      expect([file, word, ["@trunkline/contracts", "@trunkline/admin/api"].includes(target!)]).toEqual([
        file,
        "import type",
        true,
      ]);
  }
});

test("dialects do nothing but translate", () => {
  const forbidden = /^node:(?!string_decoder)|^undici$/;
  for (const file of globSync("packages/dialects/src/**/*.ts", { cwd: root })) {
    if (file.endsWith(".test.ts")) continue;
    expect([file, importsOf(file).filter((target) => forbidden.test(target))]).toEqual([file, []]);
  }
});

test("files stay readable", () => {
  const lines = globSync("{apps,packages,tools}/**/*.{ts,tsx,mjs}", {
    cwd: root,
    exclude: (path) => /node_modules|apps.web.dist/.test(String(path)),
  })
    .filter((file) => !file.endsWith(".test.ts"))
    .map((file) => [file, readFileSync(join(root, file), "utf8").split("\n").length] as const);
  expect(lines.filter(([, count]) => count > 600)).toEqual([]);
  const long = lines.filter(([, count]) => count > 300);
  expect(long.length / lines.length).toBeLessThan(0.1);
});

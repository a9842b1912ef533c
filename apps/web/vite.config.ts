import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { brotliCompressSync, constants, gzipSync } from "node:zlib";
import tailwindcss from "@tailwindcss/vite";
import react from "@vitejs/plugin-react";
import { defineConfig, type Plugin } from "vite";

const compressible = /\.(?:js|css|svg|json)$/;
/** Bytes below which compressing costs more than it saves. */
const worthIt = 1024;

/** Writes each file a second and third time, compressed as well as can be: the gateway only hands them out. */
function precompressed(): Plugin {
  return {
    name: "trunkline:precompressed",
    // Once everything is written: what other plugins put in last is in it, too.
    async writeBundle({ dir }, bundle) {
      for (const fileName of Object.keys(bundle)) {
        const file = join(dir!, fileName);
        const source = await readFile(file);
        if (!compressible.test(fileName) || source.length < worthIt) continue;
        const quality = { params: { [constants.BROTLI_PARAM_QUALITY]: 11 } };
        await writeFile(`${file}.br`, brotliCompressSync(source, quality));
        await writeFile(`${file}.gz`, gzipSync(source, { level: 9 }));
      }
    },
  };
}

export default defineConfig({
  root: import.meta.dirname,
  base: "/",
  plugins: [react(), tailwindcss(), precompressed()],
  build: {
    outDir: "dist",
    emptyOutDir: true,
    // Everything comes from our own address, by its hash: nothing is inlined where a strict policy would refuse it.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    rollupOptions: { input: { admin: "admin.html" } },
    reportCompressedSize: false,
  },
});

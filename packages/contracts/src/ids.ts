import { randomBytes } from "node:crypto";

const alphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";
let pool = "";
let used = 0;

/** Random characters from a pool, because one call to the system per id would cost more than the id. */
function randomText(length: number): string {
  if (used + length > pool.length) {
    const bytes = randomBytes(8192);
    let size = 0;
    // 248 is the largest multiple of 62 below 256: bytes above it are skipped so that no character is favoured.
    for (const byte of bytes) if (byte < 248) bytes[size++] = alphabet.charCodeAt(byte % 62);
    pool = bytes.toString("latin1", 0, size);
    used = 0;
  }
  used += length;
  return pool.slice(used - length, used);
}

/** A new id with the vendor's customary prefix, such as `chatcmpl-`; 24 random characters follow. */
export function newId(prefix: string): string {
  return prefix + randomText(24);
}

/**
 * A request id that sorts by time: 9 characters of milliseconds in base 36, then 12 random ones. Rows keyed by it append
 * instead of scattering over the index.
 */
export function newRequestId(now: number): string {
  return `req_${now.toString(36).padStart(9, "0")}${randomText(12)}`;
}

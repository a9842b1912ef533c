export { createKey, type CreateKeyInput } from "./keys/create.ts";
export { rotateKey } from "./keys/rotate.ts";

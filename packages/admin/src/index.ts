export { createKey, type CreateKeyInput } from "./keys/create.ts";
export { rotateKey } from "./keys/rotate.ts";
export { newSecret } from "./keys/secret.ts";
export { createWorkerToken } from "./worker-tokens/create.ts";

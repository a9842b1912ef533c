export { isModelAllowed } from "./allow-model.ts";
export { createAuthenticate, type KeyFinder } from "./authenticate.ts";
export { compileGlob } from "./glob.ts";
export { killSwitch, refusalOf, type KillSwitchReader } from "./kill-switch.ts";
export type { Policy, PolicyContext } from "./policy.ts";
export { rateLimit } from "./rate-limit.ts";
export { createRequestWindows, type Lease, type RequestLimits, type Taken } from "./request-windows.ts";
export { loadFindSecrets, type FindSecrets } from "./redaction/find-secrets.ts";
export { createAnswerRedaction, type AnswerRedaction } from "./redaction/redact-answer.ts";

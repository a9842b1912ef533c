export { isModelAllowed } from "./allow-model.ts";
export { createAuthenticate, type KeyFinder } from "./authenticate.ts";
export { compileCapture, compileGlob } from "./glob.ts";
export { killSwitch, refusalOf, refusalOfRoute, type KillSwitchReader } from "./kill-switch.ts";
export type { Policy, PolicyContext } from "./policy.ts";
export { rateLimit } from "./rate-limit.ts";
export { createRequestWindows, type Lease, type RequestLimits, type Taken } from "./request-windows.ts";
export { loadFindSecrets, type FindSecrets } from "./redaction/find-secrets.ts";
export { createAnswerRedaction, type AnswerRedaction } from "./redaction/redact-answer.ts";
export {
  createTargetHealth,
  type BreakerOptions,
  type Rest,
  type RestingTarget,
  type TargetHealth,
  type Visit,
} from "./targets/target-health.ts";
export { createTargetLoads, type TargetLoads } from "./targets/target-loads.ts";
export { createRetryBudget, type RetryBudget } from "./targets/retry-budget.ts";
export { budgetId, type BudgetLedger } from "./limits/budgets.ts";
export type { BudgetWindow } from "./limits/budget-window.ts";
export { createLimiter, type Limiter } from "./limits/limiter.ts";
export type { LimitAnswer, LimitQuestion, LimitReport, LimitSubject } from "./limits/question.ts";
export { budgetText } from "./limits/refusal-text.ts";
export { createLimits, type LimitDemand, type LimitHold, type Limits } from "./limits/limits.ts";
export { cacheKey } from "./response-cache/cache-key.ts";
export type { RecordedMeta, Recording, RecordingListener } from "./response-cache/recording.ts";
export { createResponseCache, type KeptAnswer, type ResponseCache } from "./response-cache/response-cache.ts";

export { createLoop, type Loop } from "./loop.ts";
export { nextRun, taskOfSchedule } from "./schedules/decide.ts";
export { runSchedules } from "./schedules/run-schedules.ts";
export { runTasks, type Execution, type TaskRunner } from "./tasks/run-tasks.ts";
export { deliverCallbacks } from "./webhooks/deliver-callbacks.ts";
export { checkCallbackUrl, createWebhookSender, type WebhookSender } from "./webhooks/send-webhook.ts";
export { newWebhookSecret, signedHeaders } from "./webhooks/signature.ts";

export { createFetchPerformer } from "./fetch-performer.ts";
export { runWorker, WorkerRefused, type WorkerEvent } from "./run-worker.ts";
export type { Performer } from "./performer.ts";

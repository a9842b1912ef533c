export { createWorkerHub, type HubEvent, type WorkerHub, type WorkerReport } from "./hub/hub.ts";
export {
  closeCodes,
  firstWindow,
  gatewayFrames,
  longestFrame,
  mostBodyBytes,
  sharedFrames,
  subprotocols,
  tokenSubprotocol,
  uncounted,
  workerFrames,
} from "./protocol/frames.ts";

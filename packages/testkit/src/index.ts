export {
  sendJson,
  sendSse,
  startUpstream,
  type Behaviour,
  type FakeUpstream,
  type ReceivedRequest,
} from "./fake-upstream.ts";
export { startPostgres, type TestPostgres } from "./postgres.ts";
export {
  makeProgram,
  recordedError,
  recordedLines,
  type FakePlan,
  type FakeTurn,
} from "./fake-program/make-program.ts";
export { exchangeBytes, requestBytes, startRawServer, type RawServer } from "./raw-server.ts";
export { tinyGguf } from "./tiny-gguf.ts";
export { caseNames, expected, type CaseName, type Expected } from "./fixtures/expected.ts";
export { fixtures, scriptedAnswers } from "./fixtures/index.ts";
export type { WireAnswer } from "./fixtures/wire.ts";

import { parentPort, workerData } from "node:worker_threads";
import { DatabaseSync, type SQLInputValue, type StatementSync } from "node:sqlite";
import type { Answer, Question } from "./read-dialect.ts";

// Runs in a thread of its own: what takes long here holds nobody up.

const database = new DatabaseSync(workerData as string, { readOnly: true });
database.exec("pragma busy_timeout = 5000");
// Sums over a month go through some hundred megabytes: they are read from the kernel's own copy.
database.exec("pragma mmap_size = 1073741824");
const statements = new Map<string, StatementSync>();
const mostStatements = 200;

function prepare(text: string): StatementSync {
  let statement = statements.get(text);
  if (!statement) {
    if (statements.size >= mostStatements) statements.clear();
    statements.set(text, (statement = database.prepare(text)));
  }
  return statement;
}

parentPort!.on("message", ({ id, text, parameters }: Question) => {
  let answer: Answer;
  try {
    answer = { id, rows: prepare(text).all(...(parameters as SQLInputValue[])) };
  } catch (error) {
    answer = { id, problem: error instanceof Error ? error.message : String(error) };
  }
  parentPort!.postMessage(answer);
});

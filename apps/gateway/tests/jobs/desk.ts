import { fixtures, sendJson, startUpstream, type Behaviour, type FakeUpstream } from "@trunkline/testkit";
import { chatProvider, startGateway, type TestGateway } from "../harness.ts";

/** Settings that wait for nothing longer than they have to. */
export const quickJobs = {
  poll_seconds: 0.05,
  first_wait_seconds: 0.02,
  longest_wait_seconds: 0.1,
  callbacks: {
    first_wait_seconds: 0.02,
    longest_wait_seconds: 0.1,
    timeout_seconds: 1,
    allow_addresses: ["127.0.0.0/8"],
  },
};

export const goodAnswer: Behaviour = (_request, response) => sendJson(response, 200, fixtures["openai-chat"].text.json);

export type Desk = { readonly gateway: TestGateway; readonly upstream: FakeUpstream; close(): Promise<void> };

/** A gateway that takes work, and an upstream that does it. */
export async function startDesk(
  behaviour: Behaviour = goodAnswer,
  jobs: object = {},
  home?: string,
  config: object = {},
): Promise<Desk> {
  const upstream = await startUpstream(behaviour);
  const gateway = await startGateway(
    {
      providers: { up: chatProvider(upstream.origin) },
      retries: { attempts: 0 },
      jobs: { ...quickJobs, ...jobs },
      ...config,
    },
    {},
    home,
  );
  return {
    gateway,
    upstream,
    async close() {
      await gateway.close();
      await upstream.close();
    },
  };
}

export const chatTask = (extra: object = {}) => ({
  endpoint: "/v1/chat/completions",
  body: { model: "up/x", messages: [{ role: "user", content: "hi" }] },
  ...extra,
});

export type ShownTask = {
  id: string;
  status: string;
  attempts: number;
  error_code: string | null;
  result: { status: number; body: Record<string, unknown> } | null;
  callback: { state: string; attempts: number; error: string | null } | null;
};

export async function postTask(
  gateway: TestGateway,
  task: object,
  headers: Record<string, string> = {},
): Promise<{ status: number; body: ShownTask & { error: { message: string } } }> {
  const answer = await gateway.post("/v1/tasks", task, headers);
  return { status: answer.status, body: (await answer.json()) as ShownTask & { error: { message: string } } };
}

export const readTask = async (gateway: TestGateway, id: string) =>
  (await (await gateway.get(`/v1/tasks/${id}`)).json()) as ShownTask;

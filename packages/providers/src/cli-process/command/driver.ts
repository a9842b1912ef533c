import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Conversation } from "@trunkline/contracts";
import { createAcpProgram } from "../acp/program.ts";
import { checkSettings, type Honoured } from "../conversation/check-settings.ts";
import { fullInstructions, transcriptOf, withInstructions } from "../conversation/transcript.ts";
import type { Driver, Program, Seat } from "../driver.ts";
import { createOneShotThread } from "../one-shot-thread.ts";
import { childEnvironment } from "../../shared/child-environment.ts";
import type { ProgramConfig } from "./program-config.ts";
import { readEvents, readText } from "./read-output.ts";

/** A driver for whatever program the operator describes. */
export function createCommandDriver(name: string, config: ProgramConfig): Driver {
  const takes = (placeholder: string) => config.args.some((argument) => argument.includes(`{${placeholder}}`));
  const honoured: Honoured[] = takes("effort") ? ["reasoning"] : [];
  const hasSchema = takes("schema_file");
  return {
    name: "command",
    title: name,
    command: name,
    family: config.family,
    capabilities: {
      streamsDeltas: config.output !== "text",
      tools: "envelope",
      images: config.output === "acp",
      jsonSchema: hasSchema,
      samplingParameters: false,
      usage: config.events.some((rule) => rule.outputTokens !== undefined) ? "exact" : "estimated",
      sessions: true,
      quota: false,
      embeddings: false,
    },
    models: [],
    claims: () => false,
    oldest: "0",
    install: "Check `command` in the configuration.",
    version: () => "0",
    login: () => ({ args: config.login, hint: "" }),
    environment: (account) => account.environment,
    signIn: () => ({ state: "unknown", detail: "only the program itself knows" }),
    check({ settings }: Conversation) {
      const missing = checkSettings(settings, name, honoured);
      if (settings.responseFormat && settings.responseFormat.type !== "text" && !hasSchema)
        missing.push("response_format");
      return missing;
    },
    connect: (seat) => createCommandProgram(seat, name, config),
  };
}

function createCommandProgram(seat: Seat, title: string, config: ProgramConfig): Program {
  const environment = childEnvironment(seat.environment, seat.account.home, seat.account.environment);
  if (config.output === "acp") {
    return createAcpProgram({ seat, title, args: config.args, environment, setsModel: false, forget: async () => {} });
  }
  return {
    open: async ({ model }) =>
      createOneShotThread({
        seat,
        title,
        launch({ conversation }) {
          const { prompt, files, degraded } = transcriptOf(conversation, 0);
          const { reasoning, responseFormat } = conversation.settings;
          const system = fullInstructions(conversation);
          const contents: Readonly<Record<string, string>> = {
            system_file: system,
            prompt_file: prompt,
            schema_file: JSON.stringify(responseFormat?.type === "json-schema" ? responseFormat.schema : {}),
          };
          const words: Readonly<Record<string, string>> = { model, effort: reasoning?.effort ?? "medium" };
          const hasSystemFile = config.args.some((argument) => argument.includes("{system_file}"));
          const text = hasSystemFile ? prompt : withInstructions(conversation, prompt);
          return {
            // Files lie beside the folder the program works in.
            args: config.args.map((argument) =>
              argument.replace(/\{(\w+)\}/g, (whole, key: string) =>
                Object.hasOwn(contents, key) ? join("..", "tmp", `${key}.txt`) : (words[key] ?? whole),
              ),
            ),
            environment,
            input: config.input === "json" ? `${JSON.stringify({ model, system, prompt })}\n` : text,
            degraded: files.length > 0 ? [...degraded, "messages.file"] : degraded,
            prepare(scratch) {
              for (const [key, content] of Object.entries(contents))
                if (config.args.some((argument) => argument.includes(`{${key}}`)))
                  writeFileSync(join(scratch, `${key}.txt`), content, { mode: 0o600 });
              return {};
            },
          };
        },
        read: (parts) =>
          config.output === "text"
            ? readText(parts, { seat, title, model })
            : readEvents(parts, config.events, { seat, title, model }),
      }),
    close: async () => {},
  };
}

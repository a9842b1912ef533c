import { type DialectName, type JsonObject, type JsonValue } from "@trunkline/contracts";
import { dialects } from "@trunkline/dialects";
import { fixtures } from "@trunkline/testkit";
import fc from "fast-check";
import { checkRequest, checkResponse, checkStream } from "./checks.ts";
import { anyJson, isBody, mutated, mutatedStream } from "./mutations.ts";
import { checkAnswer, checkConversation, plainAnswer, plainConversation } from "./round-trips.ts";
import { requestSeeds } from "./seeds.ts";

/** One thing that must hold, the inputs to try it on, and how to try it. Inputs are plain JSON, so that one found can be kept. */
export type Property = {
  readonly name: string;
  readonly dialect: DialectName;
  readonly inputs: fc.Arbitrary<JsonValue>;
  check(input: JsonValue): void;
};

const nothing = fc.constant<JsonValue>(null);

function mutations(seeds: readonly JsonValue[]): fc.Arbitrary<JsonValue> {
  return seeds.length === 0 ? nothing : fc.oneof(...seeds.map(mutated), anyJson);
}

const pieces = fc.array(fc.integer({ min: 1, max: 400 }), { maxLength: 8 });

export const properties: readonly Property[] = Object.values(dialects).flatMap((dialect): Property[] => {
  const { name } = dialect;
  const answers = Object.values(fixtures[name]);
  return [
    {
      name: `${name}: requests`,
      dialect: name,
      inputs: mutations(requestSeeds[name]),
      check: (body) => {
        if (isBody(body)) checkRequest(dialect, body);
      },
    },
    {
      name: `${name}: answers`,
      dialect: name,
      inputs: mutations(answers.map((answer) => answer.json)),
      check: (body) => {
        if (isBody(body)) checkResponse(dialect, body);
      },
    },
    {
      name: `${name}: streams`,
      dialect: name,
      inputs: fc
        .tuple(fc.oneof(...answers.map((answer) => mutatedStream(answer.sse))), pieces)
        .map(([text, sizes]): JsonValue => ({ text: Buffer.from(text, "utf8").toString("base64"), sizes })),
      check: (input) => {
        const { text, sizes } = input as { text: string; sizes: number[] } & JsonObject;
        checkStream(dialect, Buffer.from(text, "base64"), sizes);
      },
    },
    {
      name: `${name}: conversations through another dialect and back`,
      dialect: name,
      inputs: plainConversation,
      check: (plain) => checkConversation(dialect, plain as never),
    },
    {
      name: `${name}: answers through another dialect and back`,
      dialect: name,
      inputs: fc.tuple(plainAnswer, pieces).map(([answer, sizes]): JsonValue => ({ answer, sizes })),
      check: (input) => {
        const { answer, sizes } = input as { answer: never; sizes: number[] };
        checkAnswer(dialect, answer, sizes);
      },
    },
    {
      name: `${name}: garbage`,
      dialect: name,
      inputs: fc.tuple(fc.uint8Array({ maxLength: 300 }), pieces).map(([bytes, sizes]): JsonValue => ({
        text: Buffer.concat([Buffer.from("data: "), bytes, Buffer.from("\n\n")]).toString("base64"),
        sizes,
      })),
      check: (input) => {
        const { text, sizes } = input as { text: string; sizes: number[] } & JsonObject;
        checkStream(dialect, Buffer.from(text, "base64"), sizes);
      },
    },
  ];
});

import type { Texts } from "./en.ts";

export const de: Texts = {} as never;

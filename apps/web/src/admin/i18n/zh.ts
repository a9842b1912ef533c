import type { Texts } from "./en.ts";

export const zh: Texts = {} as never;

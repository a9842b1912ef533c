export { createPriceBook } from "./price-book.ts";
export { createWriter } from "./writer.ts";
export type { Price } from "./tariff.ts";

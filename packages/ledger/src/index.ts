export { costOf } from "./cost.ts";
export { createPriceBook, type PriceBook, type PriceOverride } from "./price-book.ts";
export type { Price, Tariff } from "./tariff.ts";
export { createWriter, type Writer, type WriterOptions } from "./writer.ts";

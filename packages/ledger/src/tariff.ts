/** A price per million tokens that rises once the input passes a size: the whole request is then charged at the higher price. */
export type TieredPrice = {
  readonly base: number;
  readonly tiers: readonly { readonly start: number; readonly price: number }[];
};
export type Price = number | TieredPrice;

/** What one model charges, in USD: per million tokens (`…_mtok`) or per thousand requests (`…_kcount`). Absent members cost what their parent does. */
export type Tariff = {
  readonly input_mtok?: Price;
  readonly output_mtok?: Price;
  readonly cache_read_mtok?: Price;
  readonly cache_write_mtok?: Price;
  readonly cache_write_1h_mtok?: Price;
  readonly input_audio_mtok?: Price;
  readonly output_audio_mtok?: Price;
  readonly cache_audio_read_mtok?: Price;
  readonly output_image_mtok?: Price;
  readonly requests_kcount?: Price;
  readonly web_searches_kcount?: Price;
};

/**
 * Writes a GGUF file (version 3) of a model that can say one sentence. Its embeddings are one-hot, attention and feed-forward are
 * zero, so that each token alone decides the next: whatever comes in, "Hello from the file." comes out, and then the end.
 */
export function tinyGguf(): Buffer {
  const words = ["▁Hello", "▁from", "▁the", "▁file", "."];
  const special = ["<unk>", "<s>", "</s>"];
  const bytes = Array.from({ length: 256 }, (_, value) => `<0x${value.toString(16).toUpperCase().padStart(2, "0")}>`);
  const tokens = [...special, ...bytes, ...words];
  // The width must be a multiple of the number of heads, and hold one place a token.
  const width = 320;
  while (tokens.length < width) tokens.push(`<unused${tokens.length}>`);
  const first = special.length + bytes.length;
  const end = 2;

  const next = (token: number) =>
    token < first || token >= first + words.length ? first : token === first + words.length - 1 ? end : token + 1;
  const oneHot = (target: (row: number) => number[]) => {
    const data = new Float32Array(width * width);
    for (let row = 0; row < width; row++) for (const column of target(row)) data[row * width + column] = 1;
    return data;
  };
  const followers: number[][] = Array.from({ length: width }, () => []);
  for (let token = 0; token < width; token++) followers[next(token)]!.push(token);
  const ones = new Float32Array(width).fill(1);
  const zeros = new Float32Array(width * width);
  const square = [width, width];
  const tensors: { name: string; shape: number[]; data: Float32Array }[] = [
    { name: "token_embd.weight", shape: square, data: oneHot((row) => [row]) },
    { name: "output_norm.weight", shape: [width], data: ones },
    { name: "output.weight", shape: square, data: oneHot((row) => followers[row]!) },
    { name: "blk.0.attn_norm.weight", shape: [width], data: ones },
    { name: "blk.0.ffn_norm.weight", shape: [width], data: ones },
    ...["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"].map((name) => ({
      name: `blk.0.${name}.weight`,
      shape: square,
      data: zeros,
    })),
  ];

  const uint32 = (value: number): Entry => ({ type: 4, data: u32(value) });
  const metadata: Record<string, Entry> = {
    "general.architecture": text("llama"),
    "general.name": text("tiny"),
    "llama.block_count": uint32(1),
    "llama.context_length": uint32(512),
    "llama.embedding_length": uint32(width),
    "llama.feed_forward_length": uint32(width),
    "llama.attention.head_count": uint32(2),
    "llama.attention.head_count_kv": uint32(2),
    "llama.rope.dimension_count": uint32(width / 2),
    "llama.vocab_size": uint32(width),
    "llama.attention.layer_norm_rms_epsilon": { type: 6, data: f32(1e-5) },
    "tokenizer.ggml.model": text("llama"),
    "tokenizer.ggml.tokens": list(
      8,
      tokens.map((token) => string(token)),
    ),
    "tokenizer.ggml.scores": list(
      6,
      tokens.map((_, index) => f32(index >= first ? -index : 0)),
    ),
    // 1 plain, 2 unknown, 3 control, 5 unused, 6 byte.
    "tokenizer.ggml.token_type": list(
      5,
      tokens.map((_, index) =>
        u32(index === 0 ? 2 : index < 3 ? 3 : index < first ? 6 : index < first + words.length ? 1 : 5),
      ),
    ),
    "tokenizer.ggml.bos_token_id": uint32(1),
    "tokenizer.ggml.eos_token_id": uint32(end),
    "tokenizer.ggml.unknown_token_id": uint32(0),
    "tokenizer.chat_template": text("{% for message in messages %}{{ message['content'] }}\n{% endfor %}"),
  };
  return assemble(metadata, tensors);
}

type Entry = { readonly type: number; readonly data: Buffer };

const alignment = 32;

function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

function u64(value: number): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(BigInt(value));
  return buffer;
}

function f32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeFloatLE(value);
  return buffer;
}

function string(value: string): Buffer {
  const bytes = Buffer.from(value);
  return Buffer.concat([u64(bytes.length), bytes]);
}

function text(value: string): Entry {
  return { type: 8, data: string(value) };
}

function list(type: number, items: readonly Buffer[]): Entry {
  return { type: 9, data: Buffer.concat([u32(type), u64(items.length), ...items]) };
}

function padded(buffer: Buffer): Buffer {
  return Buffer.concat([buffer, Buffer.alloc((alignment - (buffer.length % alignment)) % alignment)]);
}

function assemble(
  metadata: Readonly<Record<string, Entry>>,
  tensors: readonly { name: string; shape: number[]; data: Float32Array }[],
): Buffer {
  let offset = 0;
  const infos = tensors.map(({ name, shape, data }) => {
    const info = Buffer.concat([string(name), u32(shape.length), ...shape.map(u64), u32(0), u64(offset)]);
    offset += Math.ceil(data.byteLength / alignment) * alignment;
    return info;
  });
  const entries = Object.entries(metadata).map(([name, { type, data }]) =>
    Buffer.concat([string(name), u32(type), data]),
  );
  const head = Buffer.concat([
    Buffer.from("GGUF"),
    u32(3),
    u64(tensors.length),
    u64(entries.length),
    ...entries,
    ...infos,
  ]);
  return Buffer.concat([padded(head), ...tensors.map(({ data }) => padded(Buffer.from(data.buffer)))]);
}

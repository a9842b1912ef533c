/** The tables as Kysely sees them. Times are milliseconds since the epoch, booleans 0 or 1, lists and objects JSON text. */
export type Tables = {
  keys: KeyRow;
  exchanges: ExchangeRow;
  attempts: AttemptRow;
  responses: ResponseRow;
  sessions: SessionRow;
  account_states: { provider: string; account: string; state: string; updated_at: number };
  kill_switches: KillSwitchRow;
  /** What budgets have spent, by the beginning of the slot of time it was spent in. */
  budget_spent: { budget: string; slot: number; amount: number };
  /** What processes have set aside for requests that run; a process that is not seen any more has died with them. */
  budget_reserved: { budget: string; slot: number; holder: string; amount: number; seen_at: number };
  credentials: CredentialRow;
  logins: LoginRow;
  worker_tokens: WorkerTokenRow;
  tasks: TaskRow;
  files: FileRow;
  file_chunks: { id: string; file_id: string; content: string };
  batches: BatchRow;
  schedules: ScheduleRow;
  schedule_runs: ScheduleRunRow;
  webhook_secrets: { key_id: string; content: string };
  settings: { name: string; value: string };
  migrations: { name: string; applied_at: number };
};

export type KeyRow = {
  id: string;
  name: string;
  /** HMAC-SHA-256 of the secret, hex. */
  hash: string;
  prefix: string;
  active: number;
  created_at: number;
  expires_at: number | null;
  models: string;
  rpm: number | null;
  notes: string;
  user_name: string | null;
  group_name: string | null;
  /** JSON; null when there are none. */
  limits: string | null;
  /** Of the secret before, which works until then. */
  old_hash: string | null;
  old_until: number | null;
};

export type ExchangeRow = {
  id: string;
  started_at: number;
  duration_ms: number;
  first_content_ms: number | null;
  operation: string;
  dialect: string;
  upstream_dialect: string;
  key_id: string;
  requested_model: string;
  provider: string;
  model: string;
  stream: number;
  status: number;
  outcome: string;
  error_code: string | null;
  finish_reason: string | null;
  service_tier: string | null;
  input_tokens: number | null;
  output_tokens: number | null;
  cache_read_tokens: number | null;
  cache_write_5m_tokens: number | null;
  cache_write_1h_tokens: number | null;
  reasoning_tokens: number | null;
  usage_estimated: number | null;
  /** Integer nano-USD; null when the price is not known. */
  cost_nano_usd: number | null;
  degraded: string;
  /** Null in rows of before there were routes. */
  route: string | null;
  /** `hit`, `miss` or `bypass` where answers are cached. */
  cache: string | null;
  /** What a hit would have cost. */
  saved_nano_usd: number | null;
};

export type AttemptRow = {
  exchange_id: string;
  number: number;
  provider: string;
  model: string;
  started_at: number;
  duration_ms: number;
  status: number;
  error: string | null;
  reason: string | null;
  /** 1 when it was passed over. */
  skipped: number | null;
  until: number | null;
};

export type ResponseRow = {
  id: string;
  key_id: string;
  provider: string | null;
  created_at: number;
  /** Encrypted JSON of input and response; null when the provider keeps them. */
  content: string | null;
};

export type SessionRow = {
  id: string;
  key_id: string;
  provider: string;
  account: string;
  resume_id: string | null;
  /** Encrypted JSON of instructions and history. */
  content: string;
  turns: number;
  created_at: number;
  used_at: number;
  /** A turn holds it until then; 0 when none does. */
  locked_until: number;
};

export type CredentialRow = {
  provider: string;
  /** Encrypted JSON. */
  content: string;
  state: string;
  problem: string | null;
  skew_ms: number;
  version: number;
  /** Somebody renews it until then; 0 when nobody does. */
  locked_until: number;
  updated_at: number;
};

export type LoginRow = {
  id: string;
  provider: string;
  flow: string;
  /** `claimed` while its answer is used. */
  status: string;
  problem: string | null;
  created_at: number;
  expires_at: number;
  /** Encrypted JSON. */
  content: string;
};

export type WorkerTokenRow = {
  id: string;
  worker: string;
  /** HMAC-SHA-256 of the secret, hex. */
  hash: string;
  prefix: string;
  created_at: number;
  revoked_at: number | null;
};

export type TaskRow = {
  id: string;
  key_id: string;
  endpoint: string;
  /** Encrypted JSON of body and callback. */
  content: string;
  status: string;
  /** Lower ones first. */
  rank: number;
  created_at: number;
  run_at: number;
  started_at: number | null;
  finished_at: number | null;
  attempts: number;
  leased_until: number;
  /** The process that runs it. */
  holder: string | null;
  /** Encrypted JSON. */
  result: string | null;
  error_code: string | null;
  callback_state: string;
  callback_attempts: number;
  /** Not before; while it is being delivered, when somebody else may try. */
  callback_at: number;
  callback_error: string | null;
  idempotency_key: string | null;
  fingerprint: string;
  batch_id: string | null;
  custom_id: string | null;
  schedule_id: string | null;
};

export type FileRow = {
  id: string;
  key_id: string;
  filename: string;
  purpose: string;
  bytes: number;
  created_at: number;
  expires_at: number | null;
};

export type BatchRow = {
  id: string;
  key_id: string;
  endpoint: string;
  status: string;
  input_file_id: string;
  output_file_id: string | null;
  error_file_id: string | null;
  completion_window: string;
  metadata: string | null;
  total: number;
  errors: string;
  created_at: number;
  expires_at: number;
  /** JSON of statuses and when they were reached. */
  reached_at: string;
  leased_until: number;
  holder: string | null;
};

export type ScheduleRow = {
  id: string;
  key_id: string;
  name: string;
  cron: string;
  time_zone: string;
  /** Encrypted JSON of what is asked. */
  content: string;
  missed: string;
  overlap: string;
  paused: number;
  created_at: number;
  next_at: number | null;
};

export type ScheduleRunRow = {
  id: string;
  schedule_id: string;
  due_at: number;
  decided_at: number;
  outcome: string;
  task_id: string | null;
};

export type KillSwitchRow = {
  id: string;
  scope: string;
  name: string;
  reason: string;
  set_at: number;
  set_by: string;
  /** Null while it is in force. */
  lifted_at: number | null;
  lifted_by: string | null;
};

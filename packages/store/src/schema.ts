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
  users: UserRow;
  groups: { name: string; notes: string; created_at: number };
  admin_sessions: AdminSessionRow;
  /** Wrong passwords in a row, by whose. */
  sign_in_failures: { subject: string; failures: number; first_at: number; locked_until: number };
  audit: AuditRow;
  config_versions: { id: string; at: number; actor: string; tag: string; content: string };
  idempotent_answers: { id: string; fingerprint: string; status: number; content: string; created_at: number };
  usage_slots: UsageSlotRow;
  latency_slots: LatencySlotRow;
  exchange_contents: { exchange_id: string; started_at: number; content: string };
  alert_rules: AlertRuleRow;
  alert_channels: { id: string; name: string; kind: string; enabled: number; content: string };
  alert_events: AlertEventRow;
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
  session_id: string | null;
  /** Null in rows of before it was kept. */
  client: string | null;
};

/** What a stretch of time used, by whom and of what. */
export type UsageSlotRow = {
  /** Milliseconds the stretch is long, and when it began. */
  slot_ms: number;
  slot: number;
  key_id: string;
  provider: string;
  model: string;
  dialect: string;
  /** Empty for those that ended well. */
  error_code: string;
  requests: number;
  errors: number;
  cancelled: number;
  input_tokens: number;
  output_tokens: number;
  cache_read_tokens: number;
  cache_write_tokens: number;
  reasoning_tokens: number;
  cost_nano_usd: number;
  /** Those whose price is not known. */
  unpriced: number;
  cache_hits: number;
  saved_nano_usd: number;
};

/** How long answers took: how many fell into which bucket. */
export type LatencySlotRow = {
  slot_ms: number;
  slot: number;
  key_id: string;
  provider: string;
  model: string;
  dialect: string;
  /** `total`, or `first` for the first content. */
  measure: string;
  bucket: number;
  count: number;
};

export type UserRow = {
  id: string;
  name: string;
  email: string;
  role: string;
  group_name: string | null;
  notes: string;
  active: number;
  password_hash: string | null;
  /** Encrypted; null where there is no second factor. */
  totp_secret: string | null;
  /** 0 while the second factor has not been confirmed. */
  totp_confirmed: number;
  /** The last step a code was taken for: none is taken twice. */
  totp_step: number;
  issuer: string | null;
  subject: string | null;
  created_at: number;
  signed_in_at: number | null;
};

export type AdminSessionRow = {
  id: string;
  /** HMAC-SHA-256 of the cookie, hex. */
  hash: string;
  user_id: string;
  method: string;
  created_at: number;
  used_at: number;
  expires_at: number;
  address: string;
  agent: string;
  /** Encrypted; what the OpenID provider wants to see at the end. */
  id_token: string | null;
};

export type AuditRow = {
  number: number;
  at: number;
  actor: string;
  action: string;
  target: string;
  before: string | null;
  after: string | null;
  address: string;
  request_id: string;
  hash: string;
};

export type AlertRuleRow = {
  id: string;
  kind: string;
  enabled: number;
  threshold: number | null;
  channels: string;
  quiet_minutes: number;
};

export type AlertEventRow = {
  id: string;
  kind: string;
  subject: string;
  title: string;
  text: string;
  at: number;
  deliveries: string;
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

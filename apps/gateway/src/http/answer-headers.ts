/** Headers the gateway adds to answers, with what they say; the reference page is made from this and a test holds answers against it. */
export const answerHeaders = {
  "x-request-id": "The request's id, as the log and the ledger have it.",
  "request-id": "The same, where Anthropic's SDK looks for it.",
  "x-trunkline-provider": "The provider that answered.",
  "x-trunkline-model": "The model's name at that provider.",
  "x-trunkline-degraded": "Members of the request the target could not honour, separated by commas.",
  "retry-after": "Seconds after which trying again makes sense.",
  "retry-after-ms": "The same in milliseconds.",
  "x-should-retry": "`false` where trying again cannot help.",
  "x-ratelimit-limit-requests": "Requests a minute this key may send (to clients of OpenAI's and Gemini's dialects).",
  "x-ratelimit-remaining-requests": "How many of them are left.",
  "x-ratelimit-reset-requests": "When all of them are there again.",
  "anthropic-ratelimit-requests-limit": "Requests a minute this key may send (to clients of Anthropic's dialect).",
  "anthropic-ratelimit-requests-remaining": "How many of them are left.",
  "anthropic-ratelimit-requests-reset": "When all of them are there again.",
} as const;

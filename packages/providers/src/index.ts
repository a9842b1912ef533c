export { createLlamaFileProvider } from "./llama-file/llama-file-provider.ts";
export * from "./provider.ts";
export { createAiSdkProvider } from "./ai-sdk/ai-sdk-provider.ts";
export { vendorHeaders } from "./http-api/endpoints.ts";
export { createHttpProvider } from "./http-api/http-provider.ts";
export { presetNames, presetOf, type Preset, type PresetName } from "./http-api/presets.ts";
export { createEchoProvider } from "./embedded/echo-provider.ts";
export { afterPoll } from "./shared/after-poll.ts";
export { createGuardedFetch, type GuardedFetch } from "./shared/guarded-fetch.ts";

export { createLlamaFileProvider, type LlamaFileProviderOptions } from "./llama-file/llama-file-provider.ts";
export * from "./provider.ts";
export { createAiSdkProvider, type AiSdkProviderOptions } from "./ai-sdk/ai-sdk-provider.ts";
export { vendorHeaders } from "./http-api/endpoints.ts";
export { createHttpProvider, type HttpProviderOptions } from "./http-api/http-provider.ts";
export { presetNames, presetOf, type Preset, type PresetName } from "./http-api/presets.ts";
export { defaultTimeouts, type Timeouts } from "./http-api/transport.ts";
export { createEchoProvider } from "./embedded/echo-provider.ts";
export {
  createGuardedFetch,
  isPublicAddress,
  type GuardedFetch,
  type GuardedFetchOptions,
} from "./shared/guarded-fetch.ts";

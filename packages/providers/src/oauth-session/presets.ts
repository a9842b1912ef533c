import type { PresetName } from "../http-api/presets.ts";

/** Where an authorization server is and what is asked of it; the client is always the operator's own. */
export type OAuthPreset = {
  readonly title: string;
  readonly issuer: string;
  readonly scopes: readonly string[];
  /** Sent to the authorization endpoint besides the standard's own. */
  readonly parameters?: Readonly<Record<string, string>>;
  /** The API the tokens are for. */
  readonly api: PresetName;
  readonly baseUrl?: string;
};

const presets = {
  google: {
    title: "Google Gemini API by sign-in",
    issuer: "https://accounts.google.com",
    scopes: [
      "https://www.googleapis.com/auth/generative-language.retriever",
      "https://www.googleapis.com/auth/cloud-platform",
    ],
    // Without these Google gives no refresh token.
    parameters: { access_type: "offline", prompt: "consent" },
    api: "gemini",
  },
  "microsoft-entra": {
    title: "Azure OpenAI by Microsoft Entra ID",
    issuer: "https://login.microsoftonline.com/organizations/v2.0",
    scopes: ["https://cognitiveservices.azure.com/.default", "offline_access"],
    api: "azure-openai",
  },
  "hugging-face": {
    title: "Hugging Face inference providers",
    issuer: "https://huggingface.co",
    scopes: ["openid", "inference-api"],
    api: "openai-compatible",
    baseUrl: "https://router.huggingface.co/v1",
  },
} as const satisfies Record<string, OAuthPreset>;

export type OAuthPresetName = keyof typeof presets;

export const oauthPresetNames = Object.keys(presets) as OAuthPresetName[];

export function oauthPresetOf(name: OAuthPresetName): OAuthPreset {
  return presets[name];
}

import { z } from "zod";
import { time } from "./common.ts";

export const settingsView = z
  .object({
    values: z.record(z.string(), z.unknown()).describe("As they are in force; secrets are masked."),
    written: z.record(z.string(), z.unknown()).describe("As the file has them; secrets are masked."),
    file: z.string(),
    overridden: z.record(z.string(), z.string()).describe("Settings an environment variable decides, by their path."),
    restart: z.array(z.string()).describe("Settings that take effect at the next start."),
    schema: z.record(z.string(), z.unknown()).describe("JSON Schema of the settings."),
  })
  .meta({ id: "Settings" });
export type SettingsView = z.output<typeof settingsView>;

export const settingChange = z.strictObject({
  path: z
    .array(z.union([z.string().max(200), z.int().min(0)]))
    .min(1)
    .max(12),
  value: z.unknown().optional().describe("Absent takes the setting out of the file: its default holds."),
});
export const settingsInput = z.strictObject({ changes: z.array(settingChange).min(1).max(200) }).meta({
  id: "SettingsInput",
});
export type SettingsInput = z.output<typeof settingsInput>;

export const settingsDiff = z
  .object({
    valid: z.boolean(),
    problems: z.array(z.string()),
    diff: z.array(z.object({ kind: z.enum(["same", "added", "removed"]), text: z.string() })),
  })
  .meta({ id: "SettingsDiff" });
export type SettingsDiff = z.output<typeof settingsDiff>;

export const versionView = z
  .object({ id: z.string(), time, actor: z.string(), tag: z.string() })
  .meta({ id: "ConfigVersion" });
export type VersionView = z.output<typeof versionView>;

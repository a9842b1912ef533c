/** Vendors' programs there is a driver for. */
export const driverNames = ["claude", "codex", "agy", "gemini"] as const;
export type DriverName = (typeof driverNames)[number];

/** Everything about vendors' programs, loaded by those who have one configured. */
export const loadCliProcess = () => import("./index.ts");

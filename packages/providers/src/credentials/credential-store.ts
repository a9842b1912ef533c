import type { CredentialChange, CredentialRecord } from "@trunkline/contracts";

/** Where credentials are kept; what is decided there is decided for every process. */
export type CredentialStore = {
  load(provider: string): Promise<CredentialRecord | undefined>;
  put(provider: string, change: CredentialChange): Promise<void>;
  /** Of all that want to renew the same version, one may, until a time. */
  lock(provider: string, version: number, until: number): Promise<boolean>;
  /** False when it was replaced or removed meanwhile. */
  renew(provider: string, version: number, change: CredentialChange): Promise<boolean>;
  unlock(provider: string, version: number): Promise<void>;
};

import type { en } from "../i18n/en.ts";

declare module "i18next" {
  // oxlint-disable-next-line typescript/consistent-type-definitions -- an interface of the library's is added to
  interface CustomTypeOptions {
    resources: { translation: typeof en };
    returnNull: false;
  }
}

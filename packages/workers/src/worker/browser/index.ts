export { startBrowserPerformer } from "./browser-performer.ts";
export { BrowserMissing } from "./find-browser.ts";

import i18next from "i18next";
import { initReactI18next } from "react-i18next";
import { preferences, setPreferences } from "../../shared/preferences.ts";
import { en } from "../i18n/en.ts";

export const languages = { en: "English", de: "Deutsch", zh: "中文" } as const;
export type Language = keyof typeof languages;

const isLanguage = (name: string): name is Language => Object.hasOwn(languages, name);

/** What the person chose, or the first of the browser's languages there is. */
function wanted(): Language {
  const { language } = preferences();
  const candidates = [...(language === null ? [] : [language]), ...navigator.languages];
  return candidates.map((name) => name.split("-")[0]!).find(isLanguage) ?? "en";
}

/** English is always there; the others come as they are needed. */
async function load(language: Language): Promise<void> {
  if (language === "en" || i18next.hasResourceBundle(language, "translation")) return;
  const texts = language === "de" ? (await import("../i18n/de.ts")).de : (await import("../i18n/zh.ts")).zh;
  i18next.addResourceBundle(language, "translation", texts);
}

export async function startLanguage(): Promise<void> {
  await i18next.use(initReactI18next).init({
    resources: { en: { translation: en } },
    lng: "en",
    fallbackLng: "en",
    interpolation: { escapeValue: false },
    returnNull: false,
  });
  await putLanguage(wanted()).catch(() => {});
}

async function putLanguage(language: Language): Promise<void> {
  await load(language);
  await i18next.changeLanguage(language);
  document.documentElement.lang = language;
}

export async function chooseLanguage(language: Language): Promise<void> {
  setPreferences({ language });
  await putLanguage(language);
}

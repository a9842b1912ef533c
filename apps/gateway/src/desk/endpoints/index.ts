import { alertEndpoints } from "./alerts.ts";
import { exchangeEndpoints } from "./exchanges.ts";
import { healthEndpoints } from "./health.ts";
import { keyEndpoints } from "./keys.ts";
import { providerEndpoints } from "./providers.ts";
import { routingEndpoints } from "./routing.ts";
import { settingsEndpoints } from "./settings.ts";
import { signInEndpoints } from "./sign-in.ts";
import { userEndpoints } from "./users.ts";
import { workEndpoints } from "./work.ts";

/** The whole admin API. */
export const endpoints = [
  ...signInEndpoints,
  ...healthEndpoints,
  ...exchangeEndpoints,
  ...keyEndpoints,
  ...providerEndpoints,
  ...routingEndpoints,
  ...workEndpoints,
  ...userEndpoints,
  ...alertEndpoints,
  ...settingsEndpoints,
];

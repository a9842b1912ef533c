import { alertEndpoints } from "./alerts.ts";
import { auditEndpoints } from "./audit.ts";
import { exchangeEndpoints } from "./exchanges.ts";
import { healthEndpoints } from "./health.ts";
import { jobEndpoints } from "./jobs.ts";
import { keyEndpoints } from "./keys.ts";
import { killSwitchEndpoints } from "./kill-switches.ts";
import { providerEndpoints } from "./providers.ts";
import { routingEndpoints } from "./routing.ts";
import { sessionEndpoints } from "./sessions.ts";
import { settingsEndpoints } from "./settings.ts";
import { signInEndpoints } from "./sign-in.ts";
import { userEndpoints } from "./users.ts";
import { workerEndpoints } from "./workers.ts";

/** The whole admin API. */
export const endpoints = [
  ...signInEndpoints,
  ...healthEndpoints,
  ...exchangeEndpoints,
  ...keyEndpoints,
  ...providerEndpoints,
  ...killSwitchEndpoints,
  ...routingEndpoints,
  ...sessionEndpoints,
  ...workerEndpoints,
  ...jobEndpoints,
  ...userEndpoints,
  ...auditEndpoints,
  ...alertEndpoints,
  ...settingsEndpoints,
];

import { QueryClientProvider } from "@tanstack/react-query";
import { RouterProvider } from "@tanstack/react-router";
import { StrictMode } from "react";
import { createRoot } from "react-dom/client";
import "../shared/theme.css";
import { applyTheme } from "../shared/preferences.ts";
import { startLanguage } from "./app/i18n.ts";
import { queryClient } from "./app/queries.ts";
import { router } from "./app/router.tsx";

applyTheme();
await startLanguage();
createRoot(document.getElementById("root")!).render(
  <StrictMode>
    <QueryClientProvider client={queryClient}>
      <RouterProvider router={router} />
    </QueryClientProvider>
  </StrictMode>,
);

import type { ReactNode } from "react";

const paths = {
  overview: <path d="M4 13h6V4H4zM14 20h6V11h-6zM4 20h6v-3H4zM14 7h6V4h-6z" />,
  requests: <path d="M4 6h16M4 12h16M4 18h10" />,
  keys: <path d="M15 7a4 4 0 1 1-3.5 5.9L4 20v-3h3v-3h3l1.2-1.2A4 4 0 0 1 15 7zm1 3.5h.01" />,
  providers: <path d="M5 5h14v5H5zM5 14h14v5H5zM8 7.5h.01M8 16.5h.01" />,
  models: <path d="m12 3 8 4.5v9L12 21l-8-4.5v-9zM12 12l8-4.5M12 12v9M12 12 4 7.5" />,
  routes: <path d="M6 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM18 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8 17h6a4 4 0 0 0 4-4V9" />,
  playground: <path d="m8 5 11 7-11 7z" />,
  jobs: <path d="M12 7v5l3 2M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18z" />,
  workers: <path d="M7 7h10v10H7zM10 3v4M14 3v4M10 17v4M14 17v4M3 10h4M3 14h4M17 10h4M17 14h4" />,
  sessions: <path d="M5 5h14v10H9l-4 4z" />,
  users: (
    <path d="M9 11a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7zM3 20c0-3 2.7-5 6-5s6 2 6 5M16 4.5a3.5 3.5 0 0 1 0 6.5M18 15.5c1.9.7 3 2.300 3 4.500" />
  ),
  audit: <path d="M6 3h9l4 4v14H6zM9 12h6M9 16h6M9 8h3" />,
  alerts: <path d="M6 17h12l-1.500-2.500V10a4.500 4.500 0 0 0-9 0v4.500zM10 20h4" />,
  settings: (
    <path d="M4 7h10M18 7h2M4 17h2M10 17h10M16 9a2 2 0 1 0 0-4 2 2 0 0 0 0 4zM8 19a2 2 0 1 0 0-4 2 2 0 0 0 0 4z" />
  ),
  menu: <path d="M4 7h16M4 12h16M4 17h16" />,
  close: <path d="m6 6 12 12M18 6 6 18" />,
  plus: <path d="M12 5v14M5 12h14" />,
  copy: <path d="M9 9h10v11H9zM5 15V4h10" />,
  check: <path d="m5 12.500 4.500 4.500L19 7.500" />,
  up: <path d="m6 15 6-6 6 6" />,
  down: <path d="m6 9 6 6 6-6" />,
  right: <path d="m9 6 6 6-6 6" />,
  grip: <path d="M9 6h.01M15 6h.01M9 12h.01M15 12h.01M9 18h.01M15 18h.01" />,
  warning: <path d="M12 4 3 20h18zM12 10v4M12 17h.01" />,
  info: <path d="M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18zM12 11v5M12 8h.01" />,
  power: <path d="M12 4v8M7 7a7 7 0 1 0 10 0" />,
  download: <path d="M12 4v11M7.500 11 12 15.500 16.500 11M5 20h14" />,
  pause: <path d="M9 5v14M15 5v14" />,
  theme: <path d="M12 21a9 9 0 1 0 0-18zM12 3v18" />,
  person: <path d="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM5 20c.600-3.500 3.400-5.500 7-5.500s6.400 2 7 5.500" />,
} satisfies Record<string, ReactNode>;

export type IconName = keyof typeof paths;

/** Drawn beside a text, or on a button that has a label: it says nothing by itself. */
export function Icon({ name, size = 18 }: { readonly name: IconName; readonly size?: number }) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth={name === "grip" ? 3 : 1.75}
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      className="shrink-0"
    >
      {paths[name]}
    </svg>
  );
}

import { z } from "zod";

export const telemetrySchema = z
  .strictObject({
    otlp_endpoint: z
      .url()
      .optional()
      .describe(
        "Where OpenTelemetry traces are sent (OTLP over HTTP): http://127.0.0.1:4318. OTEL_EXPORTER_OTLP_ENDPOINT does the same. Absent, nothing is traced.",
      ),
    otlp_headers: z
      .record(z.string().min(1), z.string())
      .default({})
      .describe("Sent along, such as an API key of the collector."),
    service_name: z.string().min(1).default("trunkline").describe("What the traces are said to come from."),
    sample: z
      .number()
      .min(0)
      .max(1)
      .default(1)
      .describe("Share of the requests that are traced; a client that traces decides for its own."),
    most_per_second: z
      .number()
      .positive()
      .max(1_000_000)
      .default(500)
      .describe("Most requests traced a second, whoever decides: of more, the others are left out."),
  })
  .prefault({});

export type TelemetryConfig = z.output<typeof telemetrySchema>;

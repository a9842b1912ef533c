import { GatewayError } from "@trunkline/contracts";
import { createHttpClient, type ClientTimeouts, type HttpClient } from "../http1/client.ts";
import { createLateCall } from "../shared/late-call.ts";

/** Where a service is to be found. */
export type ServiceAddress = {
  /** Its port while it is up. */
  current(): number | undefined;
  /** The same, waited for; undefined when it does not come up in time. */
  whenUp(waitMs: number): Promise<number | undefined>;
};

/** Connections to a service on this machine, at whichever port it listens on now. */
export function createServiceClient(
  name: string,
  address: ServiceAddress,
  options: { readonly waitMs: number; readonly timeouts: ClientTimeouts },
): HttpClient {
  let known: { readonly port: number; readonly client: HttpClient } | undefined;

  function clientAt(port: number): HttpClient {
    if (known?.port === port) return known.client;
    known?.client.close();
    known = { port, client: createHttpClient(new URL(`http://127.0.0.1:${port}`), options.timeouts) };
    return known.client;
  }

  return {
    send(request, handler) {
      const port = address.current();
      if (port !== undefined) return clientAt(port).send(request, handler);
      const call = createLateCall();
      void address.whenUp(options.waitMs).then((found) => {
        if (call.isCancelled) return;
        if (found !== undefined) return call.begin(() => clientAt(found).send(request, handler));
        handler.error(
          new GatewayError("service_down", `The service '${name}' is not up. \`trunkline services\` tells why.`),
        );
      });
      return call;
    },
    close: () => known?.client.close(),
  };
}

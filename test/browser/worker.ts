import { workload } from "./workload.ts";

// A page's worker: told how many threads to use, answers with what it computed or with the error.
addEventListener("message", (event: MessageEvent<number>) => {
  workload(event.data).then(
    (outcome) => postMessage({ outcome, isolated: crossOriginIsolated }),
    (error: unknown) => postMessage({ error: String((error as Error).stack ?? error) }),
  );
});

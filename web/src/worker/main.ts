// The worker: loads Python, and hands it the messages of the page.

import type { loadPyodide } from "pyodide";
import type { PyBuffer, PyProxy } from "pyodide/ffi";
import type { Begin, FromPage, News } from "../wire/messages";
import { Clock } from "./clock";
import { type Manifest, fetched, unpacked } from "./files";

const SITE_PACKAGES = "/lib/python3.14/site-packages";
const LIBRARY = "library.zip";
const EVERY = 100; // ms between two news of what has loaded

/** `Worker` of `browser/worker.py`. */
interface PythonWorker extends PyProxy {
  hear(message: unknown): void;
  live(): Promise<void>;
}

const tell = (news: News): void => postMessage(news);
let hear: (message: string | ArrayBuffer) => void = () => undefined; // the page is silent until Python is ready

addEventListener("message", ({ data }: MessageEvent<FromPage>) => {
  if (typeof data === "string" || data instanceof ArrayBuffer) hear(data);
  else run(data).catch((error: unknown) => tell({ news: "failed", reason: reasonOf(error) }));
});

/** The page's end of the line, for Python. */
const line = {
  event(frame: PyProxy): void {
    const view = (frame as PyProxy & { getBuffer(type: string): PyBuffer }).getBuffer("u8");
    const copy = view.data.slice() as Uint8Array<ArrayBuffer>;
    view.release();
    postMessage(copy.buffer, { transfer: [copy.buffer] });
  },
  ended(reason: string): void {
    tell({ news: "ended", reason });
  },
};

async function run({ python, documents }: Begin): Promise<void> {
  const source = documents ? fetched(documents).then((response) => response.text()) : null;
  const pyodide = await load(python);
  const clock = new Clock();
  const module = pyodide.pyimport("glassgpt.browser.worker") as PyProxy & {
    begin: (...given: unknown[]) => PythonWorker;
  };
  const worker = module.begin(clock.pause, clock.sleep, clock.wake, line, await source);
  const opened = new Promise<void>((resolve) => {
    hear = (message) => {
      worker.hear(typeof message === "string" ? message : pyodide.toPy(new Uint8Array(message)));
      resolve(); // the first message opens the run
    };
  });
  tell({ news: "ready" });
  await opened;
  await worker.live();
}

/** Load Python: all files at once, each unpacked while it arrives. */
async function load(python: string): Promise<Awaited<ReturnType<typeof loadPyodide>>> {
  const loader = import(/* @vite-ignore */ `${python}pyodide.mjs`) as Promise<{ loadPyodide: typeof loadPyodide }>;
  const manifest = (await (await fetched(`${python}manifest.json`)).json()) as Manifest;
  const came = progress(Object.values(manifest.sizes).reduce((a, b) => a + b));
  const file = (name: string): Promise<Response> =>
    unpacked(`${python}${name}.gz`, came).then((content) => new Response(content));
  const wasm = file("python.wasm");
  const library = file(LIBRARY);
  const packages = file("packages.zip").then((response) => response.arrayBuffer());
  lend({ "pyodide.asm.wasm": wasm, [LIBRARY]: library });
  const options = {
    indexURL: python,
    stdLibURL: `${python}${LIBRARY}`,
    lockFileContents: JSON.stringify(manifest.lock),
  };
  const loading = loader.then(({ loadPyodide }) => loadPyodide(options));
  const [pyodide] = await Promise.all([loading, wasm, library, packages]); // Pyodide waits for a missing file for ever
  pyodide.unpackArchive(await packages, "zip", { extractDir: SITE_PACKAGES });
  return pyodide;
}

/** Give Pyodide, which fetches for itself, the files that are on their way. */
function lend(files: Record<string, Promise<Response>>): void {
  const usual = fetch;
  self.fetch = async (wanted, options) => {
    const url = wanted instanceof Request ? wanted.url : String(wanted);
    const lent = files[url.slice(url.lastIndexOf("/") + 1)];
    if (!lent) return usual(wanted, options);
    const type = url.endsWith(".wasm") ? "application/wasm" : "application/zip"; // to compile it while it arrives
    return new Response((await lent).body, { headers: { "Content-Type": type } });
  };
}

/** Tell the page how much has come, a few times a second. */
function progress(of: number): (bytes: number) => void {
  let bytes = 0;
  let next = 0;
  return (more) => {
    bytes += more;
    if (performance.now() < next && bytes < of) return;
    next = performance.now() + EVERY;
    tell({ news: "loading", bytes, of });
  };
}

function reasonOf(error: unknown): string {
  console.error(error);
  return error instanceof Error ? error.message : String(error);
}

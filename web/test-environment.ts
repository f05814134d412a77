// Modules are compiled for tests as they are for the browser, where signals are live; no test needs a DOM.
import type { Environment } from "vitest/runtime";

export default {
  name: "browser modules",
  viteEnvironment: "client",
  setup: () => ({ teardown: () => undefined }),
} satisfies Environment;

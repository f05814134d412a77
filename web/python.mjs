// Runs tools/pack_python.py in Pyodide: node python.mjs IN OUT
import { readFileSync } from "node:fs";
import { loadPyodide } from "pyodide";

const [into, out] = process.argv.slice(2);
const pyodide = await loadPyodide();
pyodide.mountNodeFS("/in", into);
pyodide.mountNodeFS("/out", out);
process.on("uncaughtException", (error) => {
  console.error(error.message); // without the line of Pyodide's program, which has 650,000 characters
  process.exit(1);
});
pyodide.runPython(readFileSync(new URL("../tools/pack_python.py", import.meta.url), "utf-8"));
await pyodide.runPythonAsync('await main("/in", "/out")');
process.exit(0); // Python's loop has no end

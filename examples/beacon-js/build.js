// Makes the component: one file of JavaScript, then the engine and a snapshot of the running program around it.
//
// All features that would import WASI are off: a plugin has no clock, no random numbers and no files. What is left imports
// the contract's own interfaces alone.

import { writeFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { componentize } from "@bytecodealliance/componentize-js";
import { build } from "esbuild";

const here = (path) => fileURLToPath(new URL(path, import.meta.url));
const output = process.argv[2] ?? here("beacon-js.wasm");

const bundled = await build({
  entryPoints: [here("src/plugin.js")],
  bundle: true,
  format: "esm",
  platform: "neutral",
  mainFields: ["module", "main"],
  external: ["costhost:*"],
  outfile: here("build/plugin.js"),
});
if (bundled.errors.length > 0) process.exit(1);

const { component, imports } = await componentize({
  sourcePath: here("build/plugin.js"),
  witPath: here("../../wit"),
  worldName: "provider",
  disableFeatures: ["stdio", "random", "clocks", "http", "fetch-event"],
});
await writeFile(output, component);
console.log(`${output}: ${component.length} bytes, imports ${JSON.stringify(imports)}`);

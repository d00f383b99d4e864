// Writes the dashboard's types of the API from the API's own description: node tests/dashboard/api-types.mjs http://localhost:11434 [--check]
// With --check nothing is written, and it fails when the file is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import generate, { astToString } from 'openapi-typescript';

const file = fileURLToPath(new URL('../../src/OllamaProxy.Host/Dashboard/web/src/api-types.ts', import.meta.url));
const [address, check] = process.argv.slice(2);
const description = await (await fetch(new URL('/analytics/openapi.json', address))).json();

// The dashboard names the schemas; paths and parameters would make the file ten times as long.
const ast = await generate({ ...description, paths: {} }, { excludeDeprecated: true, rootTypes: false });
const text = `/* Written by tests/dashboard/api-types.mjs from /analytics/openapi.json. */\n\n${astToString(ast)}`;

if (check !== '--check') {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('src/api-types.ts is not what /analytics/openapi.json describes. Start the proxy, then run: node tests/dashboard/api-types.mjs http://localhost:11434');
  process.exit(1);
}

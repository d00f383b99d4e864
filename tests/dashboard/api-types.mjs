// Generates the dashboard's API types from the OpenAPI document: node tests/dashboard/api-types.mjs http://localhost:11434 [--check]
// With --check it writes nothing, and fails if the file is stale.
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import generate, { astToString } from 'openapi-typescript';

const file = fileURLToPath(new URL('../../src/OllamaProxy.Host/Dashboard/web/src/api-types.ts', import.meta.url));
const [address, check] = process.argv.slice(2);
const description = await (await fetch(new URL('/analytics/openapi.json', address))).json();

// The dashboard uses only the schemas; paths and parameters would make the file ten times as long.
const ast = await generate({ ...description, paths: {} }, { excludeDeprecated: true, rootTypes: false });
const text = `/* Written by tests/dashboard/api-types.mjs from /analytics/openapi.json. */\n\n${astToString(ast)}`;

if (check !== '--check') {
  writeFileSync(file, text);
} else if (readFileSync(file, 'utf8') !== text) {
  console.error('src/api-types.ts is not what /analytics/openapi.json describes. Start the proxy, then run: node tests/dashboard/api-types.mjs http://localhost:11434');
  process.exit(1);
}

// node validate.mjs DASHBOARD...
//
// Validates dashboards with a JSON schema generated from Grafana's own types (@grafana/schema), and prints one fault per line. The types permit
// unknown keys and do not describe the options of a panel or the fields of a query, so this script also checks keys, the letters of queries,
// identifiers and overlaps.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import Ajv from "ajv";
import { createGenerator } from "ts-json-schema-generator";

const root = dirname(createRequire(import.meta.url).resolve("@grafana/schema/package.json"));
const schema = createGenerator({
  path: join(root, "dist/types/raw/dashboard/x/types.gen.d.ts"),
  type: "Dashboard",
  skipTypeCheck: true,
  additionalProperties: false,
  strictTuples: false,
}).createSchema("Dashboard");
const validate = new Ajv({ strict: false, allErrors: true }).compile(schema);

function* faults(dashboard) {
  if (!validate(dashboard)) {
    for (const error of validate.errors.filter((error) => !isOpen(error))) {
      yield `${error.instancePath} ${error.message} ${JSON.stringify(error.params)}`;
    }
  }
  const panels = dashboard.panels.flatMap((panel) => [panel, ...(panel.panels ?? [])]);
  const ids = panels.map((panel) => panel.id);
  if (new Set(ids).size !== ids.length) yield "two panels have one id";
  for (const panel of panels) {
    const letters = (panel.targets ?? []).map((target) => target.refId);
    if (letters.some((letter) => !letter) || new Set(letters).size !== letters.length) yield `${panel.title}: refId missing or twice`;
    const { x, w } = panel.gridPos;
    if (x + w > 24) yield `${panel.title}: beyond the right edge`;
  }
  // A collapsed row contains its panels.
  for (const group of [dashboard.panels, ...dashboard.panels.map((row) => row.panels ?? [])]) {
    for (const [index, panel] of group.entries()) {
      const over = group.slice(index + 1).find((other) => overlap(panel.gridPos, other.gridPos));
      if (over) yield `${panel.title} lies over ${over.title}`;
    }
  }
  const rows = dashboard.panels.filter((panel) => panel.type === "row");
  if (rows.some((row, index) => row.collapsed !== index > 0)) yield "every row but the first must be collapsed";
  for (const panel of panels.filter((panel) => panel.type !== "row")) {
    if (!panel.description) yield `${panel.title}: no description`;
  }
}

const overlap = (a, b) => a.x < b.x + b.w && b.x < a.x + a.w && a.y < b.y + b.h && b.y < a.y + a.h;

// Queries, annotations and variables have fields of their data source, which the types cannot describe.
const isOpen = (error) =>
  (error.keyword === "additionalProperties" && /\/(targets|annotations\/list|templating\/list)\/\d+/.test(error.instancePath)) ||
  (error.keyword === "anyOf" && /^\/panels\/\d+$/.test(error.instancePath));

let found = 0;
for (const file of process.argv.slice(2)) {
  for (const fault of faults(JSON.parse(readFileSync(file, "utf8")))) {
    console.log(fault);
    found++;
  }
}
process.exit(found === 0 ? 0 : 1);

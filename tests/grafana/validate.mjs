// node validate.mjs DASHBOARD...
//
// Holds dashboards against Grafana's own types (@grafana/schema), made into a JSON schema, and prints each fault on a line; none means that all is well. Grafana's types let
// unknown keys pass and say nothing of a panel's options or of a query, so what is not declared in the schema is looked for here: keys, queries' letters, identifiers, overlaps.
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
  // A collapsed row keeps its panels to itself.
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

// A query, an annotation and a variable carry what their data source wants, which the types call open although they cannot say so.
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

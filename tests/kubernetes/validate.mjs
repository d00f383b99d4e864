// kubectl kustomize FOLDER | node validate.mjs
//
// Prints {"objects": [...], "faults": [...]}: the objects, and what the schemas of Kubernetes and its operators (@kubernetes-models) find wrong with them. The
// schemas let unknown fields pass, and an API server may drop them silently. So each object is wrapped, and a field that its schema never read is a fault, too.
import { readFileSync } from "node:fs";
import { parseAllDocuments } from "yaml";

const operators = {
  "gateway.networking.k8s.io": "@kubernetes-models/gateway-api",
  "keda.sh": "@kubernetes-models/keda",
  "monitoring.coreos.com": "@kubernetes-models/prometheus-operator",
};

async function* faults(object) {
  const { apiVersion, kind } = object;
  const name = `${kind} ${object.metadata?.name}`;
  const group = apiVersion.includes("/") ? apiVersion.split("/")[0] : "";
  let model;
  try {
    model = (await import(`${operators[group] ?? "kubernetes-models"}/${apiVersion}/${kind}`))[kind];
  } catch {
    yield `${name}: no schema for ${apiVersion}`;
    return;
  }

  const read = new Set();
  try {
    model.prototype.validate.call(watch(object, "", read));
  } catch (error) {
    yield `${name}: ${error.message}`;
  }

  for (const path of paths(object, "")) {
    if (!read.has(path)) yield `${name}: unknown field ${path}`;
  }
}

// The same value, noting the path of each field that is read.
function watch(value, path, read) {
  if (value === null || typeof value !== "object") return value;
  return new Proxy(value, {
    get(target, key) {
      const child = target[key];
      if (typeof key === "symbol" || !Object.hasOwn(target, key)) return child;
      read.add(`${path}/${key}`);
      return watch(child, `${path}/${key}`, read);
    },
  });
}

function* paths(value, path) {
  if (value === null || typeof value !== "object") return;
  for (const [key, child] of Object.entries(value)) {
    yield `${path}/${key}`;
    yield* paths(child, `${path}/${key}`);
  }
}

const [objects, found] = [[], []];
for (const document of parseAllDocuments(readFileSync(0, "utf8"))) {
  const object = document.toJS();
  objects.push(object);
  for await (const fault of faults(object)) found.push(fault);
}
process.stdout.write(JSON.stringify({ objects, faults: found }));

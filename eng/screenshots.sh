#!/usr/bin/env bash
# The pictures of the documents (docs/images), taken from the browser tests: eng/screenshots.sh
# Needs what ./build.sh test needs, pngquant and optipng to make them small, and fonts that a person would have: fonts-inter and fonts-noto.
set -euo pipefail
cd "$(dirname "$0")/.."

fc-list | grep -qi -e "inter" -e "noto sans" || { echo "please install fonts-inter and fonts-noto-core: without them the pictures look like no reader's screen" >&2; exit 1; }
dotnet build tests/BrowserTests -c Release -v quiet -clp:NoSummary
tests/BrowserTests/bin/Release/net10.0/OllamaProxy.BrowserTests -noLogo -class '*ScreenshotTests'
mkdir -p docs/images
for name in overview-light request-dark requests-light now-dark overview-phone; do
  pngquant --force --quality 60-95 --speed 1 --output "docs/images/dashboard-$name.png" "artifacts/screenshots/$name.png"
  optipng -quiet -o5 "docs/images/dashboard-$name.png"
done
ls -l docs/images

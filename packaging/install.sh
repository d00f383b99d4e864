#!/bin/sh
# Installs ollama-proxy on Linux or macOS from a release:
#
#   curl -fsSL https://github.com/ollama-proxy/ollama-proxy/releases/latest/download/install.sh | sh
#
# Downloads the executable of this machine, checks its SHA-256 checksum against the release's list, and copies it into a folder on PATH. Starts nothing.
#
#   OLLAMA_PROXY_BIN_DIR     the folder to install into (default: /usr/local/bin if it is writable, else ~/.local/bin)
#   OLLAMA_PROXY_RELEASE     the address of another release
set -eu

release=${OLLAMA_PROXY_RELEASE:-https://github.com/ollama-proxy/ollama-proxy/releases/latest/download}

fail() {
  echo "install.sh: $*" >&2
  exit 1
}

have() { command -v "$1" >/dev/null 2>&1; }

# The name of this machine's executable in a release.
platform() {
  case $(uname -s) in
    Linux)
      # The executable is linked with glibc, which Alpine does not have.
      if ! have ldd || ldd --version 2>&1 | grep -qi musl; then
        fail "this Linux has no glibc. Use the container image instead: docs/docker.md"
      fi
      system=linux
      ;;
    Darwin) system=osx ;;
    *) fail "there is no executable for $(uname -s). On Windows: winget install ollama-proxy, or scoop install ollama-proxy" ;;
  esac
  case $(uname -m) in
    x86_64 | amd64) machine=x64 ;;
    aarch64 | arm64) machine=arm64 ;;
    *) fail "there is no executable for $(uname -m). Build it from source: ./build.sh publish" ;;
  esac
  [ "$system-$machine" != osx-x64 ] || fail "there is no executable for Macs with an Intel processor. Build it from source: ./build.sh publish"
  echo "$system-$machine"
}

download() {
  if have curl; then
    curl -fsSL --retry 3 -o "$2" "$1" || fail "$1 could not be downloaded."
  elif have wget; then
    wget -q -O "$2" "$1" || fail "$1 could not be downloaded."
  else
    fail "curl or wget is required. Install one of them."
  fi
}

checksum() {
  if have sha256sum; then sha256sum "$1"; else shasum -a 256 "$1"; fi | cut -d ' ' -f 1
}

folder() {
  if [ -n "${OLLAMA_PROXY_BIN_DIR:-}" ]; then
    echo "$OLLAMA_PROXY_BIN_DIR"
  elif [ "$(id -u)" = 0 ] || [ -w /usr/local/bin ]; then
    echo /usr/local/bin
  else
    echo "$HOME/.local/bin"
  fi
}

main() {
  rid=$(platform)
  into=$(folder)
  work=$(mktemp -d)
  trap 'rm -rf "$work"' EXIT
  download "$release/SHA256SUMS" "$work/SHA256SUMS"
  line=$(grep -E " \*?ollama-proxy-[0-9][^ ]*-$rid\$" "$work/SHA256SUMS") || fail "the release has no executable for $rid."
  expected=${line%% *}
  name=${line##* }
  name=${name#\*}
  echo "Downloading $name"
  download "$release/$name" "$work/ollama-proxy"
  [ "$(checksum "$work/ollama-proxy")" = "$expected" ] || fail "$name does not match the checksum of the release. Nothing was installed; try again."
  chmod 755 "$work/ollama-proxy"
  version=$("$work/ollama-proxy" version) || fail "$name does not run here: it needs a newer C library than this system has. Use the container image: docs/docker.md"
  mkdir -p "$into"
  # Rename, because the old file may be running.
  cp "$work/ollama-proxy" "$into/.ollama-proxy.new"
  mv -f "$into/.ollama-proxy.new" "$into/ollama-proxy"
  echo "Installed $version as $into/ollama-proxy"
  case ":$PATH:" in *":$into:"*) ;; *) echo "$into is not in your PATH. Add it: export PATH=\"$into:\$PATH\"" ;; esac
  cat <<TEXT

  ollama-proxy demo           look around: a simulated Ollama with a week of traffic
  ollama-proxy doctor         find problems on this machine and how to fix them
  sudo ollama-proxy install   start it with the machine (on macOS without sudo)
TEXT
}

# Reaching this line proves that the download of this script is complete.
main

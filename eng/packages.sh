#!/usr/bin/env bash
# eng/packages.sh FOLDER : makes the .deb and .rpm packages of the Linux executables in FOLDER (a release's files, see eng/release-files.sh), in the same FOLDER.
# Without dpkg-deb or rpmbuild the kind of package that needs it is left out, and said so.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly OUT=${1:?usage: eng/packages.sh FOLDER}
readonly SUMMARY="Transparent proxy in front of Ollama: dashboard, metrics, records, fair queue"
property() { sed -n "s:.*<$1>\(.*\)</$1>.*:\1:p" Directory.Build.props; }
version=$(property Version)
url=$(property RepositoryUrl)
# The time of the commit, so that the same sources make the same package.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct)}
export SOURCE_DATE_EPOCH
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# The oldest C library the executable runs with: 2.34, say.
glibc() { readelf --version-info "$1" | grep -o 'GLIBC_[0-9.]*' | sort -uV | tail -1 | cut -d _ -f 2; }

# The executable that runs on this machine writes the completions of all.
native() {
  case $(uname -sm) in
    "Linux x86_64") echo "$OUT/ollama-proxy-$version-linux-x64" ;;
    "Linux aarch64") echo "$OUT/ollama-proxy-$version-linux-arm64" ;;
  esac
}

# The files as they stand on the user's machine.
tree() {
  local executable=$1 root=$2 shell
  install -D -m 755 "$executable" "$root/usr/bin/ollama-proxy"
  install -D -m 644 LICENSE "$root/usr/share/doc/ollama-proxy/copyright"
  shell=$(native)
  if [ -n "$shell" ] && [ -x "$shell" ]; then
    mkdir -p "$root/usr/share/bash-completion/completions" "$root/usr/share/zsh/vendor-completions" "$root/usr/share/fish/vendor_completions.d"
    "$shell" completion bash >"$root/usr/share/bash-completion/completions/ollama-proxy"
    "$shell" completion zsh >"$root/usr/share/zsh/vendor-completions/_ollama-proxy"
    "$shell" completion fish >"$root/usr/share/fish/vendor_completions.d/ollama-proxy.fish"
  fi
}

deb() {
  local executable=$1 machine=$2 root=$work/deb-$2
  tree "$executable" "$root"
  mkdir -p "$root/DEBIAN"
  cat >"$root/DEBIAN/control" <<TEXT
Package: ollama-proxy
Version: $version
Architecture: $machine
Maintainer: the ollama-proxy authors <ollama-proxy@users.noreply.github.com>
Installed-Size: $(du -sk "$root/usr" | cut -f 1)
Depends: libc6 (>= $(glibc "$executable"))
Recommends: ca-certificates, libssl3 | libssl3t64
Section: net
Priority: optional
Homepage: $url
Description: $SUMMARY
 Takes Ollama's port, starts and supervises the real Ollama on a private one, and
 forwards every byte untouched. Afterwards it knows who asked, how fast the answer
 was, and why it was slow. One file, no configuration.
TEXT
  install -m 755 packaging/linux/postinst packaging/linux/prerm "$root/DEBIAN"
  dpkg-deb --root-owner-group -Zxz --build "$root" "$OUT/ollama-proxy_${version}_$machine.deb" >/dev/null
}

rpm() {
  local executable=$1 machine=$2 root=$work/rpm-$2
  tree "$executable" "$root/files"
  if [ -d "$root/files/usr/share/zsh" ]; then
    mv "$root/files/usr/share/zsh/vendor-completions" "$root/files/usr/share/zsh/site-functions"
  fi
  # rpm compares versions piece by piece and allows no hyphen in one.
  cat >"$root/ollama-proxy.spec" <<TEXT
Name: ollama-proxy
Version: ${version//-/\~}
Release: 1
Summary: $SUMMARY
License: MIT
URL: $url
Requires: glibc >= $(glibc "$executable")
AutoReqProv: no
%global debug_package %{nil}
%global __os_install_post %{nil}
%define _build_id_links none

%description
Takes Ollama's port, starts and supervises the real Ollama on a private one, and
forwards every byte untouched. Afterwards it knows who asked, how fast the answer
was, and why it was slow. One file, no configuration.

%install
cp -a $root/files/. %{buildroot}

%post
$(tail -n +3 packaging/linux/postinst)

%preun
$(tail -n +3 packaging/linux/prerm)

%files
$(cd "$root/files" && find . -type f | sed 's:^\.::')
TEXT
  rpmbuild -bb --quiet --target "$machine" --define "_topdir $root/top" --define "_rpmdir $root/made" --define "use_source_date_epoch_as_buildtime 1" \
    --define "clamp_mtime_to_source_date_epoch 1" --define "_buildhost reproducible" "$root/ollama-proxy.spec"
  cp "$root/made/$machine/"*.rpm "$OUT/"
}

have() { command -v "$1" >/dev/null 2>&1; }

for pair in x64:amd64:x86_64 arm64:arm64:aarch64; do
  IFS=: read -r rid debian redhat <<<"$pair"
  executable=$OUT/ollama-proxy-$version-linux-$rid
  [ -e "$executable" ] || continue
  if have dpkg-deb; then deb "$executable" "$debian"; else echo "skipped the .deb of linux-$rid: dpkg-deb is missing"; fi
  if have rpmbuild; then rpm "$executable" "$redhat"; else echo "skipped the .rpm of linux-$rid: rpmbuild is missing (apt-get install rpm)"; fi
done

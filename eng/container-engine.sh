#!/usr/bin/env bash
# eng/container-engine.sh up|down : a container engine for the tests, on a Debian or Ubuntu machine where none answers (root, apt).
#   eval "$(eng/container-engine.sh up)"   unpacks the distribution's docker.io, starts it, and prints the variables the tests need
#
# Nothing is installed and no firewall rule is touched: published ports work on 127.0.0.1, names of other containers do not. Where an engine
# answers already, nothing happens.
set -euo pipefail

# Only root may write to either: what lies there is started as root.
readonly FILES=/var/cache/ollama-proxy-tests/engine
readonly RUN=/run/ollama-proxy-tests
readonly SOCKET=$RUN/docker.sock

fail() { echo "eng/container-engine.sh: $*" >&2; exit 1; }

answers() { curl -sf -m 2 --unix-socket "$1" http://engine/_ping >/dev/null 2>&1; }

bring() {
  [ -x "$FILES/usr/sbin/dockerd" ] && return
  echo "bringing a container engine for the tests (once, about 250 MB)" >&2
  rm -rf "$FILES"
  mkdir -p "$FILES/debs/partial"
  apt-get -qq update >&2
  apt-get -y -qq --no-install-recommends --download-only -o DPkg::Lock::Timeout=120 -o APT::Sandbox::User=root -o Dir::Cache::archives="$FILES/debs/" --reinstall install docker.io iptables >&2
  local package
  for package in "$FILES"/debs/*.deb; do
    dpkg -x "$package" "$FILES"
  done
  rm -rf "$FILES/debs"
  [ -e "$FILES/usr/sbin/iptables" ] || ln -s xtables-nft-multi "$FILES/usr/sbin/iptables"
}

up() {
  # One that answers is taken as it is: a developer's, or a hosted runner's.
  if [ -n "${DOCKER_HOST:-}" ] || answers /var/run/docker.sock; then
    return
  fi
  [ "$(uname -s)" = Linux ] || fail "no container engine answers, and one can be brought to Linux only"
  [ "$(id -u)" = 0 ] || fail "no container engine answers, and only root may start one"
  command -v apt-get >/dev/null && command -v dpkg >/dev/null || fail "no container engine answers, and this system has no apt to bring one with"
  command -v curl >/dev/null || fail "curl is missing"
  if ! answers "$SOCKET"; then
    bring
    mkdir -p -m 700 "$RUN"
    local libraries
    libraries=$(echo "$FILES"/usr/lib/*-linux-gnu)
    PATH=$FILES/usr/sbin:$FILES/usr/bin:$PATH LD_LIBRARY_PATH=$libraries XTABLES_LIBDIR=$libraries/xtables \
      setsid dockerd --data-root "$FILES/data" --exec-root "$RUN/exec" --pidfile "$RUN/dockerd.pid" -H "unix://$SOCKET" \
      --iptables=false --ip6tables=false --ip-forward=false --ip-masq=false >"$RUN/log" 2>&1 </dev/null &
    local attempt
    for attempt in $(seq 1 150); do
      answers "$SOCKET" && break
      [ "$attempt" -lt 150 ] || { tail -3 "$RUN/log" >&2; fail "the container engine does not start"; }
      sleep 0.2
    done
  fi
  # The distribution's engine is older than the clients; 1.41 is what it speaks.
  echo "export DOCKER_HOST=unix://$SOCKET DOCKER_API_VERSION=1.41 TESTCONTAINERS_HOST_OVERRIDE=127.0.0.1"
}

down() {
  [ -f "$RUN/dockerd.pid" ] || return 0
  local process
  process=$(cat "$RUN/dockerd.pid")
  kill "$process" 2>/dev/null || return 0
  local attempt
  for attempt in $(seq 1 100); do
    kill -0 "$process" 2>/dev/null || break
    sleep 0.1
  done
  ip link del docker0 2>/dev/null || true
}

case ${1:-} in
  up) up ;;
  down) down ;;
  *) echo "usage: eng/container-engine.sh up|down" >&2; exit 2 ;;
esac

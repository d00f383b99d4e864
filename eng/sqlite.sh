#!/usr/bin/env bash
# eng/sqlite.sh RID : compiles SQLite into artifacts/native/RID/libsqlite3.a, which Native AOT links into the executable.
#
# One SQLite for every platform, and a current one: distributions ship versions with known defects. Its source, the amalgamation, comes
# out of an npm package that carries it unchanged; the checksum says which.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PACKAGE=better-sqlite3@12.11.1   # carries SQLite 3.53.2
readonly SHA256=60d2f39a3726cd6b9021da6f4e868608d66fbb6528a9f513dc8ffcc640493422
readonly FLAGS=(
  -DSQLITE_THREADSAFE=1                # connections move between pool threads
  -DSQLITE_ENABLE_FTS5                 # full-text search
  -DSQLITE_ENABLE_MATH_FUNCTIONS       # logarithms for histograms
  -DSQLITE_ENABLE_COLUMN_METADATA      # the ADO.NET provider imports these functions
  -DSQLITE_ENABLE_STAT4                # better query plans
  -DSQLITE_DEFAULT_FOREIGN_KEYS=1
  -DSQLITE_DEFAULT_WAL_SYNCHRONOUS=1   # NORMAL: safe with a write-ahead log
  -DSQLITE_DQS=0                       # a misspelt column is an error, not a string
  -DHAVE_USLEEP=1
)

rid=${1:?usage: eng/sqlite.sh RID}
out=artifacts/native/$rid
[ -f "$out/libsqlite3.a" ] && [ "$(cat "$out/libsqlite3.sha256" 2>/dev/null)" = "$SHA256" ] && exit 0

case $rid in
  linux-x64 | linux-arm64 | osx-*) ;;
  *) echo "eng/sqlite.sh: no compiler is set up for $rid" >&2; exit 1 ;;
esac
compiler=${CC:-cc}
[ "$rid" = linux-arm64 ] && [ "$(uname -m)" = x86_64 ] && compiler=${CC:-aarch64-linux-gnu-gcc}

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "compiling SQLite for $rid (once)"
(cd "$work" && npm pack --silent "$PACKAGE" >/dev/null && tar -xzf ./*.tgz package/deps/sqlite3)
source=$work/package/deps/sqlite3/sqlite3.c
echo "$SHA256  $source" | sha256sum --check --quiet - || { echo "eng/sqlite.sh: the SQLite source is not the one expected" >&2; exit 1; }

mkdir -p "$out"
"$compiler" -O2 -fPIC "${FLAGS[@]}" -c "$source" -o "$work/sqlite3.o"
rm -f "$out/libsqlite3.a"
ar rcs "$out/libsqlite3.a" "$work/sqlite3.o"
echo "$SHA256" >"$out/libsqlite3.sha256"

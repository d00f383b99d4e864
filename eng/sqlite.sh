#!/usr/bin/env bash
# eng/sqlite.sh RID : compiles SQLite into artifacts/native/RID/libsqlite3.a, which Native AOT links into the executable.
#
# One SQLite for every platform, and a current one: distributions ship versions with known defects. Its source, the amalgamation, comes
# out of an npm package that carries it unchanged; the checksum says which.
set -euo pipefail
cd "$(dirname "$0")/.."

readonly PACKAGE=better-sqlite3@12.11.1   # carries SQLite 3.53.2
readonly SHA256=60d2f39a3726cd6b9021da6f4e868608d66fbb6528a9f513dc8ffcc640493422
FLAGS=(
  -DSQLITE_THREADSAFE=2                # connections move between pool threads, and each is used by one at a time: no lock for every column that is read
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
library=$out/libsqlite3.a
compiler=${CC:-cc}
archiver=${AR:-ar}
case $rid in
  linux-arm64) [ "$(uname -m)" != x86_64 ] || { compiler=${CC:-aarch64-linux-gnu-gcc}; archiver=${AR:-aarch64-linux-gnu-ar}; } ;;
  linux-x64 | osx-*) ;;
  # In Git's bash, with LLVM, which finds Visual Studio's headers by itself. Not tried yet.
  win-x64)
    library=$out/sqlite3.lib
    compiler=${CC:-clang}
    archiver=${AR:-llvm-ar}
    ;;
  *) echo "eng/sqlite.sh: no compiler is set up for $rid" >&2; exit 1 ;;
esac
case $rid in
  win-*) FLAGS+=(-fms-runtime-lib=static) ;;
  *) FLAGS+=(-fPIC) ;;
esac
stamp="$SHA256 ${FLAGS[*]}"
[ -f "$library" ] && [ "$(cat "$out/libsqlite3.stamp" 2>/dev/null)" = "$stamp" ] && exit 0

work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
echo "compiling SQLite for $rid (once)"
(cd "$work" && npm pack --silent "$PACKAGE" >/dev/null && tar -xzf ./*.tgz package/deps/sqlite3)
source=$work/package/deps/sqlite3/sqlite3.c
[ "$( (sha256sum "$source" 2>/dev/null || shasum -a 256 "$source") | cut -d' ' -f1)" = "$SHA256" ] || { echo "eng/sqlite.sh: the SQLite source is not the one expected" >&2; exit 1; }

mkdir -p "$out"
"$compiler" -O2 "${FLAGS[@]}" -c "$source" -o "$work/sqlite3.o"
rm -f "$library"
"$archiver" rcs "$library" "$work/sqlite3.o"
echo "$stamp" >"$out/libsqlite3.stamp"

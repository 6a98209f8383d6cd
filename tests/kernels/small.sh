#!/bin/sh
# SPDX-License-Identifier: GPL-2.0
# Builds a small kernel from the source of a stock one, with the stock one's compilers, the way anybody builds a kernel of
# their own: tests/kernels/small.sh KPSC STOCK_TARGET FOLDER. What is there already is built on.
#
# FOLDER/build is then a build folder for `kpsc kernel add --build-dir`.
set -eu
kpsc=$1 stock=$2
mkdir -p "$3"
folder=$(cd "$3" && pwd)
here=$(cd "$(dirname "$0")" && pwd)

[ -d "$folder/source" ] || "$kpsc" kernel source "$stock" "$folder/source"
mkdir -p "$folder/build"

run() {
    "$kpsc" kernel exec --folder "$folder" --read "$here" "$stock" -- "$@"
}
compilers=$("$kpsc" kernel show "$stock" | sed -n 's/^C  *\([^ ]*\).*/\1/p')
kmake() {
    run make --no-print-directory -s -C "$folder/source" O="$folder/build" CC="$compilers" HOSTCC="${compilers#x86_64-linux-gnu-}" "$@"
}

kmake KCONFIG_ALLCONFIG="$here/small.config" allnoconfig
# An option that other options do not allow would be dropped without a word.
run grep -E '^CONFIG_(LIVEPATCH|RUST|DEBUG_INFO_BTF)=y' "$folder/build/.config" | grep -c . | grep -qx 3 || {
    echo "small.sh: LIVEPATCH, RUST or DEBUG_INFO_BTF did not get into the configuration" >&2
    exit 1
}
kmake -j"$(nproc)" bzImage modules

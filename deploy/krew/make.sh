#!/bin/sh
# Packs release binaries into archives, and writes the Krew manifest that points to them.
set -eu

name=kubectl-failover
here=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
repository=$here/../..
platforms='linux-amd64 linux-arm64'

usage() {
    cat <<'TEXT'
Usage: deploy/krew/make.sh --homepage URL --downloads URL --out DIR PLATFORM=BINARY…

Writes to DIR an archive for each platform (linux-amd64, linux-arm64), with the binary and the license, and
failover.yaml. The version is that of Cargo.toml.

  --homepage URL     the plugin's home page
  --downloads URL    the address of the folder that will hold the archives
TEXT
}

misuse() {
    printf 'error: %s\n\n' "$1" >&2
    usage >&2
    exit 2
}

fail() {
    printf 'error: %s\n' "$1" >&2
    exit 1
}

parse() {
    homepage='' downloads='' out='' binaries=''
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --homepage | --downloads | --out)
                [ -n "${2:-}" ] || misuse "$1 needs a value"
                case $1 in
                    --homepage) homepage=$2 ;;
                    --downloads) downloads=${2%/} ;;
                    --out) out=$2 ;;
                esac
                shift
                ;;
            *=*) binaries="$binaries$1
" ;;
            *) misuse "unknown argument: $1" ;;
        esac
        shift
    done
    [ -n "$homepage" ] || misuse '--homepage is missing'
    [ -n "$downloads" ] || misuse '--downloads is missing'
    [ -n "$out" ] || misuse '--out is missing'
}

binary_of() {
    printf '%s' "$binaries" | sed -n "s/^$1=//p"
}

# Order, owners and times are fixed, so that the same binary gives the same archive.
pack() {
    binary=$(binary_of "$1")
    [ -n "$binary" ] || misuse "the binary for $1 is missing"
    [ -x "$binary" ] || fail "$binary is not a program"
    cp -- "$binary" "$work/$name"
    cp -- "$repository/LICENSE" "$work/LICENSE"
    chmod 755 "$work/$name"
    chmod 644 "$work/LICENSE"
    tar --sort=name --owner=0 --group=0 --numeric-owner --mtime=@0 -C "$work" -cf - LICENSE "$name" |
        gzip -n >"$out/$name-$version-$1.tar.gz"
}

sha256() {
    sha256sum "$out/$name-$version-$1.tar.gz" | cut -d ' ' -f 1
}

parse "$@"
version=v$(sed -n 's/^version = "\(.*\)"/\1/p' "$repository/Cargo.toml" | head -n 1)
work=$(mktemp -d "${TMPDIR:-/tmp}/$name.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
mkdir -p -- "$out"
sed -e '/^#/d' -e "s|{{version}}|$version|g" -e "s|{{homepage}}|$homepage|" -e "s|{{downloads}}|$downloads|" \
    "$here/failover.yaml" >"$work/manifest"
for platform in $platforms; do
    pack "$platform"
    sed "s|{{sha256-$platform}}|$(sha256 "$platform")|" "$work/manifest" >"$work/next"
    mv -- "$work/next" "$work/manifest"
done
mv -- "$work/manifest" "$out/failover.yaml"

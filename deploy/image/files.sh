#!/usr/bin/env bash
# Lays out the files of the image in a new folder: the binary, the CA certificates, the license and the
# SBOM. Prints the architecture. Both Dockerfile and make.sh use it.
set -euo pipefail
shopt -s inherit_errexit

name=kubectl-failover
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
# Mozilla's certificates from Debian's package, and not /etc/ssl/certs, where a machine's own are too.
ca_certificates=${CA_CERTIFICATES:-/usr/share/ca-certificates/mozilla}

fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

# Prints the architecture of a binary as images name it, from its ELF header.
architecture_of() {
    case $(od -An -tx1 -N20 -- "$1" | tr -d ' \n') in
        7f454c460201*3e00) echo amd64 ;;
        7f454c460201*b700) echo arm64 ;;
        *) fail "$1 is no Linux binary for amd64 or arm64" ;;
    esac
}

# Whether a binary needs no dynamic loader: no program header has the type 3 (PT_INTERP).
is_static() {
    local start count
    start=$(number_at 32 8 "$1")
    count=$(number_at 56 2 "$1")
    ! od --endian=little -An -v -tu4 -w56 -j "$start" -N $((56 * count)) -- "$1" | grep -qE '^ *3 '
}

number_at() {
    od --endian=little -An -t"u$2" -j "$1" -N "$2" -- "$3" | tr -d ' '
}

certificates() {
    if [ -d "$ca_certificates" ]; then
        # As cat, and ends each file with a line break.
        LC_ALL=C awk 1 "$ca_certificates"/*.crt
    elif [ -f "$ca_certificates" ]; then
        cat -- "$ca_certificates"
    else
        fail "there are no CA certificates in $ca_certificates" \
            'Install the package ca-certificates, or name a folder or a bundle with CA_CERTIFICATES=PATH.'
    fi
}

if [ $# -ne 2 ]; then
    echo 'Usage: [CA_CERTIFICATES=PATH] deploy/image/files.sh BINARY FOLDER' >&2
    exit 2
fi
binary=$1
root=$2
[ -f "$binary" ] || fail "there is no file $binary"
architecture=$(architecture_of "$binary")
is_static "$binary" || fail "$binary needs shared libraries, which the image does not have" \
    "Link it statically: cargo rustc --release --locked --bin $name -- -C target-feature=+crt-static"

umask 022
install -D -m 755 -- "$binary" "$root/usr/local/bin/$name"
install -D -m 644 -- "$here/../../LICENSE" "$root/usr/share/doc/$name/LICENSE"
mkdir -p -- "$root/etc/ssl/certs" "$root/usr/share/sbom"
certificates >"$root/etc/ssl/certs/ca-certificates.crt"
"$here/sbom.sh" "$architecture" >"$root/usr/share/sbom/$name.cdx.json"
echo "$architecture"

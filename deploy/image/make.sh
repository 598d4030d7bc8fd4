#!/usr/bin/env bash
# Makes the image of Dockerfile without a container engine, from binaries that are built already.
set -euo pipefail
shopt -s inherit_errexit

name=kubectl-failover
umask 022 # tar keeps the modes of files
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
repository=$here/../..
epoch=${SOURCE_DATE_EPOCH:-0}
media=application/vnd.oci.image

usage() {
    cat <<'TEXT'
Usage: deploy/image/make.sh --out FILE [--image NAME:TAG] [--revision COMMIT] BINARY…

Writes an OCI image layout as a tar archive, for docker load, skopeo and crane, and prints the image's digest.
Each binary is a static one of another architecture. The same input makes the same bytes.

  --out FILE          the archive
  --image NAME:TAG    the image's name (default: the one that the Helm chart runs)
  --revision COMMIT   the commit that the binaries were built from, for a label

Environment:
  SOURCE_DATE_EPOCH   the time of the image and of its files, in seconds since 1970 (default: 0)
  CA_CERTIFICATES     a folder of CA certificates or a bundle (default: those of Debian's ca-certificates)
TEXT
}

misuse() {
    printf 'error: %s\n\n' "$1" >&2
    usage >&2
    exit 2
}

parse() {
    out='' image='' revision=unknown binaries=()
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --out | --image | --revision)
                [ -n "${2:-}" ] || misuse "$1 needs a value"
                printf -v "${1#--}" %s "$2"
                shift
                ;;
            -*) misuse "unknown argument: $1" ;;
            *) binaries+=("$1") ;;
        esac
        shift
    done
    [ -n "$out" ] || misuse '--out is missing'
    [ ${#binaries[@]} -gt 0 ] || misuse 'a binary is missing'
    version=$(sed -n 's/^version = "\(.*\)"/\1/p' "$repository/Cargo.toml" | head -n 1)
    if [ -z "$image" ]; then
        image=$(sed -n 's/^  repository: //p' "$repository/deploy/helm/linkerd-failover/values.yaml"):$version
    fi
    time=$(date -u -d "@$epoch" +%Y-%m-%dT%H:%M:%SZ)
}

# Order, owners and times are fixed.
pack() {
    tar --sort=name --format=ustar --owner=0 --group=0 --numeric-owner --mtime="@$epoch" -C "$1" -cf - "${@:2}"
}

sha256() {
    sha256sum -- "$1" | cut -d ' ' -f 1
}

# Moves a file with a media type into the blobs, and prints its descriptor with the fields in $3.
add_blob() {
    local digest size
    digest=$(sha256 "$1")
    size=$(stat -c %s -- "$1")
    mv -- "$1" "$work/layout/blobs/sha256/$digest"
    printf '{"mediaType":"%s","digest":"sha256:%s","size":%s%s}' "$media.$2" "$digest" "$size" "${3:-}"
}

# Prints what matches a line of Dockerfile's last stage, as JSON.
instruction() {
    sed -n '/^FROM scratch/,$p' "$here/Dockerfile" | sed -nE "s/^$1\$/$2/p" | sed '$!s/$/,/' |
        sed "s|\${VERSION}|$version|; s|\${REVISION}|$revision|"
}

config() {
    cat <<JSON
{"architecture":"$1","os":"linux","created":"$time","config":{
"User":$(instruction 'USER (.*)' '"\1"'),
"Env":[$(instruction 'ENV (.*)' '"\1"')],
"WorkingDir":$(instruction 'WORKDIR (.*)' '"\1"'),
"Entrypoint":$(instruction 'ENTRYPOINT (.*)' '\1'),
"Labels":{
$(instruction 'LABEL ([a-z.]+)=(.*)' '"\1":\2')
}},
"rootfs":{"type":"layers","diff_ids":["sha256:$2"]},
"history":[{"created":"$time","created_by":"deploy/image/make.sh"}]}
JSON
}

# Adds the image for a binary, and prints the descriptor of its manifest.
add_image() {
    local root=$work/root architecture config layer
    rm -rf -- "$root"
    architecture=$("$here/files.sh" "$1" "$root")
    pack "$root" etc usr >"$work/layer"
    config "$architecture" "$(sha256 "$work/layer")" >"$work/config"
    gzip -n -- "$work/layer"
    config=$(add_blob "$work/config" config.v1+json)
    layer=$(add_blob "$work/layer.gz" layer.v1.tar+gzip)
    cat >"$work/manifest" <<JSON
{"schemaVersion":2,"mediaType":"$media.manifest.v1+json","config":$config,"layers":[$layer]}
JSON
    if [ ${#binaries[@]} -eq 1 ]; then docker_manifest "$config" "$layer"; fi
    add_blob "$work/manifest" manifest.v1+json \
        ",\"platform\":{\"architecture\":\"$architecture\",\"os\":\"linux\"}"
}

# What docker load reads where Docker does not keep images in containerd.
docker_manifest() {
    local path='s|.*"sha256:([0-9a-f]+)".*|"blobs/sha256/\1"|'
    cat >"$work/layout/manifest.json" <<JSON
[{"Config":$(sed -E "$path" <<<"$1"),"RepoTags":["$image"],"Layers":[$(sed -E "$path" <<<"$2")]}]
JSON
}

make_all() {
    local descriptors='' descriptor top
    mkdir -p -- "$work/layout/blobs/sha256"
    printf '{"imageLayoutVersion":"1.0.0"}\n' >"$work/layout/oci-layout"
    for binary in "${binaries[@]}"; do
        descriptor=$(add_image "$binary")
        descriptors=$descriptors${descriptors:+,}$descriptor
    done
    top=$descriptors
    if [ ${#binaries[@]} -gt 1 ]; then
        cat >"$work/index" <<JSON
{"schemaVersion":2,"mediaType":"$media.index.v1+json","manifests":[$descriptors]}
JSON
        top=$(add_blob "$work/index" index.v1+json)
    fi
    cat >"$work/layout/index.json" <<JSON
{"schemaVersion":2,"mediaType":"$media.index.v1+json","manifests":[${top%\}},"annotations":{
"org.opencontainers.image.ref.name":"${image##*:}","io.containerd.image.name":"$image"}}]}
JSON
    # Without "./" before the names, which crane does not understand.
    mapfile -t entries < <(cd "$work/layout" && ls)
    pack "$work/layout" "${entries[@]}" >"$work/archive"
    mv -- "$work/archive" "$out"
    digest=$(sed -E 's/.*"digest":"([^"]*)".*/\1/' <<<"$top")
}

parse "$@"
work=$(mktemp -d "${TMPDIR:-/tmp}/$name.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
make_all
printf '%s@%s\n' "$image" "$digest"
printf '%s: %s bytes\n' "$out" "$(stat -c %s -- "$out")" >&2

#!/usr/bin/env bash
# Prints an SBOM (CycloneDX) of a binary: the crates of Cargo.lock that it is built from for an
# architecture. Those that only run during the build have the scope "excluded".
# The time is SOURCE_DATE_EPOCH.
set -euo pipefail
shopt -s inherit_errexit

repository=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

case ${1:-} in
    amd64) target=x86_64-unknown-linux-gnu ;;
    arm64) target=aarch64-unknown-linux-gnu ;;
    *)
        echo 'Usage: deploy/image/sbom.sh amd64|arm64' >&2
        exit 2
        ;;
esac

# Prints a line for each crate: depth, name, version, licenses. An indented line follows its parent.
crates() {
    cargo tree --locked --manifest-path "$repository/Cargo.toml" --target "$target" --edges "$1" \
        --prefix depth --format ' {p}|{l}' |
        sed -E 's/ \(\*\)$//; s/^([0-9]+) ([^ ]+) v([^ |]+)[^|]*\|/\1|\2|\3|/'
}

work=$(mktemp -d)
trap 'rm -rf -- "$work"' EXIT
crates normal,no-proc-macro >"$work/linked"
crates normal,build >"$work/all"
time=$(date -u -d "@${SOURCE_DATE_EPOCH:-0}" +%Y-%m-%dT%H:%M:%SZ)
hash=$({ echo "$target $time" && cat "$work/all" "$repository/Cargo.lock"; } | sha256sum)
serial=$(sed -E 's/^(.{8})(.{4}).(.{3}).(.{3})(.{12}).*/\1-\2-5\3-8\4-\5/' <<<"$hash")

awk -F '|' -v serial="$serial" -v time="$time" -v target="$target" '
    function purl(name, version) {
        gsub(/\+/, "%2B", version)
        return "pkg:cargo/" name "@" version
    }
    function component(type, id,    text) {
        text = "{\"type\":\"" type "\",\"bom-ref\":\"" id "\",\"name\":\"" name[id] "\",\"version\":\"" version[id] "\""
        if (type == "library") text = text ",\"scope\":\"" (id in linked ? "required" : "excluded") "\""
        if (checksum[id]) text = text ",\"hashes\":[{\"alg\":\"SHA-256\",\"content\":\"" checksum[id] "\"}]"
        if (license[id]) text = text ",\"licenses\":[{\"expression\":\"" license[id] "\"}]"
        return text ",\"purl\":\"" id "\"}"
    }
    FILENAME ~ /Cargo\.lock$/ {
        split($0, quoted, "\"")
        if (/^name = /) last_name = quoted[2]
        if (/^version = /) last_version = quoted[2]
        if (/^checksum = /) checksum[purl(last_name, last_version)] = quoted[2]
        next
    }
    FILENAME ~ /linked$/ { linked[purl($2, $3)]; next }
    {
        id = purl($2, $3)
        if (!(id in name)) order[++count] = id
        name[id] = $2
        version[id] = $3
        license[id] = $4
        gsub("/", " OR ", license[id])
        path[$1] = id
        if ($1 > 0 && !((path[$1 - 1], id) in edge)) {
            edge[path[$1 - 1], id]
            needs[path[$1 - 1]] = needs[path[$1 - 1]] (needs[path[$1 - 1]] ? "," : "") "\"" id "\""
        }
    }
    END {
        print "{\"bomFormat\":\"CycloneDX\",\"specVersion\":\"1.5\",\"version\":1,"
        print "\"serialNumber\":\"urn:uuid:" serial "\","
        print "\"metadata\":{\"timestamp\":\"" time "\",\"component\":" component("application", order[1]) ","
        print "\"properties\":[{\"name\":\"cargo:target\",\"value\":\"" target "\"}]},"
        print "\"components\":["
        for (i = 2; i <= count; i++) print component("library", order[i]) (i < count ? "," : "")
        print "],\"dependencies\":["
        for (i = 1; i <= count; i++)
            print "{\"ref\":\"" order[i] "\",\"dependsOn\":[" needs[order[i]] "]}" (i < count ? "," : "")
        print "]}"
    }
' "$repository/Cargo.lock" "$work/linked" "$work/all"

#!/bin/sh
# Builds and installs kubectl-failover, or uninstalls it.
set -eu

name=kubectl-failover
repository=$(CDPATH='' cd -- "$(dirname -- "$0")" && pwd)
temporary=''
placing=no

usage() {
    cat <<'TEXT'
Usage: ./install.sh [--prefix DIR] [--binary FILE]
       ./install.sh --uninstall [--prefix DIR]

Builds a release of kubectl-failover and installs under the prefix:
  bin/                                  the plugin, and links for linkerd and for kubectl's completion
  share/bash-completion/completions/    completion in bash
  share/zsh/site-functions/             completion in zsh
  share/fish/vendor_completions.d/      completion in fish
  share/man/man1/                       man pages
  share/kubectl-failover/manifest       the list of these files, for --uninstall

Options:
  --prefix DIR    where to install (default: $PREFIX, then ~/.local)
  --binary FILE   install this binary instead of building one
  --uninstall     remove what an earlier run installed under the prefix, and nothing else
  --help          print this text
TEXT
}

fail() {
    printf 'error: %s\n' "$1" >&2
    shift
    for line in "$@"; do printf '  %s\n' "$line" >&2; done
    exit 1
}

misuse() {
    printf 'error: %s\n\n' "$1" >&2
    usage >&2
    exit 2
}

parse() {
    action=install
    binary=''
    prefix=${PREFIX:-}
    while [ $# -gt 0 ]; do
        case $1 in
            --help | -h) usage && exit 0 ;;
            --uninstall) action=uninstall ;;
            --prefix=?*) prefix=${1#*=} ;;
            --binary=?*) binary=${1#*=} ;;
            --prefix | --binary)
                [ -n "${2:-}" ] || misuse "$1 needs a value"
                if [ "$1" = --prefix ]; then prefix=$2; else binary=$2; fi
                shift
                ;;
            *) misuse "unknown argument: $1" ;;
        esac
        shift
    done
    settle_prefix
    manifest=$prefix/share/$name/manifest
}

settle_prefix() {
    if [ -z "$prefix" ]; then
        [ -n "${HOME:-}" ] || fail 'HOME is not set' 'Choose a place: ./install.sh --prefix DIR'
        prefix=$HOME/.local
    fi
    case $prefix in
        /*) ;;
        *) prefix=$PWD/$prefix ;;
    esac
    case $prefix in
        *'
'*) fail 'the prefix must not contain a line break' ;;
        */) prefix=${prefix%/} ;;
    esac
}

# Calls $1 with a mode (or "link"), a source and a place below the prefix, once for each file to install.
for_each_file() {
    "$1" 755 "$binary" "bin/$name"
    "$1" link "$name" bin/linkerd-failover
    "$1" link "$name" bin/kubectl_complete-failover
    "$1" 644 "$repository/completions/$name.bash" "share/bash-completion/completions/$name"
    "$1" link "$name" share/bash-completion/completions/linkerd-failover
    "$1" 644 "$repository/completions/_$name" "share/zsh/site-functions/_$name"
    "$1" 644 "$repository/completions/$name.fish" "share/fish/vendor_completions.d/$name.fish"
    "$1" link "$name.fish" share/fish/vendor_completions.d/linkerd-failover.fish
    for page in "$repository/man/$name"*.1; do
        "$1" 644 "$page" "share/man/man1/${page##*/}"
    done
}

# Refuses whatever it must refuse before it builds or changes anything.
prepare() {
    : >"$work/old"
    [ ! -f "$manifest" ] || cp "$manifest" "$work/old"
    : >"$work/directories"
    : >"$work/foreign"
    {
        for_each_file plan
        plan 644 '' "share/$name/manifest"
    } >"$work/files"
    if [ -s "$work/foreign" ]; then
        printf 'error: %s did not install these:\n' "$0" >&2
        cat "$work/foreign" >&2
        fail 'nothing was changed' 'Move them away, or choose another place with --prefix DIR.'
    fi
}

# Prints the manifest's line for a file, and notes a foreign file in its place. A file without a source is made later.
plan() {
    place=$prefix/$3
    if [ "$1" != link ] && [ -n "$2" ] && [ ! -f "$2" ]; then fail "there is no file $2"; fi
    if [ -d "$place" ] || { exists "$place" && ! grep -qxF "file $place" "$work/old"; }; then
        printf '  %s\n' "$place" >>"$work/foreign"
    fi
    plan_directory "${place%/*}"
    printf 'file %s\n' "$place"
}

exists() {
    [ -e "$1" ] || [ -L "$1" ]
}

plan_directory() {
    if [ -d "$1" ]; then
        [ -w "$1" ] || fail "$1 is not writable" 'Choose another place with --prefix DIR.'
        return
    fi
    plan_directory "$(dirname -- "$1")"
    grep -qxF "directory $1" "$work/directories" || printf 'directory %s\n' "$1" >>"$work/directories"
}

build() {
    rust=$(sed -n 's/^rust-version = "\(.*\)"/\1/p' "$repository/Cargo.toml")
    needs="The build needs Rust $rust or newer (see rustup.rs) and a C compiler."
    command -v cargo >/dev/null 2>&1 || fail 'cargo is missing' "$needs" 'Install them and run this again.'
    target=${CARGO_TARGET_DIR:-$repository/target}
    cargo build --release --locked --bin "$name" --manifest-path "$repository/Cargo.toml" \
        --target-dir "$target" || fail 'the build failed: nothing was changed' "$needs"
    binary=$target/release/$name
}

# Installs the manifest before the files, so that --uninstall works after an interruption.
place_all() {
    placing=yes
    while IFS= read -r line; do mkdir -- "${line#directory }"; done <"$work/directories"
    remove_obsolete
    { grep '^directory ' "$work/old" || :; } | cat - "$work/directories" | LC_ALL=C sort -u >"$work/new"
    cat "$work/files" >>"$work/new"
    place 644 "$work/new" "share/$name/manifest"
    for_each_file place
    placing=no
}

# Removes files that an earlier version installed and this one does not.
remove_obsolete() {
    { grep '^file ' "$work/old" || :; } | { grep -vxF -f "$work/files" || :; } >"$work/obsolete"
    remove_listed "$work/obsolete"
}

# Renames a temporary file into place: a running program keeps the old file, and no one sees half of the new one.
place() {
    place=$prefix/$3
    temporary=${place%/*}/.${place##*/}.$$
    if [ "$1" = link ]; then
        ln -s "$2" "$temporary"
    else
        cp -- "$2" "$temporary"
        chmod "$1" "$temporary"
    fi
    mv -f -- "$temporary" "$place"
    temporary=''
}

# Removes the listed files, then those of the listed directories that are empty, innermost first.
remove_listed() {
    sed -n 's/^file //p' "$1" | while IFS= read -r path; do rm -f -- "$path"; done
    sed -n 's/^directory //p' "$1" | LC_ALL=C sort -r | while IFS= read -r path; do
        rmdir -- "$path" 2>/dev/null || :
    done
}

install_all() {
    prepare
    if [ -z "$binary" ]; then
        build
    elif [ ! -x "$binary" ]; then
        fail "$binary is not a program"
    fi
    place_all
    printf 'Installed under %s:\n' "$prefix"
    sed "s|^file |  |" "$work/files"
    case :${PATH:-}: in
        *:"$prefix/bin":*) ;;
        *)
            printf '\n%s/bin is not on PATH. Add this line to the startup file of your shell:\n' "$prefix"
            # The user's shell expands PATH, not this one.
            # shellcheck disable=SC2016
            printf '  export PATH="%s/bin:$PATH"\n' "$prefix"
            ;;
    esac
}

uninstall() {
    if [ ! -f "$manifest" ]; then
        printf 'Nothing is installed under %s.\n' "$prefix"
        return
    fi
    cp "$manifest" "$work/old"
    remove_listed "$work/old"
    printf 'Removed %s from %s.\n' "$name" "$prefix"
}

# After a failure: removes what this run added, and restores the old manifest.
undo() {
    { grep -vxF -f "$work/old" "$work/files" || :; } | cat - "$work/directories" >"$work/added"
    remove_listed "$work/added" || :
    [ ! -s "$work/old" ] || cp "$work/old" "$manifest" || :
    printf 'error: the installation did not finish; the files that it added were removed\n' >&2
}

finish() {
    status=$?
    trap - EXIT
    [ -z "$temporary" ] || rm -f -- "$temporary"
    [ "$placing" = no ] || undo
    rm -rf -- "$work"
    exit "$status"
}

parse "$@"
work=$(mktemp -d "${TMPDIR:-/tmp}/$name.XXXXXX")
trap finish EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM
if [ "$action" = install ]; then install_all; else uninstall; fi

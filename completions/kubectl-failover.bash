# Completion of kubectl-failover and linkerd-failover in bash. The binary computes the choices.

_kubectl_failover() {
    local -a words=()
    local word last='' joins='' i
    # Readline splits at = : and @ too: such parts are one word to the program.
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=${COMP_WORDS[i]}
        if [[ $word =~ ^[=:@]+$ ]]; then
            last+=$word
            joins=yes
        elif [[ $joins ]]; then
            last+=$word
            joins=''
        else
            ((i == 1)) || words+=("${last//\\/}")
            last=$word
        fi
    done
    # Readline puts a choice in the place of the last part alone.
    local part=${COMP_WORDS[COMP_CWORD]} before
    [[ $part =~ ^[=:@]+$ ]] && part=''
    before=${last%"$part"}

    COMPREPLY=()
    local choice answer
    answer=$("${COMP_WORDS[0]}" __complete "${words[@]}" "${last//\\/}" </dev/null 2>/dev/null) || return
    while IFS= read -r choice; do
        choice=${choice%%$'\t'*}
        case $choice in
            :6) compopt -o nospace 2>/dev/null ;;
            :*) ;;
            *)
                printf -v choice %q "$choice"
                COMPREPLY+=("${choice#"$before"}")
                ;;
        esac
    done <<<"$answer"
}

complete -F _kubectl_failover kubectl-failover
complete -F _kubectl_failover linkerd-failover

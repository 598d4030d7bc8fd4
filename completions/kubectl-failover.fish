# Completion of kubectl-failover and linkerd-failover in fish. The binary computes the choices.

function __kubectl_failover_choices
    set -l words (commandline -opc)
    set -l program $words[1]
    set -e words[1]
    $program __complete $words (commandline -ct) </dev/null 2>/dev/null | string match -rv '^:[0-9]+$'
end

complete -c kubectl-failover -f -a '(__kubectl_failover_choices)'
complete -c linkerd-failover -f -a '(__kubectl_failover_choices)'

# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_kubectl_failover_global_optspecs
    string join \n context= kubeconfig= n/namespace= A/all-namespaces cluster= user= s/server= api-addr= token= as= as-group= as-uid= request-timeout= insecure-skip-tls-verify= certificate-authority= client-certificate= client-key= tls-server-name= L/linkerd-namespace= v/verbose= h/help V/version
end

function __fish_kubectl_failover_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_kubectl_failover_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_kubectl_failover_using_subcommand
    set -l cmd (__fish_kubectl_failover_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -s V -l version -d 'Print version'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -f -a "create" -d 'Make a failover group for a service'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -f -a "status" -d 'Show the groups: where their traffic goes, and why'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -f -a "watch" -d 'Run the loop: move traffic when primaries go down, and back'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -f -a "check" -d 'Check that this cluster and this user can do all of it'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -f -a "force" -d 'Move the traffic to a backend by hand, and keep it there'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -f -a "failback" -d 'End a force, or a stay on a fallback, and move the traffic home'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -f -a "pause" -d 'Have the loop leave groups alone'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -f -a "resume" -d 'Have the loop take groups up again'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -f -a "sandbox" -d 'Real control planes on this machine, to try and to test everything on'
complete -c kubectl-failover -n "__fish_kubectl_failover_needs_command" -f -a "completion" -d 'Print the completion script for a shell'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l fallback -d 'Service that takes over when the primary has no ready endpoints; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l primary -d 'Service that should have the traffic [default: SERVICE]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l name -d 'Name of the object [default: SERVICE-failover]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l controlled-by -d 'Value of the label failover.linkerd.io/controlled-by' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l dry-run -d 'Only show what would be made; `server` has the API server check it too' -r -f -a "none\t''
client\t''
server\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -s o -l output -d 'Print the object in this format' -r -f -a "yaml\t''
json\t''
name\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -l allow-missing -d 'Let services through that do not exist (yet)'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand create" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -s l -l selector -d 'Only groups with these labels' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -s o -l output -d 'Print in this format' -r -f -a "table\t''
wide\t''
json\t''
yaml\t''
name\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -s l -l selector -d 'Only groups with these labels' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -s o -l output -d 'Print in this format' -r -f -a "text\t''
json\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l once -d 'Bring every group to where it belongs, then stop'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -l dry-run -d 'Say what would be done, and write nothing'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand watch" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l pre -d 'Check only what must hold before the first use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l proxy -d 'Check too whether the pods behind the groups\' services are meshed' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l wait -d 'How long to wait for what may mend itself, such as 5m' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -s o -l output -d 'Print in this format; short leaves out what is well' -r -f -a "table\t''
json\t''
short\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l rbac -d 'Print the least Role that a command needs (with -A, the ClusterRole), and check nothing' -r -f -a "create\t''
status\t''
watch\t''
force\t''
failback\t''
pause\t''
resume\t''
history\t''
check\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand check" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -s l -l selector -d 'All groups with these labels' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l to -d 'Backend that is to have the traffic [default: the fallback, where there is just one]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l reason -d 'Why, for those who look at it later' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l duration -d 'End by itself after this long, such as 30m' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l allow -d 'Go on in spite of this; may be repeated' -r -f -a "unready\t'The backend has no ready endpoint, or not enough'
unknown\t'Whether the backend is ready can\'t be known'
conflict\t'Another object routes the same service, so that the change may have no effect'
gitops\t'A GitOps tool owns the object and may put it back'"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l dry-run -d 'Only show what would change; `server` has the API server check it too' -r -f -a "none\t''
client\t''
server\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -s o -l output -d 'Print in this format' -r -f -a "text\t''
json\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l all -d 'All groups'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -l wait -d 'Stay, and end it when its time is over or on Ctrl-C'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -s y -l yes -d 'Do not ask'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand force" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -s l -l selector -d 'All groups with these labels' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l timeout -d 'How long to wait [default: without end]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l home -d 'Backend to go back to, where the override does not name one' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l reason -d 'Why, for those who look at it later' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l allow -d 'Go on in spite of this; may be repeated' -r -f -a "unready\t'The backend has no ready endpoint, or not enough'
unknown\t'Whether the backend is ready can\'t be known'
conflict\t'Another object routes the same service, so that the change may have no effect'
gitops\t'A GitOps tool owns the object and may put it back'"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l dry-run -d 'Only show what would change; `server` has the API server check it too' -r -f -a "none\t''
client\t''
server\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -s o -l output -d 'Print in this format' -r -f -a "text\t''
json\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l all -d 'All groups'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -l when-ready -d 'Wait until the primary has enough ready endpoints, then move'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -s y -l yes -d 'Do not ask'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand failback" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -s l -l selector -d 'All groups with these labels' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l duration -d 'End by itself after this long, such as 2h' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l reason -d 'Why, for those who look at it later' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l dry-run -d 'Only show what would change; `server` has the API server check it too' -r -f -a "none\t''
client\t''
server\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -s o -l output -d 'Print in this format' -r -f -a "text\t''
json\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -l all -d 'All groups'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -s y -l yes -d 'Do not ask'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand pause" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -s l -l selector -d 'All groups with these labels' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l dry-run -d 'Only show what would change; `server` has the API server check it too' -r -f -a "none\t''
client\t''
server\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -s o -l output -d 'Print in this format' -r -f -a "text\t''
json\t''"
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -l all -d 'All groups'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -s y -l yes -d 'Do not ask'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand resume" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -f -a "up" -d 'Start the clusters; they stay until `sandbox down`'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -f -a "down" -d 'Stop the clusters and remove their data'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -f -a "status" -d 'Show what runs'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -f -a "demo" -d 'Play the whole story: outage in west, failover to east, recovery, failback'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -f -a "run" -d 'Start clusters, run a command with KUBECONFIG set, and stop them again'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and not __fish_seen_subcommand_from up down status demo run gateway" -f -a "gateway" -d 'Take a cluster\'s gateway down, or bring it up'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l clusters -d 'Names of the clusters' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l assets -d 'Take the control plane\'s programs from this folder instead of building them' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from up" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from down" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l clusters -d 'Names of the clusters' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l assets -d 'Take the control plane\'s programs from this folder instead of building them' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from demo" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l clusters -d 'Names of the clusters' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l assets -d 'Take the control plane\'s programs from this folder instead of building them' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from run" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand sandbox; and __fish_seen_subcommand_from gateway" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l context -d 'Context of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l kubeconfig -d 'Path of the kubeconfig [default: $KUBECONFIG, then ~/.kube/config]' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -s n -l namespace -d 'Namespace [default: the context\'s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l cluster -d 'Cluster of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l user -d 'User of the kubeconfig to use' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -s s -l server -d 'Address of the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l api-addr -d 'Address of the API server, as linkerd names the flag' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l token -d 'Bearer token for the API server' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l as -d 'User to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l as-group -d 'Group to impersonate; may be repeated' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l as-uid -d 'UID to impersonate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l request-timeout -d 'Time limit of each request, such as 10s; 0 for none [default: 10s]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l insecure-skip-tls-verify -d 'Do not check the API server\'s certificate' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l certificate-authority -d 'File with the certificate authority of the API server' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l client-certificate -d 'File with the client certificate' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l client-key -d 'File with the client certificate\'s key' -r -F
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -l tls-server-name -d 'Server name to check the API server\'s certificate against' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -s L -l linkerd-namespace -d 'Namespace of Linkerd\'s control plane [default: $LINKERD_NAMESPACE, then linkerd]' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -s v -l verbose -d 'Say more on stderr: each request with its status and time' -r
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -s A -l all-namespaces -d 'All namespaces'
complete -c kubectl-failover -n "__fish_kubectl_failover_using_subcommand completion" -s h -l help -d 'Print help (see more with \'--help\')'

//! The examples at the end of each command's help; the man pages show them too.

pub const ROOT: &str = "\
Examples:
  kubectl failover create web-svc --fallback web-svc-east
  kubectl failover status --all-namespaces
  kubectl failover watch
  kubectl failover sandbox demo";

pub const CREATE: &str = "\
Examples:
  kubectl failover create web-svc --fallback web-svc-east
  kubectl failover create web-svc --fallback web-svc-east --dry-run=client -o yaml
  kubectl failover create web-svc --fallback web-svc-east --kind httproute --port 80
  kubectl failover create web-svc --fallback web-svc-east --policy ordered --failback-delay 30s
  kubectl failover create --adopt httproute/web --primary web-svc";

pub const STATUS: &str = "\
Examples:
  kubectl failover status
  kubectl failover status web-svc --output wide
  kubectl failover status --all-namespaces --output json
  kubectl failover status --context west --namespace emojivoto
  kubectl failover status --watch
  kubectl failover status web-svc --for Failover --timeout 1m
  kubectl failover status --for 'active=web-svc-east' --for '!redundant'
  kubectl failover status --exit-code --output json
  kubectl failover status --remote east=east-context
  kubectl failover status --contexts west,east --all-namespaces
  kubectl failover status --all-contexts --output json";

pub const HISTORY: &str = "\
Examples:
  kubectl failover history
  kubectl failover history web-svc --output wide
  kubectl failover history --all-namespaces --output json";

pub const WATCH: &str = "\
Examples:
  kubectl failover watch
  kubectl failover watch --all-namespaces --output json
  kubectl failover watch --dry-run
  kubectl failover watch --once --selector team=web --timeout 5m
  kubectl failover watch --until failover --until active=web-svc-east --timeout 10m
  kubectl failover watch --run-for 30m --max-moves 20/1m
  kubectl failover watch --remote east=east-context --remote north=north-context
  kubectl failover watch --remote-from-links
  kubectl failover watch --contexts west,east --all-namespaces
  kubectl failover watch --on-transition '/usr/local/bin/notify --channel \"on call\"'
  kubectl failover watch --metrics 9090 --log-format json";

pub const CHECK: &str = "\
Without -n the groups of all namespaces are checked, and the rights in the context's namespace.

Examples:
  kubectl failover check
  kubectl failover check --pre
  kubectl failover check --wait 5m --output short
  kubectl failover check --rbac watch -n emojivoto | kubectl apply -f -";

pub const SANDBOX: &str = "\
Examples:
  kubectl failover sandbox demo
  kubectl failover sandbox up
  kubectl failover sandbox run -- kubectl --context west get namespaces
  kubectl failover sandbox down";

pub const SANDBOX_UP: &str = "\
Examples:
  kubectl failover sandbox up
  kubectl failover sandbox up --clusters west,east,central
  kubectl failover sandbox up --assets ./bin";

pub const SANDBOX_DOWN: &str = "\
Examples:
  kubectl failover sandbox down";

pub const SANDBOX_STATUS: &str = "\
Examples:
  kubectl failover sandbox status";

pub const SANDBOX_DEMO: &str = "\
Examples:
  kubectl failover sandbox demo
  kubectl failover sandbox demo --kind httproute --flat";

pub const SANDBOX_RUN: &str = "\
Examples:
  kubectl failover sandbox run -- kubectl --context west get namespaces
  kubectl failover sandbox run --clusters west,east,central -- ./acceptance.sh";

pub const SANDBOX_GATEWAY: &str = "\
Examples:
  kubectl failover sandbox gateway east down
  kubectl failover sandbox gateway east up";

pub const SANDBOX_PARTITION: &str = "\
Examples:
  kubectl failover sandbox partition east on
  kubectl failover sandbox partition east off";

pub const COMPLETION: &str = "\
Examples:
  kubectl-failover completion bash > ~/.local/share/bash-completion/completions/kubectl-failover
  kubectl-failover completion zsh > ~/.local/share/zsh/site-functions/_kubectl-failover
  kubectl-failover completion fish > ~/.config/fish/completions/kubectl-failover.fish";

pub const FORCE: &str = "\
Examples:
  kubectl failover force web-svc-failover
  kubectl failover force web-svc --to web-svc-east --duration 30m --reason 'game day'
  kubectl failover force web-svc --to web-svc-east --wait --timeout 1m --yes
  kubectl failover force web-svc --to web-svc-east --duration 30m --wait --yes
  kubectl failover force --all --yes --allow=unknown";

pub const FAILBACK: &str = "\
Examples:
  kubectl failover failback web-svc-failover
  kubectl failover failback web-svc --when-ready --timeout 10m --yes
  kubectl failover failback web-svc --wait --timeout 1m --yes";

pub const SET: &str = "\
Examples:
  kubectl failover set web-svc-failover --min-ready 2 --failover-delay 10s
  kubectl failover set web-svc --policy active-active --weights web-svc=3,web-svc-east=1
  kubectl failover set web-svc --primary web-svc-east --yes
  kubectl failover set --all --unset failback,failback-delay --dry-run=client";

pub const PAUSE: &str = "\
Examples:
  kubectl failover pause web-svc-failover --duration 2h --reason maintenance
  kubectl failover pause --all";

pub const RESUME: &str = "\
Examples:
  kubectl failover resume web-svc-failover
  kubectl failover resume --all";

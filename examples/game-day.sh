#!/usr/bin/env bash
# A game day for web-svc of emojivoto in west, with its mirror from east as the fallback: an outage, a force and a
# failback. Each time it waits until the requests really go there. It stops at the first step that fails. However it
# ends, it cleans up.
# To rehearse it on your own machine: kubectl failover sandbox run -- examples/game-day.sh
set -euo pipefail
west=(--context "${WEST:-west}" -n emojivoto) east=(--context "${EAST:-east}" -n emojivoto)
plugin() { kubectl failover "$@" "${west[@]}"; }
expect() {
  plugin status web-svc --for "$1" --for "active=$2" --timeout 30s
  plugin traffic web-svc --for "share($2)>=95%" --window 5s --timeout 1m
}
scale() { kubectl scale deploy/web --replicas "$1" "${west[@]}"; }
replicas=$(kubectl get deploy/web -o jsonpath='{.spec.replicas}' "${west[@]}")
before=$(kubectl get trafficsplit web-svc-failover --ignore-not-found -o name "${west[@]}")
tidy() {
  set +e
  scale "$replicas"
  plugin failback web-svc --when-ready --timeout 30s --yes
  kill %1 && wait # the watch
  [[ $before ]] || kubectl delete trafficsplit web-svc-failover --ignore-not-found "${west[@]}"
}
trap tidy EXIT
kubectl label service web-svc mirror.linkerd.io/exported=true --overwrite "${east[@]}"
kubectl wait --for=create service/web-svc-east --timeout 30s "${west[@]}"
plugin create web-svc --fallback web-svc-east
kubectl failover watch "${west[@]}" & # kubectl replaces itself with the plugin
expect primary web-svc
scale 0 # the outage
expect failover web-svc-east
scale "$replicas"
expect primary web-svc
plugin force web-svc --to web-svc-east --duration 30m --reason 'game day' --yes
expect overridden web-svc-east
plugin failback web-svc --when-ready --wait --timeout 30s --yes
expect primary web-svc

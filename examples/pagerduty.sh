#!/bin/sh
# Opens an incident in PagerDuty when something is wrong with a failover group, and resolves it when
# the group has recovered, as a hook of `watch`:
#
#   PAGERDUTY_ROUTING_KEY=… kubectl failover watch -A --on-transition examples/pagerduty.sh
set -eu
: "${PAGERDUTY_ROUTING_KEY:?set it to the integration key of the service (Events API v2)}"
url="${PAGERDUTY_URL:-https://events.pagerduty.com/v2/enqueue}"

# The values have no control characters.
json() { printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'; }

case "$FAILOVER_EVENT" in
  unavailable | down) action=trigger severity=critical ;;
  unknown | failing | invalid | exposed) action=trigger severity=warning ;;
  recovered | moved | failback) action=resolve severity=info ;;
  *) exit 0 ;;
esac
group="$FAILOVER_NAMESPACE/$FAILOVER_OBJECT/$FAILOVER_GROUP"

curl --silent --show-error --fail --max-time 20 --output /dev/null \
  --header 'Content-Type: application/json' --data @- "$url" <<JSON
{
  "routing_key": "$(json "$PAGERDUTY_ROUTING_KEY")",
  "event_action": "$action",
  "dedup_key": "$(json "failover/$FAILOVER_CONTEXT/$group")",
  "payload": {
    "summary": "$(json "$FAILOVER_NAMESPACE/$FAILOVER_GROUP $FAILOVER_EVENT: $FAILOVER_WHY")",
    "source": "$(json "$FAILOVER_CONTEXT")",
    "component": "$(json "$FAILOVER_APEX")",
    "timestamp": "$FAILOVER_TIME",
    "severity": "$severity"
  }
}
JSON

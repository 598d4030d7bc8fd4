#!/bin/sh
# Posts the events of failover groups to Slack, as a hook of `watch`:
#
#   SLACK_WEBHOOK_URL=https://hooks.slack.com/services/… \
#     kubectl failover watch -A --on-transition examples/slack.sh
#
# --hook-events moved,forced,failback,down,unavailable,recovered limits it to those.
set -eu
: "${SLACK_WEBHOOK_URL:?set it to the URL of an incoming webhook}"

# The values have no control characters.
json() { printf '%s' "$1" | sed 's/\\/\\\\/g; s/"/\\"/g'; }

icon=":information_source:"
[ "$FAILOVER_SEVERITY" = warning ] && icon=":warning:"
text="$icon $FAILOVER_CONTEXT: $FAILOVER_NAMESPACE/$FAILOVER_GROUP $FAILOVER_EVENT"
if [ -n "$FAILOVER_TO" ] && [ "$FAILOVER_FROM" != "$FAILOVER_TO" ]; then
  text="$text: $FAILOVER_FROM -> $FAILOVER_TO"
fi
text="$text: $FAILOVER_WHY"
[ -n "$FAILOVER_BY" ] && text="$text (by $FAILOVER_BY)"

curl --silent --show-error --fail --max-time 20 --output /dev/null \
  --header 'Content-Type: application/json' \
  --data "{\"text\": \"$(json "$text")\"}" "$SLACK_WEBHOOK_URL"

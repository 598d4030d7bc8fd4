//! The label and the annotations of a group, explained.

use super::topic::{Explanation, Topic, TopicKind};
use crate::resource::annotations::{
    AVOID, CONTROLLED_BY, FAILBACK, FAILBACK_DELAY, FAILBACK_READY, FAILOVER_DELAY, HELD,
    LAST_MOVE, LAST_RETURN, MIGRATED_FROM, MIN_READY, OVERRIDE, PAUSED, POLICY, POLICY_KEYS,
    PREFIX, PRIMARY_SERVICE, STANDBY, WEIGHTS,
};

/// The keys that are no settings of the policy.
const OTHER_KEYS: [&str; 7] = [
    OVERRIDE,
    AVOID,
    PAUSED,
    LAST_MOVE,
    LAST_RETURN,
    HELD,
    MIGRATED_FROM,
];

pub fn topics() -> Vec<Topic> {
    let label = CONTROLLED_BY.trim_start_matches(PREFIX);
    let keys = [label, PRIMARY_SERVICE].into_iter();
    let keys = keys.chain(POLICY_KEYS).chain(OTHER_KEYS);
    keys.map(|key| Topic::new(TopicKind::Annotation, key, explanation(key)))
        .collect()
}

fn explanation(key: &str) -> Explanation {
    let (short, means, next) = match key {
        PRIMARY_SERVICE => (
            "the backend that should have the traffic",
            "Names the primary. Without it, the first backend is the primary. While a force is in \
             effect, it names the target of the force.",
            "To change it:\n  kubectl failover set NAME --primary BACKEND",
        ),
        POLICY => (
            "how the traffic is shared: spread, ordered or active-active",
            "spread, the default: all ready fallbacks share the traffic when the primary fails. ordered: \
             the first ready fallback gets it. active-active: every ready backend has a share all the \
             time, the primary too.",
            "To change it:\n  kubectl failover set NAME --policy ordered",
        ),
        WEIGHTS => (
            "the shares of the backends",
            "Whole numbers, such as web-svc=3,web-svc-east=1. Without it, each backend has the same \
             share.",
            "To change them:\n  kubectl failover set NAME --weights web-svc=3,web-svc-east=1",
        ),
        MIN_READY => (
            "how many ready endpoints the primary needs",
            "A count, or a percentage of the primary's endpoints. Below it, traffic leaves the primary. \
             The default is 1.",
            "To change it:\n  kubectl failover set NAME --min-ready 2",
        ),
        FAILOVER_DELAY => (
            "how long the primary must be short before traffic leaves it",
            "A duration such as 30s. Brief outages then move nothing, and longer ones last longer. The \
             default is 0s.",
            "To change it:\n  kubectl failover set NAME --failover-delay 10s",
        ),
        FAILBACK_DELAY => (
            "how long the primary must be ready before traffic returns",
            "A duration such as 5m, which keeps traffic from moving back and forth. The default is 0s.",
            "To change it:\n  kubectl failover set NAME --failback-delay 5m",
        ),
        FAILBACK => (
            "whether traffic returns by itself: auto or manual",
            "auto, the default: traffic returns when the primary is ready. manual: it stays on the \
             fallback until someone runs failback.",
            "To change it:\n  kubectl failover set NAME --failback manual",
        ),
        FAILBACK_READY => (
            "how many ready endpoints the primary needs to get its traffic back",
            "A count, or a percentage of the endpoints that exist or that were ready before. The default \
             is min-ready.",
            "To change it:\n  kubectl failover set NAME --failback-ready 50%",
        ),
        STANDBY => (
            "lets Linkerd's proxies fail over by themselves: on or off",
            "on: backends without traffic get a tiny weight, so that Linkerd's proxies send them \
             everything when nothing else has endpoints, even if no watch runs. The default is off.",
            "To change it:\n  kubectl failover set NAME --standby on",
        ),
        OVERRIDE => (
            "a force, as JSON",
            "Written by force: to, home, by, at, until and reason. It is removed by failback, or by the \
             watch when it expires.",
            "Do not edit it. To end the force:\n  kubectl failover failback NAME",
        ),
        AVOID => (
            "the backends that the traffic keeps off",
            "JSON, written by evacuate: a list of entries with backends, cluster, id, by, at, until, \
             reason and elsewhere (the traffic was away from a primary there before, so that failback: \
             manual and failback-delay hold after the return). Such a backend counts as dead while \
             another one is ready. If the annotation cannot be read, it avoids nothing.",
            "Do not edit it. To end an entry:\n  kubectl failover return CLUSTER --id ID",
        ),
        PAUSED => (
            "a pause, as JSON",
            "Written by pause: by, at, until and reason. While it is there, a watch leaves the group \
             alone.",
            "Do not edit it. To end the pause:\n  kubectl failover resume NAME",
        ),
        LAST_MOVE => (
            "the last move of the traffic, as JSON",
            "Written with every move: from, to, at, by, why, and the primary's ready endpoints. status \
             and history read it.",
            "Do not edit it. To see it:\n  kubectl failover history NAME",
        ),
        LAST_RETURN => (
            "the last evacuation that return ended, as JSON",
            "Written by return: id, by and at. The next evacuate removes it. While other groups are \
             still evacuated, status tells by it that a return is under way.",
            "Nothing. To see it:\n  kubectl failover history NAME",
        ),
        HELD => (
            "since when the traffic waits for a failback by hand",
            "Written by the watch while failback: manual keeps traffic on a fallback. It is for people; \
             nothing reads it.",
            "When the primary is ready:\n  kubectl failover failback NAME",
        ),
        MIGRATED_FROM => (
            "the object that this one replaced, as JSON",
            "Written by migrate, so that --undo can go back.",
            "To go back:\n  kubectl failover migrate NAME --undo",
        ),
        _ if CONTROLLED_BY.ends_with(key) => (
            "the label that makes an object a group",
            "Its value names who runs the group. watch runs every object that has the label; Linkerd's \
             own failover controller runs the ones with the value that it was installed with.",
            "To make an object a group:\n  kubectl failover create --adopt KIND/NAME --primary SERVICE",
        ),
        _ => ("", "", ""),
    };
    Explanation { short, means, next }
}

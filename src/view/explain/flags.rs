//! The flags of a group, explained.

use super::topic::{Explanation, Topic, TopicKind};
use crate::model::Flags;

pub fn topics() -> Vec<Topic> {
    let topic = |name: &&str| Topic::new(TopicKind::Flag, name, explanation(name));
    Flags::NAMES.iter().map(topic).collect()
}

fn explanation(name: &str) -> Explanation {
    let (short, means, next) = match name {
        "overridden" => (
            "a force is in effect",
            "Someone ran force: its target counts as the primary until the force expires or ends.",
            "When the reason for the force is over:\n  kubectl failover failback NAME",
        ),
        "broken" => (
            "a force, or an evacuation, has no effect",
            "The annotation override is there, but someone changed the primary, for example by \
             applying an old manifest, or the annotation is unreadable: traffic follows \
             primary-service. Or the annotation avoid is unreadable: no backend is avoided.",
            "Force again, or remove the stale override:\n  \
             kubectl failover force NAME --to BACKEND\n  kubectl failover failback NAME",
        ),
        "unverified" => (
            "traffic is on a backend that may not be ready",
            "Traffic went, or is about to go, to a backend whose readiness is unknown, because no \
             backend is known to be ready.",
            "Check that backend yourself, or let its cluster be read:\n  \
             kubectl failover status NAME --remote CLUSTER=CONTEXT",
        ),
        "held" => (
            "the traffic waits for a failback by hand",
            "failback: manual keeps the traffic on a fallback although the primary may be ready.",
            "When the primary is ready:\n  kubectl failover failback NAME",
        ),
        "avoiding" => (
            "a backend is evacuated",
            "Someone ran evacuate: the backends in that cluster are evacuated, and count as dead while \
             another one is ready. While none is, the evacuation is resting: they may have traffic.",
            "To see who, why and since when:\n  kubectl failover status NAME\n\
             When the cluster may have its traffic back:\n  kubectl failover return CLUSTER --id ID",
        ),
        "short" => (
            "the primary has too few ready endpoints",
            "The primary has fewer ready endpoints than min-ready asks for.",
            "Look at the primary's pods. To see how many are needed:\n  \
             kubectl failover status NAME -o wide",
        ),
        "redundant" => (
            "one backend may fail without an outage",
            "A ready backend carries nothing, or several ready backends carry the traffic. Without this \
             flag, the next failure is an outage.",
            "Nothing. If a group lacks it, bring up a fallback. To wait for it:\n  \
             kubectl failover status NAME --for redundant",
        ),
        "standby" => (
            "a backend stands by with a tiny weight",
            "Linkerd's proxies send all traffic to that backend by themselves when nothing else has \
             endpoints, even if no watch runs.",
            "Nothing. To turn it off:\n  kubectl failover set NAME --standby off",
        ),
        "exposed" => (
            "if the traffic's backend fails, nothing takes over",
            "The primary carries traffic and is ready, but nothing would take its place: all fallbacks \
             are dead or missing, or no controller runs the group and Linkerd's proxies could not fail \
             over by themselves.",
            "Bring up a fallback, or let something fail over:\n  \
             kubectl failover watch\n  kubectl failover set NAME --standby on",
        ),
        "unattended" => (
            "no watch runs the group",
            "Nobody holds a Lease that covers the group, and Linkerd's own failover controller does not \
             run it. Without a standby, nothing fails over automatically.",
            "Start a watch and leave it running:\n  kubectl failover watch",
        ),
        "contested" => (
            "someone else reverts the weights",
            "Another writer, such as a GitOps tool or a second controller, has put back weights that \
             this tool wrote. The watch answers ever more slowly.",
            "Stop the other writer, or have it ignore the weights. To see who and how:\n  \
             kubectl failover check",
        ),
        _ => ("", "", ""),
    };
    Explanation { short, means, next }
}

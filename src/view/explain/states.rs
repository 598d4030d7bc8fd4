//! The states of a group, explained.

use super::topic::{Explanation, Topic, TopicKind};
use crate::model::State;

pub fn topics() -> Vec<Topic> {
    let topic = |state: &State| Topic::new(TopicKind::State, state, explanation(*state));
    State::ALL.iter().map(topic).collect()
}

fn explanation(state: State) -> Explanation {
    let (short, means, next) = match state {
        State::Invalid => (
            "the object cannot be a group",
            "The object has the label of a group, but its spec or an annotation makes no sense, for \
             example a primary that is not a backend. Its traffic stays as it is, and nothing fails \
             over.",
            "The reason in status says what is wrong. Correct the object, or the annotation with:\n  \
             kubectl failover set NAME",
        ),
        State::Paused => (
            "automatic failover is paused",
            "Someone ran pause. A running watch leaves the group alone, even if its primary fails. \
             status shows who paused it, why, and until when.",
            "When the reason for the pause is over:\n  kubectl failover resume NAME",
        ),
        State::Down => (
            "requests fail although a backend is ready",
            "All traffic goes to backends without ready endpoints, another backend is ready, and \
             nobody is about to move the traffic: no watch is running, or its write has not succeeded \
             for 5 seconds. The same holds for weights that Linkerd's proxies do not take, while no \
             watch is running.",
            "Move the traffic, and have it moved the next time:\n  \
             kubectl failover force NAME --to BACKEND\n  kubectl failover watch",
        ),
        State::Unknown => (
            "the readiness that decides is unknown",
            "It cannot be told whether the backends are ready: the API server is silent, you may not \
             read EndpointSlices, or a backend is mirrored from another cluster that is not read. \
             Unknown never counts as dead, so traffic stays where it is.",
            "Let the other cluster be read, or decide by hand:\n  \
             kubectl failover status NAME --remote CLUSTER=CONTEXT\n  \
             kubectl failover force NAME --to BACKEND --allow=unknown",
        ),
        State::Unavailable => (
            "no backend has a ready endpoint",
            "Requests fail, and there is nowhere to send them. Traffic stays where it is until a \
             backend becomes ready.",
            "Bring a backend up. To see its pods and their problems:\n  \
             kubectl failover status NAME -o wide",
        ),
        State::OutOfSync => (
            "the weights are not what they should be",
            "The weights or annotations on the object differ from what its policy asks for: someone \
             edited them, or no watch is running. Requests are served. The reason says which.",
            "Let a watch bring the group up to date, once or for as long as it runs:\n  \
             kubectl failover watch --once\n  kubectl failover watch",
        ),
        State::Waiting => (
            "traffic will move after a delay",
            "Only failover-delay, failback-delay or failback-ready keeps the traffic where it is. The \
             reason says which.",
            "Usually nothing: the watch moves the traffic. To move it at once:\n  \
             kubectl failover force NAME --to BACKEND\n  kubectl failover failback NAME",
        ),
        State::Failover => (
            "the traffic is on a fallback",
            "The primary, or the target of a force, carries no traffic, because it has too few ready \
             endpoints, because failback: manual keeps the traffic away (the flag held), or because it \
             is evacuated (the flag avoiding). The reason says which.",
            "If it has too few ready endpoints, bring it up: traffic returns by itself. If the flag \
             held is shown:\n  kubectl failover failback NAME\n\
             If it is evacuated, when the cluster may have its traffic back:\n  \
             kubectl failover return CLUSTER --id ID",
        ),
        State::Overridden => (
            "a force is in effect",
            "Someone ran force, and its target has the traffic. If the target fails, traffic moves to \
             another ready backend. status shows who forced it, why, and until when.",
            "When the reason for the force is over:\n  kubectl failover failback NAME",
        ),
        State::Active => (
            "all ready backends share the traffic",
            "The policy is active-active, and every ready backend has its share, the primary too.",
            "Nothing to do.",
        ),
        State::Primary => (
            "the primary has the traffic",
            "The primary is ready and has all the traffic.",
            "Nothing to do.",
        ),
    };
    Explanation { short, means, next }
}

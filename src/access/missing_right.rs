//! Parses a Forbidden message of the API server into the right that is missing.

use crate::text::ConnectionFlags;
use crate::text::word;

const PORT_FORWARD: &str = "pods/portforward";

/// A verb on a resource that the user lacks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MissingRight<'a> {
    /// None: the server did not say.
    user: Option<&'a str>,
    verb: &'a str,
    /// The resource and its subresource: `pods/log`.
    resource: &'a str,
    /// Empty for the core group.
    group: &'a str,
    /// None: the whole cluster.
    namespace: Option<&'a str>,
    /// Other resources that the same verb is missing on, in kubectl's form.
    others: Vec<String>,
}

impl<'a> MissingRight<'a> {
    /// Returns None if the message is not about a right: an admission webhook or a quota refused
    /// the request.
    pub fn missing_in(message: &'a str) -> Option<Self> {
        let (user, rest) = message.split_once("User \"")?.1.split_once("\" cannot ")?;
        let (verb, rest) = rest.split_once(" resource \"")?;
        let (resource, rest) = rest.split_once("\" in API group \"")?;
        let (group, rest) = rest.split_once('"')?;
        let namespace = rest
            .strip_prefix(" in the namespace \"")
            .and_then(|rest| rest.split_once('"'))
            .map(|(namespace, _)| namespace);
        Some(Self {
            user: Some(user),
            verb,
            resource,
            group,
            namespace,
            others: Vec::new(),
        })
    }

    /// Returns the right to `create` that Kubernetes 1.35 and newer ask for after `get`, if the
    /// message of the refusal of a port-forward is about it. The server names neither the verb nor
    /// the user: `pods "web-0" is forbidden: `, or `RBAC: role not found` at the end.
    pub fn of_port_forward(path: &'a str, message: &str) -> Option<Self> {
        let pod = path
            .strip_prefix("/api/v1/namespaces/")?
            .strip_suffix("/portforward")?;
        let (namespace, _) = pod.split_once("/pods/")?;
        let (_, why) = message.split_once("\" is forbidden:")?;
        let why = why.trim();
        (why.is_empty() || why.starts_with("RBAC:")).then(|| Self {
            user: None,
            verb: "create",
            resource: PORT_FORWARD,
            group: "",
            namespace: Some(namespace),
            others: Vec::new(),
        })
    }

    /// Merges rights that differ in the resource alone.
    pub fn merge(rights: impl IntoIterator<Item = Self>) -> Vec<Self> {
        let mut merged: Vec<Self> = Vec::new();
        for right in rights {
            let key = |right: &Self| (right.user, right.verb, right.namespace);
            match merged.iter_mut().find(|known| key(known) == key(&right)) {
                Some(known) => known.others.push(right.full_resource()),
                None => merged.push(right),
            }
        }
        merged
    }

    /// Returns `user "me" cannot list trafficsplits.split.smi-spec.io in namespace ns`.
    pub fn in_words(&self) -> String {
        let user = match self.user {
            Some(user) => format!("user {user:?}"),
            None => "you".to_owned(),
        };
        if self.is_impersonation() {
            return format!("{user} cannot impersonate others");
        }
        let place = match self.namespace {
            Some(namespace) => format!("in namespace {namespace}"),
            None => "cluster-wide".to_owned(),
        };
        format!(
            "{user} cannot {} {} {place}",
            self.verb,
            self.full_resources(", ")
        )
    }

    /// Returns how to grant the right, how to check it, and how to list all rights that the command
    /// needs.
    pub fn next(&self, reach: &ConnectionFlags) -> Vec<String> {
        let cluster = reach.cluster();
        if self.is_impersonation() {
            return vec![
                format!(
                    "leave out --as, or ask an administrator to grant it: kubectl {cluster} \
                     create clusterrole failover --verb=impersonate --resource=users,groups"
                ),
                format!("check it: kubectl {cluster} auth can-i impersonate users"),
            ];
        }
        let (role, namespace, scope) = match self.namespace {
            Some(namespace) => {
                let namespace = format!("-n {}", word(namespace));
                ("role", format!(" {namespace}"), namespace)
            }
            None => ("clusterrole", String::new(), "-A".to_owned()),
        };
        let all = reach.all();
        let is_breaker = (self.verb, self.resource) == ("patch", "services");
        let flag = if is_breaker { " --breaker" } else { "" };
        // Other commands ask pods for their traffic only.
        let command = match reach.rbac_command() {
            "force" | "failback" if self.resource.starts_with("pods") => "traffic",
            command => command,
        };
        // Servers before Kubernetes 1.35 ask for `get` alone, newer ones for both.
        let verbs = match self.resource {
            PORT_FORWARD => vec!["get", "create"],
            _ => vec![self.verb],
        };
        let (verb, resources) = (word(&verbs.join(",")), word(&self.full_resources(",")));
        let mut next = vec![format!(
            "ask an administrator to grant it, with a {role} bound to you: kubectl \
             {cluster}{namespace} create {role} failover --verb={verb} --resource={resources}"
        )];
        let question = self.question();
        next.extend(verbs.into_iter().map(|verb| {
            let verb = word(verb);
            format!("check it: kubectl {all}{namespace} auth can-i {verb} {question}")
        }));
        next.push(format!(
            "for all rights that this command needs: kubectl failover check --rbac \
             {command}{flag} {all} {scope}"
        ));
        next
    }

    /// Newer servers report more specific verbs, such as `impersonate-on:user-info:list`.
    fn is_impersonation(&self) -> bool {
        self.verb.starts_with("impersonate")
    }

    fn full_resources(&self, separator: &str) -> String {
        let all = std::iter::once(self.full_resource()).chain(self.others.iter().cloned());
        all.collect::<Vec<_>>().join(separator)
    }

    /// Returns the resource as `kubectl auth can-i` takes it, for which `pods/log` is a pod's name.
    fn question(&self) -> String {
        let resource = self.full_resource();
        match resource.split_once('/') {
            Some((resource, subresource)) => {
                format!("{} --subresource={}", word(resource), word(subresource))
            }
            None => word(&resource),
        }
    }

    /// Returns the resource in kubectl's form: the subresource follows the group.
    fn full_resource(&self) -> String {
        let (resource, subresource) = match self.resource.split_once('/') {
            Some((resource, subresource)) => (resource, format!("/{subresource}")),
            None => (self.resource, String::new()),
        };
        let group = if self.group.is_empty() {
            String::new()
        } else {
            format!(".{}", self.group)
        };
        format!("{resource}{group}{subresource}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cluster::transport::options::ConnectOptions;

    fn west() -> ConnectionFlags {
        ConnectOptions::default().flags(Some("west"))
    }

    #[test]
    fn a_right_in_a_namespace() {
        let right = MissingRight::missing_in(
            "trafficsplits.split.smi-spec.io is forbidden: User \"me\" cannot list resource \"trafficsplits\" in \
             API group \"split.smi-spec.io\" in the namespace \"ns\": RBAC: role not found",
        );
        let right = right.unwrap();
        assert_eq!(
            right.in_words(),
            "user \"me\" cannot list trafficsplits.split.smi-spec.io in namespace ns"
        );
        let next = right.next(&west());
        let [role, question, all] = next.as_slice() else {
            panic!("{next:?}")
        };
        let command = "kubectl --context west -n ns create role failover --verb=list \
                       --resource=trafficsplits.split.smi-spec.io";
        assert!(role.ends_with(command), "{role}");
        let command =
            "kubectl --context west -n ns auth can-i list trafficsplits.split.smi-spec.io";
        assert!(question.ends_with(command), "{question}");
        assert!(
            all.ends_with("kubectl failover check --rbac COMMAND --context west -n ns"),
            "{all}"
        );
    }

    #[test]
    fn a_right_in_the_cluster_and_one_on_a_subresource() {
        let message = "x: User \"me\" cannot list resource \"namespaces\" in API group \"\" at \
                       the cluster scope";
        let right = MissingRight::missing_in(message).unwrap();
        assert_eq!(
            right.in_words(),
            "user \"me\" cannot list namespaces cluster-wide"
        );
        assert!(right.next(&west())[0].contains("kubectl --context west create clusterrole "));
        let message = "x: User \"me\" cannot get resource \"deployments/scale\" in API group \"apps\" in the namespace \"ns\"";
        assert_eq!(
            MissingRight::missing_in(message).unwrap().in_words(),
            "user \"me\" cannot get deployments.apps/scale in namespace ns"
        );
    }

    #[test]
    fn a_port_forward_needs_get_and_create() {
        let told = "x: User \"me\" cannot get resource \"pods/portforward\" in API group \"\" in \
                    the namespace \"ns\"";
        let path = "/api/v1/namespaces/ns/pods/web-0/portforward";
        let create = |message: &'static str| {
            MissingRight::of_port_forward(path, message).map(|it| it.next(&west()))
        };
        let asked = MissingRight::missing_in(told).unwrap().next(&west());
        assert!(
            asked[0]
                .ends_with("create role failover --verb=get,create --resource=pods/portforward"),
            "{asked:?}"
        );
        assert!(asked[1].ends_with("can-i get pods --subresource=portforward"));
        assert!(asked[2].ends_with("can-i create pods --subresource=portforward"));
        for refusal in [
            "pods \"web-0\" is forbidden: ",
            "pods \"web-0\" is forbidden:",
            "pods \"web-0\" is forbidden: RBAC: role.rbac.authorization.k8s.io \"x\" not found",
        ] {
            assert_eq!(create(refusal).as_ref(), Some(&asked), "{refusal}");
        }
        let right = MissingRight::of_port_forward(path, "pods \"web-0\" is forbidden: ").unwrap();
        assert_eq!(
            right.in_words(),
            "you cannot create pods/portforward in namespace ns"
        );
        for other in [
            "admission webhook \"x\" denied the request: no",
            "pods \"web-0\" is forbidden: ValidatingAdmissionPolicy 'x' denied request: no",
        ] {
            assert_eq!(create(other), None, "{other}");
        }
        let path = "/api/v1/namespaces/ns/pods/web-0";
        assert_eq!(
            MissingRight::of_port_forward(path, "pods \"web-0\" is forbidden: "),
            None
        );
    }

    #[test]
    fn impersonation_refused_by_older_and_newer_servers() {
        for (verb, resource) in [
            ("impersonate", "users"),
            ("impersonate-on:user-info:list", "trafficsplits"),
        ] {
            let message = format!(
                "x: User \"me\" cannot {verb} resource \"{resource}\" in API group \"\" at the \
                 cluster scope"
            );
            let right = MissingRight::missing_in(&message).unwrap();
            assert_eq!(right.in_words(), "user \"me\" cannot impersonate others");
            assert!(
                right.next(&west())[1]
                    .ends_with("kubectl --context west auth can-i impersonate users")
            );
        }
    }

    #[test]
    fn other_refusals_are_not_about_rights() {
        for message in [
            "admission webhook \"x\" denied the request: no",
            "exceeded quota: q",
            "",
        ] {
            assert_eq!(MissingRight::missing_in(message), None);
        }
    }

    #[test]
    fn rights_on_several_kinds_are_one() {
        let message = |resource: &str, group: &str| {
            format!(
                "x: User \"me\" cannot list resource \"{resource}\" in API group \"{group}\" at \
                 the cluster scope"
            )
        };
        let messages = [
            message("httproutes", "policy.linkerd.io"),
            message("namespaces", ""),
        ];
        let rights = messages
            .iter()
            .filter_map(|it| MissingRight::missing_in(it));
        let merged = MissingRight::merge(rights);
        let [right] = merged.as_slice() else {
            panic!("{merged:?}")
        };
        assert_eq!(
            right.in_words(),
            "user \"me\" cannot list httproutes.policy.linkerd.io, namespaces cluster-wide"
        );
        let next = right.next(&west());
        assert!(
            next[0].ends_with("--verb=list --resource=httproutes.policy.linkerd.io,namespaces"),
            "{next:?}"
        );
    }
}

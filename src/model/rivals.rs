//! The rule for rivals: if several groups claim the traffic of one apex, the oldest one gets it,
//! and the newer ones are Invalid.

use std::collections::HashMap;

use jiff::Timestamp;

use super::GroupId;
use super::limits::MAX_GROUPS_OF_APEX;

/// A group's claim to the traffic of an apex.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ApexClaim<'a> {
    /// The group's namespace.
    pub namespace: &'a str,
    /// Singular, lower case, such as `trafficsplit`.
    pub kind: &'static str,
    /// The object's name.
    pub name: &'a str,
    /// Name of the Service that clients call; empty if the object names none.
    pub apex: &'a str,
    /// The ports of the apex whose traffic it claims; empty means all ports.
    pub ports: &'a [u16],
    /// When the object was created.
    pub created: Option<Timestamp>,
}

impl<'a> ApexClaim<'a> {
    /// Returns the group.
    pub fn group(&self) -> GroupId {
        GroupId {
            namespace: self.namespace.to_owned(),
            kind: self.kind,
            name: self.name.to_owned(),
        }
    }

    /// Whether two groups claim the same traffic.
    pub fn overlaps(&self, other: &Self) -> bool {
        share_ports(self.ports, other.ports)
            && !self.apex.is_empty()
            && self.apex_key() == other.apex_key()
            && (self.kind, self.name) != (other.kind, other.name)
    }

    /// Whether the other group is Invalid because of this one.
    pub fn precedes(&self, other: &Self) -> bool {
        self.age() < other.age() && self.overlaps(other)
    }

    /// Sorts the older group first, and one that does not exist yet last. Creation times are whole
    /// seconds: of two groups from the same second, the first by name counts as older, like for
    /// Linkerd, whatever the kinds.
    pub fn age(&self) -> (bool, Option<Timestamp>, &'a str, &'a str, &'static str) {
        let (made, namespace) = (self.created, self.namespace);
        (made.is_none(), made, namespace, self.name, self.kind)
    }

    fn apex_key(&self) -> (&'a str, &'a str) {
        (self.namespace, self.apex)
    }
}

/// Whether two lists of ports have a port in common. An empty list means all ports.
pub fn share_ports(one: &[u16], other: &[u16]) -> bool {
    one.is_empty() || other.is_empty() || one.iter().any(|port| other.contains(port))
}

/// Returns the oldest of these claims that precedes `claim`.
pub fn oldest_rival<'a>(
    claim: &ApexClaim<'_>,
    others: impl IntoIterator<Item = ApexClaim<'a>>,
) -> Option<ApexClaim<'a>> {
    others
        .into_iter()
        .filter(|other| other.precedes(claim))
        .min_by_key(ApexClaim::age)
}

/// The claims of many groups, by apex.
#[derive(Debug, Default)]
pub struct ApexClaims<'a> {
    /// The oldest one first.
    by_apex: HashMap<(&'a str, &'a str), Vec<ApexClaim<'a>>>,
}

impl<'a> ApexClaims<'a> {
    /// Whether too many groups claim the apex to compare them.
    pub fn are_too_many(&self, claim: &ApexClaim<'_>) -> bool {
        let claims = self.by_apex.get(&claim.apex_key());
        claims.is_some_and(|claims| claims.len() > MAX_GROUPS_OF_APEX)
    }

    /// As [`oldest_rival`], among all claims.
    pub fn oldest_rival(&self, claim: &ApexClaim<'_>) -> Option<ApexClaim<'a>> {
        let claims = self.by_apex.get(&claim.apex_key())?;
        claims.iter().find(|other| other.precedes(claim)).copied()
    }
}

impl<'a> FromIterator<ApexClaim<'a>> for ApexClaims<'a> {
    fn from_iter<T: IntoIterator<Item = ApexClaim<'a>>>(claims: T) -> Self {
        let mut by_apex = HashMap::<_, Vec<ApexClaim<'a>>>::new();
        for claim in claims {
            by_apex.entry(claim.apex_key()).or_default().push(claim);
        }
        for claims in by_apex.values_mut() {
            claims.sort_by_key(ApexClaim::age);
        }
        Self { by_apex }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn claim(name: &str, created: i64) -> ApexClaim<'_> {
        ApexClaim {
            namespace: "ns",
            kind: "httproute",
            name,
            apex: "web",
            ports: &[],
            created: Timestamp::from_second(created).ok(),
        }
    }

    fn rival<'a>(of: &ApexClaim<'_>, claims: &[ApexClaim<'a>]) -> Option<&'a str> {
        let rival = oldest_rival(of, claims.iter().copied());
        let indexed = ApexClaims::from_iter(claims.iter().copied()).oldest_rival(of);
        assert_eq!(rival, indexed);
        rival.map(|rival| rival.name)
    }

    #[test]
    fn the_oldest_group_on_an_apex_gets_its_traffic() {
        let claims = [claim("c", 2), claim("b", 1), claim("a", 3)];
        assert_eq!(rival(&claims[1], &claims), None);
        assert_eq!(rival(&claims[0], &claims), Some("b"));
        assert_eq!(rival(&claims[2], &claims), Some("b"));
    }

    #[test]
    fn of_two_groups_from_the_same_second_the_first_by_name_is_older() {
        let claims = [claim("b", 1), claim("a", 1)];
        assert_eq!(rival(&claims[0], &claims), Some("a"));
        assert_eq!(rival(&claims[1], &claims), None);
    }

    #[test]
    fn the_name_decides_before_the_kind() {
        let other_kind = |name| ApexClaim {
            kind: "httproute.policy.linkerd.io",
            ..claim(name, 1)
        };
        let claims = [claim("orders2", 1), other_kind("orders")];
        assert_eq!(rival(&claims[0], &claims), Some("orders"));
        assert_eq!(rival(&claims[1], &claims), None);
    }

    #[test]
    fn groups_are_rivals_only_on_the_same_traffic() {
        let new = ApexClaim {
            ports: &[80, 8081],
            ..claim("new", 2)
        };
        let old = claim("old", 1);
        let on_ports = |ports| ApexClaim { ports, ..old };
        assert_eq!(rival(&new, &[old]), Some("old"));
        assert_eq!(rival(&new, &[on_ports(&[80])]), Some("old"));
        assert_eq!(rival(&new, &[on_ports(&[81, 8081])]), Some("old"));
        assert_eq!(rival(&new, &[on_ports(&[81])]), None);
        assert_eq!(rival(&new, &[ApexClaim { apex: "api", ..old }]), None);
        let elsewhere = ApexClaim {
            namespace: "other",
            ..old
        };
        assert_eq!(rival(&new, &[elsewhere]), None);
        let nameless = |claim| ApexClaim { apex: "", ..claim };
        assert_eq!(rival(&nameless(new), &[nameless(old)]), None);
    }
}

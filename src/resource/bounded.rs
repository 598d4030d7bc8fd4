//! Lists in objects that others write. Only a bounded number of items is kept, so that no object
//! costs more than its size.

use std::fmt;
use std::marker::PhantomData;
use std::ops::Deref;

use serde::de::{IgnoredAny, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::model::Invalid;
use crate::model::limits::MAX_BACKENDS;

/// At most `MAX` items, and whether there are more.
#[derive(Debug)]
pub struct Bounded<T, const MAX: usize = MAX_BACKENDS> {
    items: Vec<T>,
    is_cut: bool,
}

impl<T, const MAX: usize> Default for Bounded<T, MAX> {
    fn default() -> Self {
        Self {
            items: Vec::new(),
            is_cut: false,
        }
    }
}

impl<T, const MAX: usize> Deref for Bounded<T, MAX> {
    type Target = [T];

    fn deref(&self) -> &[T] {
        &self.items
    }
}

impl<T, const MAX: usize> Bounded<T, MAX> {
    /// # Errors
    /// If there are more items; `what` names them in the plural.
    pub fn check(&self, what: &str) -> Result<(), Invalid> {
        if !self.is_cut {
            return Ok(());
        }
        Err(too_many(what, MAX))
    }
}

/// Returns the error for an object with more than `most` of something.
pub fn too_many(what: &str, most: usize) -> Invalid {
    Invalid::new(
        format!("it has more than {most} {what}"),
        format!("list at most {most} {what}"),
    )
}

impl<'de, T: Deserialize<'de>, const MAX: usize> Deserialize<'de> for Bounded<T, MAX> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(ListVisitor(PhantomData))
    }
}

struct ListVisitor<T, const MAX: usize>(PhantomData<T>);

impl<'de, T: Deserialize<'de>, const MAX: usize> Visitor<'de> for ListVisitor<T, MAX> {
    type Value = Bounded<T, MAX>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<Self::Value, A::Error> {
        let mut bounded = Bounded::default();
        while bounded.items.len() < MAX {
            match list.next_element()? {
                Some(item) => bounded.items.push(item),
                None => return Ok(bounded),
            }
        }
        while list.next_element::<IgnoredAny>()?.is_some() {
            bounded.is_cut = true;
        }
        Ok(bounded)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::value::RawValue;
    use serde_json::{Value, json};

    use crate::model::limits::MAX_BACKENDS;
    use crate::resource::{KINDS, Record};

    fn read(kind: &str, spec: &Value) -> Record {
        let kind = KINDS.iter().find(|it| it.info().kind == kind).unwrap();
        let metadata =
            json!({"name": "web", "namespace": "ns", "uid": "1", "resourceVersion": "1"});
        let object = json!({"metadata": metadata, "spec": spec});
        kind.read(&RawValue::from_string(object.to_string()).unwrap())
            .unwrap()
    }

    fn split(backends: usize) -> Record {
        let backends = (0..backends).map(|i| json!({"service": format!("a{i}"), "weight": 1}));
        let backends: Vec<Value> = backends.collect();
        read(
            "TrafficSplit",
            &json!({"service": "web", "backends": backends}),
        )
    }

    fn route(rules: usize, backends: usize, matches: usize, hostnames: usize) -> Record {
        let refs: Vec<Value> = (0..backends)
            .map(|i| json!({"name": format!("a{i}"), "namespace": "ns", "port": 80}))
            .collect();
        let rule = json!({"backendRefs": refs, "matches": vec![json!({}); matches]});
        let parent = json!({"group": "core", "kind": "Service", "name": "web", "port": 80});
        let hostnames: Vec<String> = (0..hostnames).map(|i| format!("h{i}")).collect();
        let spec =
            json!({"parentRefs": [parent], "rules": vec![rule; rules], "hostnames": hostnames});
        read("HTTPRoute", &spec)
    }

    #[test]
    fn a_group_has_at_most_100_backends() {
        assert_eq!(split(MAX_BACKENDS).group.unwrap().backends.len(), 100);
        for many in [101, 40_000] {
            let record = split(many);
            let invalid = record.group.unwrap_err();
            assert_eq!(invalid.reason, "it has more than 100 backends");
            assert!(record.weight_paths.len() <= MAX_BACKENDS);
        }
    }

    #[test]
    fn the_lists_of_a_route_are_bounded() {
        assert!(route(16, 16, 8, 16).group.is_ok());
        for (route, reason) in [
            (route(101, 2, 1, 1), "more than 100 rules"),
            (route(1, 101, 1, 1), "more than 100 backendRefs in a rule"),
            (route(1, 2, 1, 101), "more than 100 hostnames"),
            (route(1, 2, 101, 1), "more than 100 matches in a rule"),
            (route(100, 2, 100, 100), "more than 10000 combinations"),
        ] {
            let invalid = route.group.unwrap_err();
            assert!(invalid.reason.contains(reason), "{invalid}");
            assert_eq!(route.apex, "web");
        }
    }
}

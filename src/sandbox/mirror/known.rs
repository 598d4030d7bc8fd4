//! The store of one watch: its objects by namespace and name.

use std::collections::BTreeMap;

use kube::ResourceExt;
use kube::runtime::watcher::Event;

/// Namespace (empty for cluster-wide kinds) and name.
pub type Key = (String, String);

/// The objects of one watch. kube's reflector store would share them behind a lock, which one task
/// does not need.
#[derive(Debug)]
pub struct Known<K> {
    objects: BTreeMap<Key, K>,
    listing: BTreeMap<Key, K>,
    /// The first list is complete.
    pub listed: bool,
}

impl<K> Default for Known<K> {
    fn default() -> Self {
        Self {
            objects: BTreeMap::new(),
            listing: BTreeMap::new(),
            listed: false,
        }
    }
}

impl<K: ResourceExt> Known<K> {
    /// Applies an event. A new list replaces all objects once it is complete.
    pub fn observe(&mut self, event: Event<K>) {
        match event {
            Event::Init => self.listing.clear(),
            Event::InitApply(object) => {
                self.listing.insert(key_of(&object), object);
            }
            Event::InitDone => {
                self.objects = std::mem::take(&mut self.listing);
                self.listed = true;
            }
            Event::Apply(object) => {
                self.objects.insert(key_of(&object), object);
            }
            Event::Delete(object) => {
                self.objects.remove(&key_of(&object));
            }
        }
    }

    pub fn get(&self, key: &Key) -> Option<&K> {
        self.objects.get(key)
    }

    pub fn iter(&self) -> impl Iterator<Item = (&Key, &K)> {
        self.objects.iter()
    }
}

pub fn key_of<K: ResourceExt>(object: &K) -> Key {
    (object.namespace().unwrap_or_default(), object.name_any())
}

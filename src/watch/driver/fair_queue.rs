//! A queue that is fair to namespaces: round-robin, with a bound on what one of them has in flight.

use std::collections::{HashMap, VecDeque};

#[derive(Debug)]
pub struct FairQueue<T> {
    max_in_flight: usize,
    queued: HashMap<String, VecDeque<T>>,
    /// The namespaces with queued items. The first one is served next.
    turns: VecDeque<String>,
    /// The number of items in flight, by namespace.
    in_flight: HashMap<String, usize>,
}

impl<T> FairQueue<T> {
    /// Returns an empty queue. A namespace has at most `max_in_flight` items in flight.
    pub fn new(max_in_flight: usize) -> Self {
        Self {
            max_in_flight,
            queued: HashMap::new(),
            turns: VecDeque::new(),
            in_flight: HashMap::new(),
        }
    }

    pub fn push(&mut self, namespace: &str, item: T) {
        let queued = self.queued.entry(namespace.to_owned()).or_default();
        if queued.is_empty() {
            self.turns.push_back(namespace.to_owned());
        }
        queued.push_back(item);
    }

    /// Returns the next item, which is in flight from then on.
    pub fn pop(&mut self) -> Option<T> {
        let is_free = |namespace: &String| {
            self.in_flight.get(namespace).copied().unwrap_or_default() < self.max_in_flight
        };
        let place = self.turns.iter().position(is_free)?;
        let namespace = self.turns.remove(place)?;
        let queued = self.queued.get_mut(&namespace)?;
        let item = queued.pop_front();
        if queued.is_empty() {
            self.queued.remove(&namespace);
        } else {
            self.turns.push_back(namespace.clone());
        }
        *self.in_flight.entry(namespace).or_default() += 1;
        item
    }

    /// Records that an item of a namespace is no longer in flight.
    pub fn ended(&mut self, namespace: &str) {
        if let Some(count) = self.in_flight.get_mut(namespace) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                self.in_flight.remove(namespace);
            }
        }
    }

    /// Returns how many items are in flight.
    pub fn in_flight(&self) -> usize {
        self.in_flight.values().sum()
    }

    /// Drops what is queued.
    pub fn clear(&mut self) {
        self.queued.clear();
        self.turns.clear();
    }

    /// Returns how many items of a namespace are queued.
    pub fn queued_in(&self, namespace: &str) -> usize {
        self.queued.get(namespace).map_or(0, VecDeque::len)
    }

    pub fn len(&self) -> usize {
        self.queued.values().map(VecDeque::len).sum()
    }

    pub fn is_empty(&self) -> bool {
        self.queued.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn namespaces_take_turns() {
        let mut queue = FairQueue::new(100);
        (0..3).for_each(|i| queue.push("a", format!("a{i}")));
        queue.push("b", "b0".to_owned());
        queue.push("c", "c0".to_owned());
        let order: Vec<String> = std::iter::from_fn(|| queue.pop()).collect();
        assert_eq!(order, ["a0", "b0", "c0", "a1", "a2"]);
        assert!(queue.is_empty());
    }

    #[test]
    fn one_namespace_has_a_bounded_number_in_flight() {
        let mut queue = FairQueue::new(2);
        (0..4).for_each(|i| queue.push("a", i));
        assert_eq!(
            (queue.pop(), queue.pop(), queue.pop()),
            (Some(0), Some(1), None)
        );
        queue.push("b", 9);
        assert_eq!((queue.pop(), queue.pop()), (Some(9), None));
        queue.ended("a");
        assert_eq!((queue.pop(), queue.pop()), (Some(2), None));
        queue.clear();
        queue.ended("a");
        assert!(queue.pop().is_none() && queue.is_empty());
    }
}

//! The moves that a watch has reported.

use std::collections::HashMap;

use serde_json::Value;

use crate::support::Rest;

/// The moves of a watch with `-o json`, by group.
pub struct Story(HashMap<String, Vec<(Value, Value)>>);

impl Story {
    pub fn of(rest: &Rest) -> Self {
        Self::from(&rest.stdout)
    }

    pub fn from(lines: &[String]) -> Self {
        let mut moves: HashMap<String, Vec<(Value, Value)>> = HashMap::new();
        for line in lines {
            let told: Value = serde_json::from_str(line).unwrap();
            if told["kind"] != "Transition" {
                continue;
            }
            let name = told["name"].as_str().unwrap().to_owned();
            moves
                .entry(name)
                .or_default()
                .push((told["from"].clone(), told["to"].clone()));
        }
        Self(moves)
    }

    pub fn moves(&self) -> usize {
        self.0.values().map(Vec::len).sum()
    }

    /// Checks that no move is missing or reported twice: each starts where the one before has
    /// ended.
    pub fn is_whole(&self) {
        for (name, moves) in &self.0 {
            for pair in moves.windows(2) {
                assert_eq!(pair[0].1, pair[1].0, "{name}: {moves:#?}");
            }
        }
    }
}

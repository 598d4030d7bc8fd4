//! The settings, and where each value comes from.

use serde::Serialize;

use super::columns::{Cell, Columns};
use super::formats::API_VERSION;
use crate::text::clean;

#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct ConfigDocument {
    api_version: &'static str,
    kind: &'static str,
    /// The path of the file, and whether it exists.
    pub file: Option<String>,
    pub exists: bool,
    pub settings: Vec<ShownSetting>,
}

#[derive(Debug, Serialize)]
pub struct ShownSetting {
    /// Such as `remotes.west.east`.
    pub name: String,
    pub value: String,
    /// `flag --color`, `variable FAILOVER_COLOR`, `file, line 3` or `default`.
    pub from: String,
}

impl ConfigDocument {
    pub fn new(file: Option<String>, exists: bool, settings: Vec<ShownSetting>) -> Self {
        Self {
            api_version: API_VERSION,
            kind: "Config",
            file,
            exists,
            settings,
        }
    }

    pub fn text(&self) -> String {
        let missing = if self.exists { "" } else { " (does not exist)" };
        let file = self.file.as_deref().unwrap_or("none: HOME is not set");
        let row = |it: &ShownSetting| {
            vec![
                Cell::new(&it.name),
                Cell::new(&it.value),
                Cell::new(&it.from),
            ]
        };
        let columns = Columns::new(&["SETTING", "VALUE", "FROM"], self.settings.iter().map(row));
        format!(
            "File: {}{missing}\n\n{}\n",
            clean(file),
            columns.lines().join("\n")
        )
    }
}

//! The results of checks, in the formats of `linkerd check`.

use serde::Serialize;

use crate::model::check::{Category, CheckOutcome, CheckResult, OutageLosses};
use crate::text::clean;

/// The JSON that `linkerd check` reads from its extensions.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CheckReport<'a> {
    success: bool,
    categories: Vec<ReportCategory<'a>>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ReportCategory<'a> {
    category_name: &'a str,
    checks: Vec<ReportCheck>,
}

#[derive(Serialize)]
struct ReportCheck {
    description: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    hint: Option<String>,
    /// `linkerd check` reports a problem only if this is not empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
    result: CheckOutcome,
    #[serde(skip_serializing_if = "Option::is_none")]
    outages: Option<OutageLosses>,
}

/// What was checked in one of several contexts.
#[derive(Debug)]
pub struct CheckedContext {
    pub context: String,
    pub categories: Vec<Category>,
}

impl CheckedContext {
    pub fn has_succeeded(&self) -> bool {
        succeeded(&self.categories)
    }
}

#[derive(Serialize)]
struct ContextsReport<'a> {
    success: bool,
    contexts: Vec<ContextReport<'a>>,
}

/// As for one context, with its name.
#[derive(Serialize)]
struct ContextReport<'a> {
    context: &'a str,
    #[serde(flatten)]
    report: CheckReport<'a>,
}

/// # Errors
/// If the report cannot be serialised.
pub fn json_of_contexts(checked: &[CheckedContext]) -> serde_json::Result<String> {
    let report = ContextsReport {
        success: checked.iter().all(CheckedContext::has_succeeded),
        contexts: checked
            .iter()
            .map(|it| ContextReport {
                context: &it.context,
                report: report(&it.categories),
            })
            .collect(),
    };
    Ok(serde_json::to_string_pretty(&report)? + "\n")
}

/// Returns the text for each context, under its name, and the result for all.
pub fn text_of_contexts(checked: &[CheckedContext], style: CheckStyle) -> String {
    let each = checked.iter().map(|it| {
        let heading = clean(&format!("Context {}", it.context));
        let line = "=".repeat(heading.chars().count());
        format!("{heading}\n{line}\n\n{}\n", text(&it.categories, style))
    });
    let failed = checked.iter().filter(|it| !it.has_succeeded());
    let failed: Vec<String> = failed.map(|it| clean(&it.context)).collect();
    let (end, names) = match failed.as_slice() {
        [] => (CheckOutcome::Success, String::new()),
        failed => (CheckOutcome::Error, format!(" ({})", failed.join(", "))),
    };
    let sign = sign(end, style.colour);
    each.collect::<String>() + &format!("Status check results of all contexts are {sign}{names}\n")
}

/// # Errors
/// If the report cannot be serialised.
pub fn json(categories: &[Category]) -> serde_json::Result<String> {
    Ok(serde_json::to_string_pretty(&report(categories))? + "\n")
}

fn report(categories: &[Category]) -> CheckReport<'_> {
    CheckReport {
        success: succeeded(categories),
        categories: categories.iter().map(report_category).collect(),
    }
}

fn report_category(category: &Category) -> ReportCategory<'_> {
    // Cleaned, since linkerd prints the text unchanged.
    let check = |check: &CheckResult| ReportCheck {
        description: clean(&check.description),
        hint: check.hint.as_deref().map(clean),
        error: clean(&check.lines.join("; ")),
        result: check.outcome,
        outages: check.outages.clone(),
    };
    ReportCategory {
        category_name: category.name,
        checks: category.checks.iter().map(check).collect(),
    }
}

/// Whether no check ended with an error.
pub fn succeeded(categories: &[Category]) -> bool {
    !categories.iter().any(Category::has_error)
}

/// How to draw text.
#[derive(Debug, Clone, Copy, Default)]
pub struct CheckStyle {
    /// Show only warnings and errors.
    pub short: bool,
    pub colour: bool,
}

/// Returns the text that `linkerd check` would print.
pub fn text(categories: &[Category], style: CheckStyle) -> String {
    let mut out = String::new();
    for category in categories {
        let shown = |check: &&CheckResult| !style.short || check.outcome != CheckOutcome::Success;
        let lines: String = category
            .checks
            .iter()
            .filter(shown)
            .map(|check| check_lines(check, style.colour))
            .collect();
        if !lines.is_empty() {
            let name = category.name;
            out.push_str(&format!(
                "{name}\n{}\n{lines}\n",
                "-".repeat(name.chars().count())
            ));
        }
    }
    let end = if succeeded(categories) {
        CheckOutcome::Success
    } else {
        CheckOutcome::Error
    };
    out + &format!("Status check results are {}\n", sign(end, style.colour))
}

fn check_lines(check: &CheckResult, colour: bool) -> String {
    // What would be lost is neither well nor wrong.
    let sign = match check.outages {
        Some(_) => "-".to_owned(),
        None => sign(check.outcome, colour),
    };
    let mut out = format!("{sign} {}\n", clean(&check.description));
    for line in &check.lines {
        out.push_str(&format!("    {}\n", clean(line)));
    }
    match check.hint.as_deref() {
        Some(hint) if hint.starts_with("https://") => {
            out.push_str(&format!("    see {hint} for hints\n"))
        }
        Some(hint) => out.push_str(&format!("    hint: {}\n", clean(hint))),
        None => {}
    }
    out
}

fn sign(outcome: CheckOutcome, colour: bool) -> String {
    let (sign, code) = match outcome {
        CheckOutcome::Success => ("√", 32),
        CheckOutcome::Warning => ("‼", 33),
        CheckOutcome::Error => ("×", 31),
    };
    if colour {
        format!("\u{1b}[{code}m{sign}\u{1b}[0m")
    } else {
        sign.to_owned()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn categories() -> Vec<Category> {
        let well = Category {
            name: "well",
            checks: vec![CheckResult::success("it is there")],
        };
        let ill = Category {
            name: "ill",
            checks: vec![
                CheckResult::success("it answers"),
                CheckResult::warning("it is new", vec!["it is old\u{1b}[2J".to_owned()])
                    .hint("kubectl version"),
                CheckResult::error(
                    "it is whole",
                    vec!["no foot".to_owned(), "no arm".to_owned()],
                )
                .hint("https://example.com/whole"),
            ],
        };
        vec![well, ill]
    }

    #[test]
    fn the_text_has_linkerds_format() {
        let expected = "\
well
----
√ it is there

ill
---
√ it answers
‼ it is new
    it is old [2J
    hint: kubectl version
× it is whole
    no foot
    no arm
    see https://example.com/whole for hints

Status check results are ×
";
        assert_eq!(text(&categories(), CheckStyle::default()), expected);
    }

    #[test]
    fn requests_that_would_be_lost_are_no_success() {
        let mut categories = categories();
        categories[0].checks[0].outages = Some(OutageLosses {
            groups: Vec::new(),
            without_loop: Default::default(),
            with_loop: Default::default(),
        });
        let text = text(&categories, CheckStyle::default());
        assert!(text.starts_with("well\n----\n- it is there\n"), "{text}");
    }

    #[test]
    fn short_output_shows_only_problems() {
        let style = CheckStyle {
            short: true,
            colour: false,
        };
        let short = text(&categories(), style);
        assert!(
            !short.contains('√') && short.starts_with("ill\n---\n‼ it is new\n"),
            "{short}"
        );
        assert_eq!(
            text(&categories()[..1], style),
            "Status check results are √\n"
        );
    }

    #[test]
    fn each_context_has_its_results_and_one_error_is_enough() {
        let checked = |contexts: &[(&str, usize)]| {
            let contexts = contexts.iter().map(|(context, count)| CheckedContext {
                context: (*context).to_owned(),
                categories: categories().into_iter().take(*count).collect(),
            });
            contexts.collect::<Vec<CheckedContext>>()
        };
        let well = "Context west\n============\n\nwell\n----\n√ it is there\n\n\
                    Status check results are √\n\n";
        let style = CheckStyle::default();
        assert_eq!(
            text_of_contexts(&checked(&[("west", 1)]), style),
            format!("{well}Status check results of all contexts are √\n")
        );
        let both = checked(&[("west", 1), ("east", 2)]);
        let text = text_of_contexts(&both, style);
        assert!(text.starts_with(well), "{text}");
        assert!(
            text.ends_with("\n\nStatus check results of all contexts are × (east)\n"),
            "{text}"
        );
        let report: Value = serde_json::from_str(&json_of_contexts(&both).unwrap()).unwrap();
        assert_eq!(report["success"], false);
        let east = &report["contexts"][1];
        assert_eq!(east["context"], "east");
        assert_eq!(east["success"], false);
        let alone: Value = serde_json::from_str(&json(&categories()).unwrap()).unwrap();
        assert_eq!(east["categories"], alone["categories"]);
    }

    #[test]
    fn the_json_has_linkerds_format() {
        let report: Value = serde_json::from_str(&json(&categories()).unwrap()).unwrap();
        let ill = json!([
            { "description": "it answers", "result": "success" },
            {
                "description": "it is new",
                "hint": "kubectl version",
                "error": "it is old [2J",
                "result": "warning",
            },
            {
                "description": "it is whole",
                "hint": "https://example.com/whole",
                "error": "no foot; no arm",
                "result": "error",
            },
        ]);
        let well = json!([{ "description": "it is there", "result": "success" }]);
        let expected = json!({
            "success": false,
            "categories": [
                { "categoryName": "well", "checks": well },
                { "categoryName": "ill", "checks": ill },
            ],
        });
        assert_eq!(report, expected);
        assert!(
            json(&categories()[..1])
                .unwrap()
                .contains("\"success\": true")
        );
    }
}

//! The chart's files, and the objects that they render to.

use serde_json::{Value, json};

use super::template::Templates;
use super::values::check_namespace;
use crate::problem::Problem;

macro_rules! chart_file {
    ($name:literal) => {
        (
            $name,
            include_str!(concat!("../../deploy/helm/linkerd-failover/", $name)),
        )
    };
}

/// The names and contents of the files with definitions, then of those with objects, in the order in
/// which the objects can be created.
pub const CHART_FILES: [(&str, &str); 13] = [
    chart_file!("templates/_helpers.tpl"),
    chart_file!("templates/rights/_rights.tpl"),
    chart_file!("templates/namespace.yaml"),
    chart_file!("templates/rbac.yaml"),
    chart_file!("templates/roles.yaml"),
    chart_file!("templates/networkpolicy.yaml"),
    chart_file!("templates/flowschema.yaml"),
    chart_file!("templates/deployment.yaml"),
    chart_file!("templates/poddisruptionbudget.yaml"),
    chart_file!("templates/podmonitor.yaml"),
    chart_file!("templates/prometheusrule.yaml"),
    chart_file!("templates/dashboard.yaml"),
    chart_file!("templates/admissionpolicy.yaml"),
];

/// The files that templates read with `.Files.Get`.
const OTHER_FILES: [(&str, &str); 1] = [chart_file!("dashboards/kubectl-failover.json")];

/// What Helm calls a release.
#[derive(Debug, Clone, Copy)]
pub struct Release<'a> {
    pub name: &'a str,
    pub namespace: &'a str,
}

/// Returns the chart's objects.
///
/// # Errors
/// If the values do not fit together, or no namespace can be called so.
pub fn render(release: Release<'_>, values: &Value) -> Result<Vec<Value>, Problem> {
    check_namespace(release.namespace, "of -n")?;
    let data = json!({
        "Values": values,
        "Release": { "Name": release.name, "Namespace": release.namespace },
        "Chart": { "AppVersion": env!("CARGO_PKG_VERSION") },
    });
    let mut templates = Templates::with_files(&OTHER_FILES);
    let failed = |file: &str, why: String| Problem::new(format!("{file} of the chart: {why}"));
    let mut objects = Vec::new();
    for (file, content) in CHART_FILES {
        if file.ends_with(".tpl") {
            templates.define(content).map_err(|why| failed(file, why))?;
            continue;
        }
        let text = templates.render(content, &data);
        let text = text.map_err(|why| failed(file, why))?;
        let found: Vec<Value> = serde_yaml::from_multiple(&text)
            .map_err(|cause| failed(file, format!("the values do not fit: {cause}")))?;
        objects.extend(found.into_iter().filter(|object| !object.is_null()));
    }
    Ok(objects)
}

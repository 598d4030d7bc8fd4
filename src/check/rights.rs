//! What the user may do, told apart by command.

use std::collections::{HashMap, HashSet};

use clap::ValueEnum as _;
use futures::{StreamExt as _, stream};

use super::complaints;
use crate::cli::GlobalArgs;
use crate::cluster::access::{self, Deed};
use crate::cluster::{Cluster, RequestResult};
use crate::model::check::{Category, CheckResult};
use crate::rights::{Reach, Right, Task};

/// How many questions are under way at once.
const AT_ONCE: usize = 8;

type Answers = HashMap<Deed, RequestResult<bool>>;

/// In the namespace that is worked in, or in all.
pub async fn check(cluster: &Cluster, flags: &GlobalArgs) -> Category {
    let namespace = (!flags.all_namespaces).then_some(cluster.namespace.as_str());
    let rights = Task::value_variants().iter().flat_map(|task| task.rights());
    let deeds: HashSet<Deed> = rights.flat_map(|right| deeds(right, namespace)).collect();
    let questions = deeds.into_iter().map(|deed| async move {
        let answer = access::allows(cluster, &deed).await;
        (deed, answer)
    });
    let answers: Answers = stream::iter(questions).buffer_unordered(AT_ONCE).collect().await;
    let checks = Task::value_variants().iter().map(|task| command(cluster, *task, namespace, &answers));
    Category { checks: checks.collect(), ..Category::new("failover-rights") }
}

fn deeds(right: &Right, namespace: Option<&str>) -> impl Iterator<Item = Deed> {
    let Right { group, resource, verbs, reach, .. } = *right;
    let namespace = namespace.filter(|_| reach == Reach::Namespace).map(str::to_owned);
    verbs.iter().map(move |verb| Deed { verb, group, resource, namespace: namespace.clone() })
}

fn place(namespace: Option<&str>) -> String {
    namespace.map_or("all namespaces".to_owned(), |namespace| format!("namespace {namespace}"))
}

/// What it needs is an error where it is missing; what it can do without, a warning.
fn command(cluster: &Cluster, task: Task, namespace: Option<&str>, answers: &Answers) -> CheckResult {
    let description = format!("{} is allowed in {}", task.name(), place(namespace));
    let (mut missing, mut lost) = (Vec::new(), Vec::new());
    for right in task.rights() {
        let deeds: Vec<Deed> = deeds(right, namespace).collect();
        if let Some(error) = deeds.iter().find_map(|deed| answers.get(deed)?.as_ref().err()) {
            return CheckResult::error(description, complaints(cluster, error));
        }
        let denied = deeds.iter().filter(|deed| !matches!(answers.get(*deed), Some(Ok(true))));
        let verbs: Vec<&str> = denied.map(|deed| deed.verb).collect();
        if !verbs.is_empty() {
            let place = place(namespace.filter(|_| right.reach == Reach::Namespace));
            let line = format!("you may not {} {} in {place}", verbs.join(", "), right.full_resource());
            match right.lost {
                None => missing.push(line),
                Some(loss) => lost.push(format!("{line}: {loss}")),
            }
        }
    }
    let scope = namespace.map_or("-A".to_owned(), |namespace| format!("-n {namespace}"));
    let hint = format!("kubectl failover check --rbac {} --context {} {scope}", task.name(), cluster.context);
    if missing.is_empty() {
        CheckResult::warning(description, lost).hint(hint)
    } else {
        missing.append(&mut lost);
        CheckResult::error(description, missing).hint(hint)
    }
}

//! `delete`: deletes the objects of groups. Their traffic then goes to the Service that clients call,
//! without failover.

use serde_json::{Value, json};

use super::args::targets::change_targets;
use super::env::CommandEnv;
use crate::changes::confirm::carriers;
use crate::changes::order::{ChangePlan, Order, OrderSpec};
use crate::changes::precondition::end_first;
use crate::changes::preflight::{Preflight, PreflightReads};
use crate::changes::refusal::Refusal;
use crate::cli::{DeleteArgs, DeleteDanger};
use crate::model::{Group, Readiness};
use crate::problem::Exit;
use crate::resource::Record;
use crate::view::command_line::command_on;

pub async fn run(env: &CommandEnv, args: &DeleteArgs) -> anyhow::Result<Exit> {
    change_targets(env, args, &args.groups, &args.change, None).await
}

impl Order for DeleteArgs {
    fn spec(&self) -> OrderSpec {
        OrderSpec {
            asks: true,
            deletes: true,
            reads: PreflightReads {
                objects: true,
                ..PreflightReads::default()
            },
            ..OrderSpec::new("delete")
        }
    }

    fn plan(&self, seen: &Preflight) -> Result<ChangePlan, Refusal> {
        let object = seen.object.as_ref();
        let unreadable = |cause: &str| {
            let reason = format!("the object cannot be read: {cause}");
            Refusal::new(reason, "try again: it may have been deleted")
        };
        let object = object.ok_or_else(|| unreadable("it does not exist"))?;
        let (record, object) = object.as_ref().map_err(|cause| unreadable(cause))?;
        if record.meta.deletion_timestamp.is_some() {
            let words = "deleted already; a finalizer keeps the object for now".to_owned();
            return Ok(ChangePlan::Unchanged(words));
        }
        if let Ok(group) = &record.group {
            refuse_to_move(group, seen)?.map_or(Ok(()), |it| {
                it.unless_allowed(DeleteDanger::Move, &self.allow)
            })?;
        }
        if has_own_rules(object) {
            own_rules(record, seen).unless_allowed(DeleteDanger::Rules, &self.allow)?;
        }
        if let Some(owner) = &seen.owner {
            Refusal::new(
                format!("{owner} owns the object and may create it again"),
                format!("delete it there: remove its manifest from what {owner} applies"),
            )
            .unless_allowed(DeleteDanger::Gitops, &self.allow)?;
        }
        Ok(ChangePlan::delete(format!(
            "deleted; all traffic goes to {}, without failover",
            record.apex
        )))
    }
}

/// Refuses to delete a group whose traffic would move. Without the object, clients' requests go to
/// the Service that they call.
fn refuse_to_move(group: &Group, seen: &Preflight) -> Result<Option<Refusal>, Refusal> {
    let (active, apex) = (active(group, &seen.readiness), &group.apex);
    let is_served = active.contains(&apex.as_str());
    if is_served || active.is_empty() {
        return Ok(None);
    }
    let reason = format!(
        "its traffic is on {}, and would move to {apex} at once",
        carriers(&active)
    );
    let home = group.backend_name(group.home_index());
    let next = if let Some(entry) = seen.evacuation(group, group.home_index()) {
        end_first(&entry, home, &seen.reach)
    } else if home == apex {
        format!(
            "fail back first: {}",
            command_on("failback", &group.id, &seen.place)
        )
    } else {
        format!("check that {apex} can take the traffic")
    };
    Ok(Some(Refusal::new(reason, next)))
}

/// The backends that the requests reach: those that carry traffic or, if all of them are dead, the
/// standbys that are ready.
fn active<'a>(group: &'a Group, readiness: &[Readiness]) -> Vec<&'a str> {
    let names = |indexes: Vec<usize>| {
        let indexes = indexes.into_iter();
        indexes.map(|it| group.backend_name(it)).collect()
    };
    let all = || 0..group.backends.len();
    let is = |index: &usize, test: fn(&Readiness) -> bool| readiness.get(*index).is_some_and(test);
    let carrying: Vec<usize> = all().filter(|index| group.carries(*index)).collect();
    let has_weight = |index: &usize| group.backends.get(*index).is_some_and(|it| it.is_standby());
    let standing_by = all().filter(|index| has_weight(index) && is(index, Readiness::is_ready));
    let standing_by: Vec<usize> = standing_by.collect();
    if !standing_by.is_empty() && carrying.iter().all(|index| is(index, Readiness::is_dead)) {
        return names(standing_by);
    }
    // A dead backend carries nothing that could move.
    let alive = carrying
        .iter()
        .filter(|index| !is(index, Readiness::is_dead));
    names(alive.copied().collect())
}

/// Whether a route does more than `create` makes it do.
fn has_own_rules(object: &Value) -> bool {
    let spec = &object["spec"];
    let list = |value: &Value| value.as_array().map_or(0, Vec::len);
    let every_path = json!({ "path": { "type": "PathPrefix", "value": "/" } });
    let is_plain = |rule: &Value| {
        let matches = rule["matches"].as_array();
        let mut matches = matches.into_iter().flatten();
        list(&rule["filters"]) == 0 && matches.all(|it| *it == every_path || *it == json!({}))
    };
    let rules = spec["rules"].as_array();
    list(&spec["hostnames"]) > 0
        || rules.is_some_and(|rules| rules.len() > 1 || !rules.iter().all(is_plain))
}

fn own_rules(record: &Record, seen: &Preflight) -> Refusal {
    let info = record.kind.info();
    let label = crate::resource::annotations::CONTROLLED_BY;
    Refusal::new(
        format!(
            "the {} also has rules, matches or filters of its own, which would be lost",
            info.kind
        ),
        format!(
            "to keep the route without failover, take its label away: {} label {}/{} {label}-",
            seen.kubectl,
            info.full_name(),
            record.meta.name
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{Backend, Carrier, GroupId, ServiceRef};

    fn group(weights: [(u64, u64); 2]) -> Group {
        let backend = |name: &str, (weight, on_object)| Backend {
            weight_on_object: on_object,
            ..Backend::new("ns", ServiceRef::new("ns", name), weight)
        };
        let id = GroupId {
            namespace: "ns".into(),
            kind: "trafficsplit",
            name: "web".into(),
        };
        let backends = vec![backend("web", weights[0]), backend("web-east", weights[1])];
        Group::ordinary(id, Carrier::Split, "web".into(), backends, 0)
    }

    fn known(ready: u32) -> Readiness {
        Readiness::Known { ready, total: 1 }
    }

    #[test]
    fn requests_reach_what_carries_or_what_stands_by_for_it() {
        let home = group([(1, 1), (0, 0)]);
        assert_eq!(active(&home, &[known(1), known(1)]), ["web"]);
        assert!(active(&home, &[known(0), known(1)]).is_empty());
        let standby = group([(400_000, 400_000), (0, 1)]);
        assert_eq!(active(&standby, &[known(1), known(1)]), ["web"]);
        assert_eq!(active(&standby, &[known(0), known(1)]), ["web-east"]);
        let away = group([(0, 0), (1, 1)]);
        assert_eq!(active(&away, &[known(1), known(1)]), ["web-east"]);
    }

    #[test]
    fn a_route_that_create_makes_has_no_rules_of_its_own() {
        let made = json!({"spec": {"rules": [{"backendRefs": []}]}});
        assert!(!has_own_rules(&made));
        let defaulted = json!({"spec": {"rules": [{
            "matches": [{"path": {"type": "PathPrefix", "value": "/"}}], "backendRefs": [],
        }]}});
        assert!(!has_own_rules(&defaulted));
        for rules in [
            json!([{}, {}]),
            json!([{"matches": [{"path": {"type": "Exact", "value": "/pay"}}]}]),
            json!([{"filters": [{"type": "RequestHeaderModifier"}]}]),
        ] {
            assert!(has_own_rules(&json!({"spec": {"rules": rules}})));
        }
        assert!(!has_own_rules(
            &json!({"spec": {"service": "web", "backends": []}})
        ));
    }
}

//! Turns the flags for retries and circuit breakers into annotations of Linkerd's.

use crate::changes::apex_service::{BreakerChange, BreakerOrder, left_alone, lines};
use crate::changes::preflight::Preflight;
use crate::changes::refusal::Refusal;
use crate::cli::{Danger, ResilienceArgs};
use crate::model::ServiceRef;
use crate::problem::Problem;
use crate::resource::annotations::LinkerdAnnotations;
use crate::resource::breaker::BreakerPlan;
use crate::resource::retries::RETRY_LIMIT;
use crate::resource::{KindInfo, Record};
use crate::view::command_line::command_on;

/// Returns the annotations that the flags ask for on an object of this kind.
///
/// # Errors
/// If Linkerd has no such retries, or no breakers, for this kind.
pub fn retries(args: &ResilienceArgs, kind: &KindInfo) -> Result<LinkerdAnnotations, String> {
    if kind.retry_key.is_none() && args.only_turns_off() {
        return Ok(LinkerdAnnotations::new());
    }
    if let (None, Some(flag)) = (kind.retry_key, args.flag_for_routes()) {
        return Err(format!(
            "{flag} is for routes: Linkerd has no retries and no circuit breakers for a {}",
            kind.kind
        ));
    }
    let retries = args.retries_for(kind);
    retries.map_or_else(
        || Ok(LinkerdAnnotations::new()),
        |retries| retries.annotations(kind, args.retry_limit()),
    )
}

pub fn breaker(args: &ResilienceArgs, kind: &KindInfo) -> Option<BreakerOrder> {
    Some(BreakerOrder {
        breaker: args.breaker_for(kind)?,
        overwrite: args.overwrite,
    })
}

/// Returns the annotations that differ from those of the object, and a note if other ones stay
/// there.
///
/// # Errors
/// As [`retries`].
pub fn differing_retries(
    args: &ResilienceArgs,
    record: &Record,
) -> Result<(LinkerdAnnotations, Option<String>), String> {
    let kind = record.kind.info();
    let annotations = &record.meta.annotations;
    let mut retries = retries(args, kind)?;
    let keys = kind.retry_key.into_iter().chain([RETRY_LIMIT]);
    let present = keys.filter_map(|key| Some(format!("{key}: {}", annotations.linkerds(key)?)));
    let present: Vec<String> = present.collect();
    retries.retain(|key, value| annotations.linkerds(key) != value.as_deref());
    let is_others = args.retries.is_none() && !present.is_empty() && !retries.is_empty();
    if !is_others {
        return Ok((retries, None));
    }
    let present = present.join(", ");
    let note = format!("it has {present} already; left alone (--retries replaces it)");
    Ok((LinkerdAnnotations::new(), Some(note)))
}

/// # Errors
/// If the flags both turn standby on and off.
pub fn check_standby(args: &ResilienceArgs) -> Result<(), Problem> {
    if args.resilient && args.standby.as_deref() == Some("off") {
        return Err(Problem::usage(
            "--resilient and --standby=off contradict each other: --resilient includes --standby",
        )
        .next("without standby: --retries --breaker instead of --resilient"));
    }
    Ok(())
}

/// Says why --resilient is only a part of itself for an object of this kind.
pub fn only_standby(args: &ResilienceArgs, kind: &KindInfo) -> Option<String> {
    let is_partial = args.resilient && kind.retry_key.is_none();
    is_partial.then(|| {
        format!(
            "a {} gets only the standby: Linkerd has no retries and no circuit breakers for it",
            kind.kind
        )
    })
}

/// The part of a change of a group that concerns retries and breakers.
#[derive(Debug, Default)]
pub struct ResiliencePlan {
    /// The annotations of the group's object that differ.
    pub retries: LinkerdAnnotations,
    pub breaker: Option<BreakerChange>,
    /// What changes.
    pub lines: Vec<String>,
    /// What stays although it was asked for, and what may keep it from having an effect.
    pub notes: Vec<String>,
}

/// Plans the part of a change that concerns retries and breakers.
///
/// # Errors
/// If it is refused.
pub fn plan(
    args: &ResilienceArgs,
    record: &Record,
    seen: &Preflight,
    allowed: &[Danger],
) -> Result<ResiliencePlan, Refusal> {
    let kind = record.kind.info();
    let (retries, note) = differing_retries(args, record).map_err(|reason| {
        let next = if kind.retry_key.is_some() {
            "use 5xx, gateway-error or unsent, which every kind of route has".to_owned()
        } else {
            let migrate = command_on("migrate", &record.id(), &seen.place);
            format!("make a route of it first: {migrate}")
        };
        Refusal::new(reason, next)
    })?;
    let repeats = args.retries_for(kind).filter(|_| !retries.is_empty());
    let repeats = repeats.map(|retries| retries.in_words(kind, args.retry_limit()));
    let mut plan = ResiliencePlan {
        lines: lines(&record.meta.annotations, &retries),
        retries,
        notes: only_standby(args, kind)
            .into_iter()
            .chain(note)
            .chain(repeats)
            .collect(),
        ..ResiliencePlan::default()
    };
    if let Some(order) = breaker(args, kind) {
        plan.add_breaker(order, record, seen, allowed)?;
    }
    if kind.retry_key.is_some() && args.may_change_anything() {
        plan.notes.extend(seen.obstacles.iter().cloned());
    }
    Ok(plan)
}

impl ResiliencePlan {
    fn add_breaker(
        &mut self,
        order: BreakerOrder,
        record: &Record,
        seen: &Preflight,
        allowed: &[Danger],
    ) -> Result<(), Refusal> {
        let at = ServiceRef::new(&record.meta.namespace, &record.apex);
        let name = &at.name;
        let service = match &seen.service {
            Some(Ok(Some(service))) => service,
            Some(Err(cause)) => {
                let reason = format!("service {name} cannot be read: {cause}");
                return Err(Refusal::new(reason, "try again later"));
            }
            _ => {
                let reason = format!("service {name} does not exist");
                return Err(Refusal::new(reason, "create it, or leave out --breaker"));
            }
        };
        match order.plan(service) {
            BreakerPlan::Unchanged => {}
            BreakerPlan::LeftAlone(values) => self.notes.push(left_alone(service, &values)),
            BreakerPlan::Change(annotations) => {
                if let Some(owner) = service.meta.gitops_owner() {
                    Refusal::new(
                        format!("{owner} owns service {name} and may undo the change"),
                        format!(
                            "set the annotations there: {}",
                            lines(&service.meta.annotations, &annotations).join(", ")
                        ),
                    )
                    .unless_allowed(Danger::Gitops, allowed)?;
                }
                let changes = lines(&service.meta.annotations, &annotations).into_iter();
                let changes = changes.map(|line| format!("service {name}: {line}"));
                self.lines.extend(changes);
                self.breaker = Some(BreakerChange {
                    order,
                    service: service.clone(),
                });
            }
        }
        Ok(())
    }
}

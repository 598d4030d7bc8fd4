//! Checks the objects that the demo's commands make.

use std::time::Duration;

use k8s_openapi::api::core::v1::Service;
use k8s_openapi::api::discovery::v1::EndpointSlice;
use kube::api::ListParams;
use kube::{Api, Client};

use super::objects::{APEX, NAMESPACE, has_ready_endpoint, objects};
use crate::problem::Problem;
use crate::process::polling::poll;
use crate::resource::annotations::CONTROLLED_BY;
use crate::resource::{Kind, Record};
use crate::sandbox::control_plane::access::limited;
use crate::sandbox::control_plane::group_kinds::read;

const MIRROR_POLL: Duration = Duration::from_millis(50);
const MIRROR_TIMEOUT: Duration = Duration::from_secs(15);

/// Waits until the mirror Service exists and, except on a flat network, has a ready endpoint.
pub async fn mirror_appears(client: &Client, mirror: &str, flat: bool) -> anyhow::Result<()> {
    let services: Api<Service> = Api::namespaced(client.clone(), NAMESPACE);
    let slices: Api<EndpointSlice> = Api::namespaced(client.clone(), NAMESPACE);
    let of_mirror = ListParams::default().labels(&format!("kubernetes.io/service-name={mirror}"));
    let has_appeared = async || {
        anyhow::Ok(if flat {
            limited(services.get_opt(mirror)).await?.is_some()
        } else {
            limited(slices.list(&of_mirror))
                .await?
                .items
                .iter()
                .any(has_ready_endpoint)
        })
    };
    let appears = poll(MIRROR_POLL, async || {
        let appeared = has_appeared().await;
        appeared.map(|yes| yes.then_some(())).transpose()
    });
    tokio::time::timeout(MIRROR_TIMEOUT, appears)
        .await
        .map_err(|_| {
            Problem::new(format!(
                "{mirror} was not ready after {} s",
                MIRROR_TIMEOUT.as_secs()
            ))
        })?
}

/// Checks that the object that `create` makes is the only one of its kind.
pub async fn only_this_group(
    client: &Client,
    kind: &'static dyn Kind,
    fallback: &str,
) -> anyhow::Result<()> {
    let found = limited(objects(client, kind).list(&ListParams::default()))
        .await?
        .items;
    let found: Vec<String> = found
        .iter()
        .map(|object| anyhow::Ok(describe(&read(kind, object)?)))
        .collect::<Result<_, _>>()?;
    let expected = format!(
        "{NAMESPACE}/{APEX}-failover, run by linkerd-failover, apex {APEX}, primary {APEX}, \
         {APEX}=1, {fallback}=0"
    );
    if found == [expected.clone()] {
        return Ok(());
    }
    Err(
        Problem::new(format!("the {}s are not as expected", kind.info().kind))
            .next(format!("expected: {expected}"))
            .next(format!("found:    {}", found.join("; ")))
            .into(),
    )
}

fn describe(record: &Record) -> String {
    let meta = &record.meta;
    let by = meta.labels.get(CONTROLLED_BY).unwrap_or("nobody");
    let group = match &record.group {
        Ok(group) => {
            let backends = group
                .backends
                .iter()
                .map(|backend| format!("{}={}", backend.name, backend.weight));
            format!(
                "primary {}, {}",
                group.primary_name(),
                backends.collect::<Vec<_>>().join(", ")
            )
        }
        Err(invalid) => invalid.reason.clone(),
    };
    format!(
        "{}/{}, run by {by}, apex {}, {group}",
        meta.namespace, meta.name, record.apex
    )
}

//! Waits until the sandbox has accepted a route.

use std::time::Duration;

use kube::api::DynamicObject;
use kube::{Api, Client};
use tokio::time::{Instant, sleep};

use super::objects::{APEX, NAMESPACE};
use crate::resource::Kind;
use crate::sandbox::control_plane::access::limited;
use crate::sandbox::control_plane::group_kinds::{read, resource};

const ACCEPTANCE_TIMEOUT: Duration = Duration::from_secs(10);
const ACCEPTANCE_POLL: Duration = Duration::from_millis(50);

/// Returns once the group's route is accepted.
pub async fn until_accepted(client: &Client, kind: &'static dyn Kind) -> anyhow::Result<()> {
    let routes: Api<DynamicObject> =
        Api::namespaced_with(client.clone(), NAMESPACE, &resource(kind));
    let name = format!("{APEX}-failover");
    let end = Instant::now() + ACCEPTANCE_TIMEOUT;
    loop {
        let route = limited(routes.get(&name)).await?;
        let Some(why) = read(kind, &route)?.unaccepted else {
            return Ok(());
        };
        if Instant::now() > end {
            anyhow::bail!("{why}");
        }
        sleep(ACCEPTANCE_POLL).await;
    }
}

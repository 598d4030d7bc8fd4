//! The client of a cluster, made anew when its credentials are refused: tokens expire, and the program or the file
//! that they come from may have newer ones.

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kube::Client;

use super::connector;
use super::kubeconfig;
use crate::cli::GlobalArgs;

/// New credentials are asked for no more often than this: it may take a program, and a person.
const PAUSE: Duration = Duration::from_secs(5);

pub struct Renewal {
    /// By what new credentials are found; they name the context, so that it stays the same. None: elsewhere.
    flags: Option<GlobalArgs>,
    server: http::Uri,
    current: Mutex<Current>,
}

struct Current {
    client: Client,
    /// Counts the clients.
    number: u64,
    refused: bool,
    tried: Instant,
}

impl Renewal {
    /// The client stays as it is: whoever made it finds new credentials.
    pub fn never(client: Client, server: http::Uri) -> Self {
        let current = Current { client, number: 0, refused: false, tried: Instant::now() };
        Self { flags: None, server, current: Mutex::new(current) }
    }

    pub fn by(flags: &GlobalArgs, client: Client, context: &str, server: http::Uri) -> Self {
        let flags = GlobalArgs { context: Some(context.to_owned()), ..flags.clone() };
        Self { flags: Some(flags), ..Self::never(client, server) }
    }

    /// The client with its number: a new one where the last was refused and another can be had.
    pub async fn client(&self) -> (Client, u64) {
        if self.is_due()
            && let Some(client) = self.make().await
        {
            let mut current = self.current();
            current.client = client;
            current.number += 1;
            current.refused = false;
        }
        let current = self.current();
        (current.client.clone(), current.number)
    }

    /// Takes in that the credentials of the client of this number were refused.
    pub fn refused(&self, number: u64) {
        let mut current = self.current();
        current.refused |= current.number == number;
    }

    fn is_due(&self) -> bool {
        let mut current = self.current();
        let due = current.refused && current.tried.elapsed() >= PAUSE;
        if due {
            current.tried = Instant::now();
        }
        due
    }

    /// Another client for the same server; a kubeconfig that now names another one is no help.
    async fn make(&self) -> Option<Client> {
        let config = kubeconfig::resolve(self.flags.as_ref()?).await.ok()?.config;
        if config.cluster_url != self.server {
            return None;
        }
        // Programs that give credentials block the thread that they are called on.
        let made = tokio::task::spawn_blocking(move || connector::client(config)).await.ok()?;
        made.inspect_err(|_| tracing::debug!("no new credentials can be had")).ok()
    }

    fn current(&self) -> MutexGuard<'_, Current> {
        self.current.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

//! What the flags come to, once all are read.

use super::{GlobalArgs, values};

/// Where linkerd puts its control plane unless told otherwise.
const LINKERD_NAMESPACE: &str = "linkerd";

impl GlobalArgs {
    /// Takes a flag with an empty value for one that is not given, and linkerd's flags for kubectl's.
    pub fn settle(&mut self) {
        let texts = [
            &mut self.context,
            &mut self.namespace,
            &mut self.cluster,
            &mut self.user,
            &mut self.server,
            &mut self.api_addr,
            &mut self.token,
            &mut self.impersonate_user,
            &mut self.impersonate_uid,
            &mut self.tls_server_name,
            &mut self.linkerd_namespace,
        ];
        for text in texts {
            text.take_if(|text| text.is_empty());
        }
        let files = [
            &mut self.kubeconfig,
            &mut self.certificate_authority,
            &mut self.client_certificate,
            &mut self.client_key,
        ];
        for file in files {
            file.take_if(|file| file.as_os_str().is_empty());
        }
        let address = self.api_addr.take();
        self.server = self.server.take().or(address);
        self.impersonate_groups = values::members(&self.impersonate_groups);
    }

    /// How much to say: 0 for no more than what is asked for.
    pub fn verbosity(&self) -> u8 {
        match self.verbose.last() {
            None | Some(0) => 0,
            Some(_) => self.verbose.iter().fold(0, |sum, level| sum.saturating_add(*level)),
        }
    }

    /// The namespace of Linkerd's control plane.
    pub fn linkerd_namespace(&self) -> String {
        let given = self.linkerd_namespace.clone();
        let given = given.or_else(|| std::env::var("LINKERD_NAMESPACE").ok().filter(|name| !name.is_empty()));
        given.unwrap_or_else(|| LINKERD_NAMESPACE.to_owned())
    }
}

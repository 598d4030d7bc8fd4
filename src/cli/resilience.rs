//! The arguments that have Linkerd's proxies retry requests and break circuits.

use clap::builder::PossibleValuesParser;
use clap::{ArgGroup, Args, ValueEnum};

use crate::resource::KindInfo;
use crate::resource::breaker::Breaker;
use crate::resource::policy::STANDBYS;
use crate::resource::retries::{DEFAULT_RETRY_LIMIT, RetryConditions};

/// What Linkerd's proxies do about failing requests by themselves.
#[derive(Debug, Clone, Default, Args)]
#[command(group = ArgGroup::new("retrying").args(["retries", "resilient"]).multiple(true))]
#[command(group = ArgGroup::new("breaking").args(["breaker", "resilient"]).multiple(true))]
pub struct ResilienceArgs {
    /// Let Linkerd's proxies fail over by themselves within seconds, even if no watch runs: backends
    /// without traffic get a tiny weight
    #[arg(
        long,
        value_name = "MODE",
        num_args = 0..=1,
        default_missing_value = "on",
        value_parser = PossibleValuesParser::new(STANDBYS.map(|(name, _)| name))
    )]
    pub standby: Option<String>,
    /// In one word: --standby, --retries and --breaker, with which a route loses no requests in most
    /// outages, even if no watch runs. A TrafficSplit gets the standby alone
    #[arg(long)]
    pub resilient: bool,
    /// Have Linkerd's proxies repeat requests of a route. 5xx, the default: those that reach no
    /// endpoint, lose their connection, or are answered 5xx; gateway-error: those that reach no
    /// endpoint, lose their connection, or are answered 502 to 504; unsent: only those that no endpoint
    /// has received. Also HTTP statuses (500,502-504), gRPC codes (unavailable), or off
    #[arg(
        long,
        value_name = "RESPONSES",
        num_args = 0..=1,
        default_missing_value = "5xx",
        value_parser = parse_retries
    )]
    pub retries: Option<RetryConditions>,
    /// How often a request is repeated at most [default: 3]
    #[arg(long, value_name = "COUNT", requires = "retrying", value_parser = clap::value_parser!(u16).range(1..=100))]
    pub retry_limit: Option<u16>,
    /// Have Linkerd's proxies send no requests to endpoints of a route that fail. consecutive, the
    /// default: after 3 failures in a row; unified (Linkerd 2.20): also when too few requests succeed;
    /// or off. Annotates the Service that clients call
    #[arg(long, value_name = "MODE", num_args = 0..=1, default_missing_value = "consecutive")]
    pub breaker: Option<BreakerArg>,
    /// Replace other values of these annotations on the Service that clients call
    #[arg(long, requires = "breaking")]
    pub overwrite: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum BreakerArg {
    Consecutive,
    Unified,
    Off,
}

impl ResilienceArgs {
    pub fn retry_limit(&self) -> u16 {
        self.retry_limit.unwrap_or(DEFAULT_RETRY_LIMIT)
    }

    /// Returns the retries of an object of this kind.
    pub fn retries_for(&self, kind: &KindInfo) -> Option<RetryConditions> {
        let retries = self.retries.clone();
        retries.or_else(|| {
            self.is_resilient(kind)
                .then_some(RetryConditions::ServerErrors)
        })
    }

    /// Returns the breaker of the Service of an object of this kind.
    pub fn breaker_for(&self, kind: &KindInfo) -> Option<Breaker> {
        let default = self.is_resilient(kind).then_some(BreakerArg::Consecutive);
        Some(match self.breaker.or(default)? {
            BreakerArg::Consecutive => Breaker::Consecutive,
            BreakerArg::Unified => Breaker::Unified,
            BreakerArg::Off => Breaker::Off,
        })
    }

    fn is_resilient(&self, kind: &KindInfo) -> bool {
        self.resilient && kind.retry_key.is_some()
    }

    /// Returns the value of --standby, or that which --resilient implies.
    pub fn standby(&self) -> Option<&str> {
        let asked = self.standby.as_deref();
        asked.or_else(|| self.resilient.then_some("on"))
    }

    /// Whether the Service that clients call may be changed.
    pub fn may_change_service(&self) -> bool {
        self.resilient || self.breaker.is_some()
    }

    /// Whether retries or breakers may be changed.
    pub fn may_change_anything(&self) -> bool {
        self.resilient || self.flag_for_routes().is_some()
    }

    /// Returns the value of --breaker.
    pub fn breaker_word(&self) -> Option<String> {
        let value = self.breaker?.to_possible_value()?;
        Some(value.get_name().to_owned())
    }

    /// Whether the flags only remove what a route has left on its Service.
    pub fn only_turns_off(&self) -> bool {
        let retries = self.retries.as_ref();
        !self.resilient
            && retries.is_none_or(|retries| *retries == RetryConditions::Off)
            && self
                .breaker
                .is_none_or(|breaker| breaker == BreakerArg::Off)
    }

    /// Returns the flag that needs a route, if one was passed.
    pub fn flag_for_routes(&self) -> Option<&'static str> {
        let retries = self.retries.as_ref().map(|_| "--retries");
        retries.or(self.breaker.map(|_| "--breaker"))
    }
}

fn parse_retries(text: &str) -> Result<RetryConditions, String> {
    text.parse()
}

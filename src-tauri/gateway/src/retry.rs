//! When to try again after a failure, and what a person must do where trying again is no use.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::close::Close;
use crate::failure::{ConnectFailure, RequestId, SignatureTrouble};

/// What becomes of a failure.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Next {
    /// The same again after this.
    RetryAfter(Duration),
    /// Somebody must do something first.
    Pause {
        /// What.
        remedy: Remedy,
        /// After this one may look whether somebody did, without a click; `None`: only when told.
        look_again: Option<Duration>,
    },
}

/// What a person, or a repair that he agreed to, must do before a connection can come about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Remedy {
    /// Approve the request of the failure.
    Approve,
    /// Find out whose gateway is on the port, or confirm its address: before that, no secret goes there.
    ProveGateway,
    /// Give the gateway's shared token or password, or find out why the known one is wrong.
    GiveSecret,
    /// Write a token into the gateway's configuration.
    ConfigureSecret,
    /// Let this device have the scopes that it asks for.
    GrantScopes,
    /// Make a new identity, and remove the old device.
    RenewIdentity,
    /// Set a clock.
    SetClock,
    /// Update OpenClaw, or this app.
    Update,
    /// Look at the address: somebody else answers there.
    CheckAddress,
    /// Look at the certificate.
    CheckCertificate,
    /// Read what the gateway says: this version has no better idea.
    ReadAnswer,
}

/// Counts failures and tries. Pure: time and randomness come from outside.
#[derive(Clone, Debug, Default)]
pub struct ReconnectPolicy {
    failures: u32,
    tries: VecDeque<Instant>,
    looks: u32,
    waits_for: Option<RequestId>,
}

impl ReconnectPolicy {
    /// Most tries within [`ReconnectPolicy::WINDOW`], whatever happens.
    pub const MOST_TRIES: usize = 15;
    /// See [`ReconnectPolicy::MOST_TRIES`].
    pub const WINDOW: Duration = Duration::from_secs(60);
    /// Least wait.
    const LEAST: Duration = Duration::from_millis(250);
    /// Longest wait while a restart is likely: about the first minute.
    const SOON: Duration = Duration::from_secs(5);
    /// Longest wait after that: a gateway that is off for a week must not keep this computer awake.
    const LATER: Duration = Duration::from_secs(30);
    /// Failures that make about a minute at [`ReconnectPolicy::SOON`].
    const PATIENT: u32 = 20;
    /// A pending request is forgotten after five minutes: looks more often than every ten seconds help nobody.
    const LOOK: Duration = Duration::from_secs(15);
    /// Looks for one pairing request: five minutes of them.
    const MOST_LOOKS: u32 = 20;
    /// For what changes when somebody updates or installs something.
    const LOOK_RARELY: Duration = Duration::from_secs(60);
    /// After too many wrong tries, when the gateway does not say how long.
    const LOCKED_OUT: Duration = Duration::from_secs(300);

    /// A connection lived long enough: the next failure counts as the first.
    pub fn reset(&mut self) {
        self.failures = 0;
        self.looks = 0;
        self.waits_for = None;
    }

    /// Asks before each try; `Err`: too many lately, the next one is allowed then.
    ///
    /// # Errors
    /// As said.
    pub fn admit(&mut self, now: Instant) -> Result<(), Instant> {
        while self.tries.front().is_some_and(|first| now.saturating_duration_since(*first) >= Self::WINDOW) {
            self.tries.pop_front();
        }
        match self.tries.front() {
            Some(first) if self.tries.len() >= Self::MOST_TRIES => Err(*first + Self::WINDOW),
            Some(_) | None => {
                self.tries.push_back(now);
                Ok(())
            }
        }
    }

    /// What becomes of this failure, `random` being evenly spread over all of `u64`.
    pub fn after_failure(&mut self, failure: &ConnectFailure, random: u64) -> Next {
        if let ConnectFailure::RateLimited { retry_after } = failure {
            return Next::RetryAfter(retry_after.unwrap_or(Self::LOCKED_OUT) + spread(Self::SOON, random));
        }
        match remedy(failure) {
            None => {
                let most = if self.failures < Self::PATIENT { Self::SOON } else { Self::LATER };
                let doubled = Self::LEAST.saturating_mul(2_u32.saturating_pow(self.failures.saturating_add(1)));
                self.failures = self.failures.saturating_add(1);
                let wait = Self::LEAST + spread(doubled.min(most).saturating_sub(Self::LEAST), random);
                Next::RetryAfter(failure.retry_after().unwrap_or_default().max(wait))
            }
            Some(remedy) => Next::Pause { remedy, look_again: self.look(failure, remedy) },
        }
    }

    /// One request is waited for, at most for as long as a gateway keeps it. Another id in its place ends that: two who answer to the same
    /// name would replace each other's requests for ever.
    fn look(&mut self, failure: &ConnectFailure, remedy: Remedy) -> Option<Duration> {
        match remedy {
            Remedy::Approve => {
                let request = failure.request_id()?;
                if self.waits_for.as_ref().is_some_and(|waits_for| waits_for != request) {
                    return None;
                }
                self.waits_for = Some(request.clone());
                self.looks = self.looks.saturating_add(1);
                (self.looks <= Self::MOST_LOOKS).then_some(Self::LOOK)
            }
            Remedy::Update | Remedy::CheckAddress | Remedy::CheckCertificate => Some(Self::LOOK_RARELY),
            Remedy::ProveGateway
            | Remedy::GiveSecret
            | Remedy::ConfigureSecret
            | Remedy::GrantScopes
            | Remedy::RenewIdentity
            | Remedy::SetClock
            | Remedy::ReadAnswer => None,
        }
    }
}

/// `None`: it is temporary.
fn remedy(failure: &ConnectFailure) -> Option<Remedy> {
    if failure.is_temporary() {
        return None;
    }
    Some(match failure {
        ConnectFailure::PairingRequired(_) => Remedy::Approve,
        ConnectFailure::TokenMissing
        | ConnectFailure::TokenMismatch { .. }
        | ConnectFailure::PasswordMissing
        | ConnectFailure::PasswordMismatch
        | ConnectFailure::DeviceTokenMismatch => Remedy::GiveSecret,
        ConnectFailure::TokenNotConfigured | ConnectFailure::PasswordNotConfigured => Remedy::ConfigureSecret,
        ConnectFailure::ScopeMismatch => Remedy::GrantScopes,
        ConnectFailure::Signature(SignatureTrouble::Expired) => Remedy::SetClock,
        ConnectFailure::Signature(_) => Remedy::RenewIdentity,
        ConnectFailure::ProtocolMismatch { .. }
        | ConnectFailure::Closed(Close::Protocol)
        | ConnectFailure::Misunderstood { .. } => Remedy::Update,
        ConnectFailure::Certificate(_) if failure.is_wrong_clock() => Remedy::SetClock,
        ConnectFailure::Certificate(_) => Remedy::CheckCertificate,
        ConnectFailure::NotAGateway(_) | ConnectFailure::PlainAndPublic(_) => Remedy::CheckAddress,
        ConnectFailure::NotProven => Remedy::ProveGateway,
        ConnectFailure::IdentityRequired
        | ConnectFailure::Refused { .. }
        | ConnectFailure::Closed(_)
        | ConnectFailure::NobodyListens
        | ConnectFailure::Unreachable(_)
        | ConnectFailure::NoSuchHost
        | ConnectFailure::TimedOut(_)
        | ConnectFailure::Broken(_)
        | ConnectFailure::Stopping
        | ConnectFailure::Starting { .. }
        | ConnectFailure::RateLimited { .. } => Remedy::ReadAnswer,
    })
}

/// Between nothing and `most`.
fn spread(most: Duration, random: u64) -> Duration {
    let nanos = u64::try_from(most.as_nanos()).unwrap_or(u64::MAX);
    let drawn = (u128::from(random) * u128::from(nanos)) >> 64;
    Duration::from_nanos(u64::try_from(drawn).unwrap_or(nanos))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::failure::{Pairing, PairingReason, Stranger};

    fn pairing(id: &str) -> ConnectFailure {
        ConnectFailure::PairingRequired(Box::new(Pairing {
            reason: PairingReason::NotPaired,
            request_id: RequestId::parse(id),
            device_id: None,
            requested_role: None,
            requested_scopes: Vec::new(),
            approved_roles: Vec::new(),
            approved_scopes: Vec::new(),
        }))
    }

    fn wait(next: &Next) -> Duration {
        let Next::RetryAfter(wait) = next else { panic!("{next:?}") };
        *wait
    }

    #[test]
    fn a_restart_is_waited_for_patiently_and_a_long_absence_rarely() {
        let mut policy = ReconnectPolicy::default();
        let waits: Vec<Duration> =
            (0..30).map(|_| wait(&policy.after_failure(&ConnectFailure::NobodyListens, u64::MAX))).collect();
        let secs: Vec<u64> = waits[..8].iter().map(|wait| wait.as_millis().div_ceil(250) as u64).collect();
        assert_eq!(secs, [2, 4, 8, 16, 20, 20, 20, 20]);
        let patient: Duration = waits[..20].iter().sum();
        assert!(patient >= Duration::from_secs(60), "{patient:?}");
        assert!(waits[25] > Duration::from_secs(29), "{:?}", waits[25]);
        assert_eq!(wait(&policy.after_failure(&ConnectFailure::NobodyListens, 0)), Duration::from_millis(250));
        policy.reset();
        assert!(wait(&policy.after_failure(&ConnectFailure::Stopping, u64::MAX)) <= Duration::from_millis(500));
        let starting = ConnectFailure::Starting { retry_after: Some(Duration::from_secs(7)) };
        assert_eq!(wait(&policy.after_failure(&starting, 0)), Duration::from_secs(7));
    }

    #[test]
    fn one_pairing_request_is_waited_for_and_not_for_ever() {
        let mut policy = ReconnectPolicy::default();
        let look = |policy: &mut ReconnectPolicy, id| {
            let next = policy.after_failure(&pairing(id), 0);
            let Next::Pause { remedy: Remedy::Approve, look_again } = next else { panic!("{next:?}") };
            look_again
        };
        let looks: Vec<bool> = (0..25).map(|_| look(&mut policy, "a1").is_some()).collect();
        assert_eq!(looks.iter().filter(|look| **look).count(), 20);
        policy.reset();
        assert!(look(&mut policy, "a1").is_some());
        assert_eq!(look(&mut policy, "b2"), None, "two who replace each other's requests");
        policy.reset();
        assert_eq!(look(&mut policy, ""), None, "a request without an id");
    }

    #[test]
    fn what_needs_a_person_waits_for_one() {
        let mut policy = ReconnectPolicy::default();
        let mut next = |failure| policy.after_failure(&failure, u64::MAX);
        let pause = |remedy| Next::Pause { remedy, look_again: None };
        assert_eq!(next(ConnectFailure::TokenMismatch { device_token_may_help: true }), pause(Remedy::GiveSecret));
        assert_eq!(next(ConnectFailure::DeviceTokenMismatch), pause(Remedy::GiveSecret));
        assert_eq!(next(ConnectFailure::TokenNotConfigured), pause(Remedy::ConfigureSecret));
        assert_eq!(next(ConnectFailure::Signature(SignatureTrouble::Expired)), pause(Remedy::SetClock));
        assert_eq!(next(ConnectFailure::Signature(SignatureTrouble::Invalid)), pause(Remedy::RenewIdentity));
        let rarely = |remedy| Next::Pause { remedy, look_again: Some(Duration::from_secs(60)) };
        assert_eq!(next(ConnectFailure::ProtocolMismatch { expected: Some(5) }), rarely(Remedy::Update));
        assert_eq!(next(ConnectFailure::NotAGateway(Stranger::NotHttp)), rarely(Remedy::CheckAddress));
        let limited = next(ConnectFailure::RateLimited { retry_after: None });
        assert!(wait(&limited) >= Duration::from_secs(300));
    }

    proptest! {
        #[test]
        fn never_more_than_so_many_tries_a_minute(steps in prop::collection::vec((0_u64..2_000, any::<u64>(), 0_u8..6), 1..400)) {
            let (start, mut now) = (Instant::now(), Duration::ZERO);
            let mut policy = ReconnectPolicy::default();
            let mut tries: Vec<Duration> = Vec::new();
            for (pause, random, kind) in steps {
                now += Duration::from_millis(pause);
                if let Err(then) = policy.admit(start + now) {
                    prop_assert!(then > start + now && then <= start + now + ReconnectPolicy::WINDOW);
                    now = then - start;
                    prop_assert!(policy.admit(start + now).is_ok());
                }
                tries.push(now);
                let failure = match kind {
                    0 => ConnectFailure::Stopping,
                    1 => ConnectFailure::Starting { retry_after: Some(Duration::ZERO) },
                    2 => ConnectFailure::DeviceTokenMismatch,
                    3 => ConnectFailure::Closed(Close::Quiet),
                    4 => { policy.reset(); pairing("a") },
                    _ => ConnectFailure::NobodyListens,
                };
                if let Next::RetryAfter(wait) = policy.after_failure(&failure, random) {
                    prop_assert!(wait >= Duration::from_millis(250));
                    now += wait;
                }
            }
            for (at, first) in tries.iter().enumerate() {
                let within = tries[at..].iter().take_while(|next| **next < *first + ReconnectPolicy::WINDOW).count();
                prop_assert!(within <= ReconnectPolicy::MOST_TRIES, "{within} tries a minute");
            }
        }
    }
}

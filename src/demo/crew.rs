//! Carries the plans of agents out: the claim loops, the starts of runs, and the supervisor that knows what is
//! open. Every one of them is an ordinary client of the HTTP API.

use std::collections::VecDeque;
use std::future::Future;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use fastrand::Rng;
use reqwest::StatusCode;
use serde_json::json;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep, timeout};

use super::agent::{Plan, Role, Spring, Twist};
use super::client::{Client, Held, LEASE_S};
use super::weather::{Open, Weather};
use super::{Link, SCHEMAS};

/// The longest an agent reads before it acknowledges, below the time after which its claim lapses.
const MOST_READING: Duration = Duration::from_secs(16);
/// Refused contracts that a producer leaves for people to look at.
const MOST_REFUSED: usize = 12;
/// Fixed backoff, without jitter, before a server that does not answer is asked again.
const AGAIN: Duration = Duration::from_secs(1);

/// The crew: client, clock and counts that all agents of a story share.
pub(super) struct Crew {
    pub(super) client: Client,
    /// Seed that the ids of the runs of this story are made from.
    pub(super) seed: u64,
    /// Seconds of the story in one second.
    pub(super) speed: f64,
    pub(super) began: Instant,
    pub(super) open: Mutex<Open>,
    pub(super) link: watch::Sender<Link>,
}

impl Crew {
    fn weather(&self) -> Weather {
        Weather {
            at: self.began.elapsed().as_secs_f64() * self.speed,
            open: self.open.lock().map(|it| *it).unwrap_or_default(),
        }
    }

    /// Time on the clock that so many seconds of the story take; negative ones take none.
    fn lasting(&self, seconds: f64) -> Duration {
        Duration::from_secs_f64(seconds.max(0.0) / self.speed)
    }

    /// Registers the payload schemas that the contracts name.
    pub(super) async fn register(&self) {
        for (name, schema) in SCHEMAS {
            if let Err(why) = self.client.register(name, schema).await {
                tracing::debug!("cannot register {name}: {why}");
            }
        }
    }

    /// Reads what is open now and then, so that the incident stays within bounds.
    pub(super) async fn supervise(self: Arc<Self>) {
        loop {
            let link = match self.client.open().await {
                Ok(now) => {
                    if let Ok(mut open) = self.open.lock() {
                        *open = now;
                    }
                    Ok(())
                }
                // A token of agents alone may not read, and works all the same.
                Err(why) if why.status() == Some(StatusCode::FORBIDDEN) => Ok(()),
                Err(why) => Err(why_not(&why)),
            };
            let up = link.is_ok();
            let changed = self.link.send_if_modified(|it| {
                let before = it.replace(link).map(|it| it.is_ok());
                before != Some(up)
            });
            if changed && up {
                // It may be another one than before.
                self.register().await;
            }
            sleep(self.lasting(4.0).max(Duration::from_millis(200))).await;
        }
    }

    /// Starts runs for ever.
    pub(super) async fn flow(self: Arc<Self>, place: u64, spring: Spring) {
        let mut due: Vec<f64> = spring.twists.iter().map(|(first, _, _)| *first).collect();
        let mut refused = VecDeque::new();
        for nth in 0_u64.. {
            let mut rng = Rng::with_seed(mix(self.seed, place, nth));
            let weather = self.weather();
            let pause = spring.every / weather.density(spring.agent) * (0.5 + rng.f64());
            sleep(self.lasting(pause)).await;
            let weather = self.weather();
            let twist = next_twist(&spring, &mut due, &weather);
            if weather.is_jammed(spring.agent) && twist == Twist::Plain {
                continue;
            }
            // Whoever works on this run later draws the same names from its trace id.
            self.begin(&spring, twist, rng.u64(1..), &weather, &mut refused).await;
            // Past a few, the producer falls back on the prompt it had before, which settles the refusal.
            if refused.len() > MOST_REFUSED
                && let Some(run) = refused.pop_front()
            {
                let before = Weather { at: 0.0, ..weather };
                self.begin(&spring, Twist::Plain, run, &before, &mut refused).await;
            }
        }
    }

    /// Emits the first contract of `run`; one that is refused is remembered.
    async fn begin(&self, spring: &Spring, twist: Twist, run: u64, weather: &Weather, refused: &mut VecDeque<u64>) {
        let mut contract = (spring.write)(twist, &mut Rng::with_seed(run), weather);
        contract["trace_id"] = format!("{run:016x}{:016x}", mix(self.seed, run, 0)).into();
        contract["source"] = json!({"kind": "agent", "id": spring.agent});
        match self.client.emit(&contract).await {
            Ok(StatusCode::UNPROCESSABLE_ENTITY) => refused.push_back(run),
            Ok(status) => tracing::debug!("{} emitted: {status}", spring.agent),
            Err(why) => {
                tracing::debug!("{} cannot emit: {why}", spring.agent);
                sleep(AGAIN).await;
            }
        }
    }

    /// Claims and works for ever.
    pub(super) async fn work(self: Arc<Self>, role: Role) {
        let hands = Arc::new(Semaphore::new(role.hands));
        let mut at_work = JoinSet::new();
        loop {
            while at_work.try_join_next().is_some() {}
            // A free hand first: what is claimed must not wait.
            let Ok(first) = Arc::clone(&hands).acquire_owned().await else {
                return;
            };
            let mut free = vec![first];
            while let Ok(more) = Arc::clone(&hands).try_acquire_owned() {
                free.push(more);
            }
            match self.client.claim(role.name, free.len()).await {
                Ok(claimed) => {
                    for (held, hand) in claimed.into_iter().zip(free) {
                        let plan = (role.decide)(&held.job, &self.weather());
                        let crew = Arc::clone(&self);
                        at_work.spawn(async move {
                            if let Err(why) = crew.carry_out(&held, plan).await {
                                // Whatever was lost comes back when the lease expires.
                                tracing::debug!("{}: {why}", held.handoff);
                            }
                            drop(hand);
                        });
                    }
                }
                Err(why) => {
                    tracing::debug!("{} cannot claim: {why}", role.name);
                    sleep(AGAIN).await;
                }
            }
        }
    }

    async fn carry_out(&self, held: &Held, plan: Plan) -> reqwest::Result<()> {
        sleep(self.lasting(plan.read).min(MOST_READING)).await;
        // A contract is refused before it is accepted, not after.
        if !matches!(plan.end, super::agent::End::Reject(..)) {
            self.client.acknowledge(held).await?;
            self.alive(held, sleep(self.lasting(plan.work))).await?;
        }
        self.client.end(held, plan.end).await
    }

    /// Keeps the lease while `work` lasts.
    async fn alive(&self, held: &Held, work: impl Future<Output = ()>) -> reqwest::Result<()> {
        tokio::pin!(work);
        while timeout(Duration::from_secs(LEASE_S / 3), &mut work).await.is_err() {
            self.client.heartbeat(held).await?;
        }
        Ok(())
    }
}

/// Cause of a failed request, in few words.
fn why_not(why: &reqwest::Error) -> String {
    if let Some(status) = why.status() {
        return status.to_string();
    }
    // The outer layers repeat the address; the innermost says what happened.
    let mut cause: &dyn std::error::Error = why;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

/// The first twist that is due and bearable.
fn next_twist(spring: &Spring, due: &mut [f64], weather: &Weather) -> Twist {
    for ((_, every, twist), due) in spring.twists.iter().zip(due) {
        if weather.at < *due {
            continue;
        }
        *due = weather.at + every;
        let asks = !matches!(twist, Twist::Storm | Twist::CardDeclined | Twist::Stalled);
        let dies = matches!(twist, Twist::Advisory | Twist::CardDeclined);
        if (!asks || weather.may_ask()) && (!dies || weather.may_die()) {
            return *twist;
        }
    }
    Twist::Plain
}

/// One number of several, each of which changes all of it.
fn mix(seed: u64, place: u64, nth: u64) -> u64 {
    let mut rng = Rng::with_seed(seed ^ place.wrapping_mul(0x9E37_79B9_7F4A_7C15));
    rng.u64(..) ^ nth.wrapping_mul(0xD1B5_4A32_D192_ED03)
}

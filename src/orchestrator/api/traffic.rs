//! Who is connected, and what gives way when every place is taken (protocol section 7, "Limits").
//!
//! A connection is silent until a request has come, sending while its body is on its way, and busy until the answer has
//! gone. At the limit the silent and the sending give way to a newcomer, never the busy: so whoever opens connections and
//! says nothing is in nobody's way. Those that are busy for long, streams and long polls, have limits of their own.

use std::collections::{BTreeMap, HashMap};
use std::net::{IpAddr, Ipv6Addr};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

/// How much a server takes at once.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections; at least 1. Less where the system allows fewer open files.
    pub connections: usize,
    /// Event streams.
    pub streams: usize,
    /// Requests that wait: claims and pages of the log with `wait_s`.
    pub waits: usize,
    /// Time from the beginning of a connection to the end of the head of its first request.
    pub first_head: Duration,
    /// Bytes of blobs that are kept altogether.
    pub blobs: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self { connections: 2_048, streams: 512, waits: 1_024, first_head: Duration::from_secs(10), blobs: 10 << 30 }
    }
}

impl Limits {
    /// The limits in a process that may open so many files: half of them at least stay for the store and for what is read.
    #[must_use]
    pub fn within(self, files: usize) -> Self {
        /// Files that the rest of the program takes at most.
        const OTHERS: usize = 128;
        let connections = self.connections.min(files.saturating_sub(OTHERS).max(files / 2)).max(1);
        let share = |of: usize| (of * connections / self.connections.max(1)).max(1);
        Self { connections, streams: share(self.streams), waits: share(self.waits), ..self }
    }
}

/// Everything that is connected, and what became of those for whom there was no place.
pub struct Traffic {
    /// How much is taken at once.
    pub limits: Limits,
    /// Event streams that are open.
    pub streams: Arc<Room>,
    /// Requests that wait for work or events.
    pub waits: Arc<Room>,
    seats: Mutex<BTreeMap<u64, Seat>>,
    /// Number of the next connection.
    next: AtomicU64,
    closed: AtomicU64,
    turned_away: AtomicU64,
}

/// What is known of one connection.
struct Seat {
    peer: Peer,
    doing: Doing,
    /// Since when it does that.
    since: Instant,
    close: CancellationToken,
}

/// What a connection does, in the order in which they give way.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Doing {
    /// It has not sent one request yet.
    Silent,
    /// Between two requests.
    Idle,
    /// The body of a request is on its way.
    Sending,
    /// A request is being answered.
    Busy,
}

/// Where a connection comes from, as far as shares go: an address, of IPv6 the network.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Peer {
    /// This machine: who speaks here may be a proxy in front of everybody, so there is no share.
    Local,
    Far(IpAddr),
}

impl From<IpAddr> for Peer {
    fn from(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(it) if it.is_loopback() => Self::Local,
            IpAddr::V6(it) if it.is_loopback() => Self::Local,
            IpAddr::V6(it) => {
                let [a, b, c, d, ..] = it.segments();
                Self::Far(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
            it @ IpAddr::V4(_) => Self::Far(it),
        }
    }
}

/// The place of one connection, given back when it is dropped.
pub struct Place {
    traffic: Arc<Traffic>,
    number: u64,
    /// Cancelled when the connection has to give way.
    pub close: CancellationToken,
}

impl Traffic {
    /// Nobody is connected.
    pub fn new(limits: Limits) -> Arc<Self> {
        Arc::new(Self {
            limits,
            streams: Room::new(limits.streams),
            waits: Room::new(limits.waits),
            seats: Mutex::default(),
            next: AtomicU64::new(0),
            closed: AtomicU64::new(0),
            turned_away: AtomicU64::new(0),
        })
    }

    fn seats(&self) -> MutexGuard<'_, BTreeMap<u64, Seat>> {
        // Nothing panics while it is held, and each change of it is one step.
        self.seats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for a connection from `peer`; `None` when each is taken by somebody who is being answered. One address gets
    /// half of the places.
    pub fn enter(self: &Arc<Self>, peer: IpAddr, now: Instant) -> Option<Place> {
        let peer = Peer::from(peer);
        let mut seats = self.seats();
        let own = seats.values().filter(|it| it.peer == peer).count();
        let over = peer != Peer::Local && own >= self.limits.connections.div_ceil(2);
        let full = over || seats.len() >= self.limits.connections;
        let gave_way = full && give_way(&mut seats, |it| !over || it.peer == peer);
        let (number, close) = (self.next.fetch_add(1, Ordering::Relaxed), CancellationToken::new());
        if !full || gave_way {
            seats.insert(number, Seat { peer, doing: Doing::Silent, since: now, close: close.clone() });
        }
        let connections = seats.len();
        drop(seats);
        if full {
            let count = if gave_way { &self.closed } else { &self.turned_away };
            count.fetch_add(1, Ordering::Relaxed);
            tracing::warn!(
                connections,
                closed = self.closed(),
                turned_away = self.turned_away(),
                "no place is left for a connection, or for one from its address: the oldest that sends nothing is closed \
                 for the next; while all are being answered the next is turned away"
            );
        }
        (!full || gave_way).then(|| Place { traffic: Arc::clone(self), number, close })
    }

    /// Closes the connection that is next to give way, for want of something else than a place.
    pub fn make_room(&self) {
        if give_way(&mut self.seats(), |_| true) {
            self.closed.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Closes all that no request comes from.
    pub fn close_silent(&self) {
        let seats = self.seats();
        seats.values().filter(|it| it.doing <= Doing::Idle).for_each(|it| it.close.cancel());
    }

    /// Connections that are open.
    pub fn connections(&self) -> usize {
        self.seats().len()
    }

    /// Connections that were closed for another.
    pub fn closed(&self) -> u64 {
        self.closed.load(Ordering::Relaxed)
    }

    /// Connections that there was no place for.
    pub fn turned_away(&self) -> u64 {
        self.turned_away.load(Ordering::Relaxed)
    }
}

/// Closes the one of these that does the least for the longest, unless all are busy.
fn give_way(seats: &mut BTreeMap<u64, Seat>, of: impl Fn(&Seat) -> bool) -> bool {
    let idle = seats.iter().filter(|(_, it)| it.doing != Doing::Busy && of(it));
    let first = idle.min_by_key(|(_, it)| (it.doing, it.since)).map(|(number, _)| *number);
    let gone = first.and_then(|it| seats.remove(&it));
    if let Some(gone) = &gone {
        gone.close.cancel();
    }
    gone.is_some()
}

impl Place {
    /// The head of a request has come, and with it the whole of its body or not.
    pub fn heard(&self, whole: bool) {
        self.does(if whole { Doing::Busy } else { Doing::Sending });
    }

    /// The body has come to its end.
    pub fn whole(&self) {
        self.does(Doing::Busy);
    }

    /// The answer has gone.
    pub fn answered(&self) {
        self.does(Doing::Idle);
    }

    /// Whether a request has come from it.
    pub fn has_spoken(&self) -> bool {
        self.traffic.seats().get(&self.number).is_none_or(|it| it.doing != Doing::Silent)
    }

    fn does(&self, doing: Doing) {
        if let Some(seat) = self.traffic.seats().get_mut(&self.number) {
            (seat.doing, seat.since) = (doing, Instant::now());
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.traffic.seats().remove(&self.number);
    }
}

/// A limited number of places for what takes long; one holder of a token gets half of them.
pub struct Room {
    limit: usize,
    held: Mutex<HashMap<String, usize>>,
    refused: AtomicU64,
}

/// One place in a [`Room`], given back when it is dropped.
pub struct Held {
    room: Arc<Room>,
    by: String,
}

impl Room {
    fn new(limit: usize) -> Arc<Self> {
        Arc::new(Self { limit, held: Mutex::default(), refused: AtomicU64::new(0) })
    }

    fn held(&self) -> MutexGuard<'_, HashMap<String, usize>> {
        // Nothing panics while it is held.
        self.held.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A place for `who`; `None` when all are taken, or with a `share` the half that one may have.
    pub fn enter(self: &Arc<Self>, who: &str, share: bool) -> Option<Held> {
        let mut held = self.held();
        let own = held.get(who).copied().unwrap_or_default();
        if held.values().sum::<usize>() >= self.limit || (share && own >= self.limit.div_ceil(2)) {
            self.refused.fetch_add(1, Ordering::Relaxed);
            return None;
        }
        held.insert(who.to_owned(), own + 1);
        Some(Held { room: Arc::clone(self), by: who.to_owned() })
    }

    /// Places that are taken.
    pub fn taken(&self) -> usize {
        self.held().values().sum()
    }

    /// Places that there are.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// Those who did not get one.
    pub fn refused(&self) -> u64 {
        self.refused.load(Ordering::Relaxed)
    }
}

impl Drop for Held {
    fn drop(&mut self) {
        let mut held = self.room.held();
        let left = held.get(&self.by).map_or(0, |it| it - 1);
        if left == 0 {
            held.remove(&self.by);
        } else {
            held.insert(std::mem::take(&mut self.by), left);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

    fn traffic(connections: usize) -> Arc<Traffic> {
        Traffic::new(Limits { connections, ..Limits::default() })
    }

    #[test]
    fn who_says_nothing_gives_way_first_and_who_is_answered_never() {
        let traffic = traffic(4);
        let start = Instant::now();
        let mut after = 0;
        let mut enter = || {
            after += 1;
            traffic.enter(HERE, start + Duration::from_secs(after))
        };
        let [busy, idle, sending, silent] = std::array::from_fn(|_| enter().unwrap());
        busy.heard(true);
        idle.heard(true);
        idle.answered();
        sending.heard(false);
        let closed = |places: [&Place; 4]| places.map(|it| it.close.is_cancelled());
        let all = || closed([&busy, &idle, &sending, &silent]);
        let second = enter().unwrap();
        assert_eq!(all(), [false, false, false, true], "the one that never spoke");
        second.heard(true);
        let third = enter().unwrap();
        third.heard(true);
        assert_eq!(all(), [false, true, false, true], "then who is between two requests");
        let fourth = enter().unwrap();
        fourth.heard(true);
        assert_eq!(all(), [false, true, true, true], "then whose body does not end");
        assert!(enter().is_none(), "all are being answered");
        assert_eq!((traffic.connections(), traffic.closed(), traffic.turned_away()), (4, 3, 1));
        drop(busy);
        assert!(enter().is_some(), "a place that was given back");
    }

    #[test]
    fn one_address_gets_half_of_the_places() {
        let traffic = traffic(4);
        let far = |text: &str| traffic.enter(text.parse().unwrap(), Instant::now());
        let one = [far("2001:db8::1").unwrap(), far("2001:db8::2").unwrap()];
        for it in &one {
            it.heard(true);
        }
        assert!(far("2001:db8::3").is_none(), "the network is one address");
        let [other, _more] = [far("192.0.2.1").unwrap(), far("::ffff:192.0.2.1").unwrap()];
        assert!(far("192.0.2.1").is_some() && other.close.is_cancelled(), "its own oldest gives way");
        assert!(one.iter().all(|it| !it.close.is_cancelled()));
    }

    #[test]
    fn a_room_has_so_many_places_and_half_of_them_for_one() {
        let room = Room::new(4);
        let two = [room.enter("ci", true), room.enter("ci", true)];
        assert!(two.iter().all(Option::is_some) && room.enter("ci", true).is_none());
        let more = [room.enter("dana", true), room.enter("dana", false)];
        assert!(more.iter().all(Option::is_some) && room.enter("erin", true).is_none());
        assert_eq!((room.taken(), room.refused()), (4, 2));
        drop(two);
        assert!(room.enter("ci", true).is_some());
    }

    #[test]
    fn few_open_files_are_few_connections() {
        let of = |files| {
            let it = Limits::default().within(files);
            (it.connections, it.streams, it.waits)
        };
        assert_eq!([of(1 << 20), of(1_024), of(32)], [(2_048, 512, 1_024), (896, 224, 448), (16, 4, 8)]);
    }
}

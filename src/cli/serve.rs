//! `seam serve`: the orchestrator and its HTTP API.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use tokio::net::{TcpListener, TcpSocket};
use tokio_util::sync::CancellationToken;

use super::{Exit, Stop, rules};
use crate::domain::port::Scope;
use crate::domain::text::clean;
use crate::log;
use crate::orchestrator::api::{self, Access, Limits, auth};
use crate::orchestrator::engine::Engine;
use crate::orchestrator::sweeper;
use crate::source::{Address, AddressError, at_home};
use crate::store::{Aside, Lock, Sqlite};

/// Flags of `seam serve`.
#[derive(Clone, Debug, clap::Args)]
pub struct Args {
    /// Where the state is kept: sqlite:PATH
    #[arg(long, env = "SEAM_STORE", default_value = "sqlite:seamwatch.db", value_name = "STORE")]
    pub store: String,
    /// Address to listen on; anything but loopback needs --tokens
    #[arg(long, env = "SEAM_LISTEN", default_value = "127.0.0.1:7600", value_name = "HOST:PORT")]
    pub listen: String,
    /// Tokens that are let in; without it everybody on this machine is
    #[arg(long, env = "SEAM_TOKENS", value_name = "FILE", value_parser = at_home)]
    pub tokens: Option<PathBuf>,
    /// Policies of edges: strictness, attempts, approvals
    #[arg(long, env = "SEAM_POLICIES", value_name = "FILE", value_parser = at_home)]
    pub policies: Option<PathBuf>,
    /// Directory of payload schemas, NAME-VERSION.json
    #[arg(long, env = "SEAM_CONTRACTS", value_name = "DIR", value_parser = at_home)]
    pub contracts: Option<PathBuf>,
    /// Most that agents may put into the store as blobs, in MiB
    #[arg(long, env = "SEAM_BLOBS", value_name = "MIB", default_value_t = 10_240)]
    pub blobs: u64,
    /// Print a new token and the lines that let it in, and end
    #[arg(long, value_name = "SUBJECT")]
    pub new_token: Option<String>,
    /// What the new token may do; several with commas
    #[arg(long, value_delimiter = ',', requires = "new_token", default_value = "viewer")]
    pub scope: Vec<Scope>,
    /// Agents that the new token may speak as; several with commas
    #[arg(long, value_delimiter = ',', requires = "new_token", value_name = "NAME")]
    pub agent: Vec<String>,
    /// Roles that the new token decides for as an approver; several with commas, every role unless given
    #[arg(long, value_delimiter = ',', requires = "new_token", value_name = "NAME")]
    pub role: Vec<String>,
}

/// Serves until it is told to stop.
///
/// # Errors
/// The store, a file or the address is wrong or in use.
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    if let Some(subject) = &args.new_token {
        return new_token(subject, &args);
    }
    log::to_stderr();
    let access = access(args.tokens.as_deref())?;
    let (listener, address) = listen(&args.listen, &access).await?;
    let engine = open(&args, &access).await?;
    let stop = CancellationToken::new();
    let interrupts = Interrupts::listen().context("cannot listen for signals")?;
    tokio::spawn(signals(interrupts, stop.clone()));
    let sweeper = sweeper::start(engine.clone(), stop.clone());
    let what = said(&args, address, &access);
    let store = Arc::clone(engine.store());
    let up = move || tell(&up(&what, store.aside()));
    let limits = Limits { blobs: args.blobs.saturating_mul(1 << 20), ..Limits::default() }.within(files());
    api::serve_within(limits, engine, listener, access, stop, up).await.context("the server failed")?;
    sweeper.await.context("the sweeper failed")?;
    tell("stopped");
    Ok(Exit::Done)
}

fn new_token(subject: &str, args: &Args) -> anyhow::Result<Exit> {
    let Args { scope, agent, role, .. } = args;
    if scope.contains(&Scope::Agent) && agent.is_empty() {
        let what = "a token with the scope agent needs names: --agent NAME";
        return Err(Stop::new(Exit::Usage, what).into());
    }
    if !role.is_empty() && !scope.contains(&Scope::Approver) {
        let what = "roles are for a token that decides: add the scope approver, or leave --role out";
        return Err(Stop::new(Exit::Usage, what).into());
    }
    let (secret, mut lines) = auth::new_token(subject, scope, agent);
    if !role.is_empty() {
        lines = format!("{lines}roles = {role:?}\n");
    }
    let text = format!(
        "# The token, shown this once; give it to {}:\n#   {secret}\n# The lines for the token file:\n{lines}",
        clean(subject)
    );
    super::print(text.as_bytes())?;
    Ok(Exit::Done)
}

fn access(path: Option<&Path>) -> anyhow::Result<Access> {
    let Some(path) = path else {
        return Ok(Access::Open);
    };
    let text = rules::text(path, "the token file")?;
    Ok(Access::read(&text).map_err(|mistakes| rules::wrong("the tokens", path, &mistakes))?)
}

/// Takes the address before the store is touched, so that a second server says "in use" and changes nothing.
async fn listen(text: &str, access: &Access) -> anyhow::Result<(TcpListener, SocketAddr)> {
    let usage = |what: String| Stop::new(Exit::Usage, what);
    let mut found = tokio::net::lookup_host(text).await.map_err(|why| {
        usage(format!("--listen {text:?} is no HOST:PORT of this machine: {why}. Write it as 127.0.0.1:7600"))
    })?;
    let address = found.next().ok_or_else(|| usage(format!("--listen {text:?} names no address")))?;
    if matches!(access, Access::Open) && !address.ip().is_loopback() {
        return Err(usage(format!(
            "{address} can be reached from other machines, so tokens are needed: add --tokens FILE \
             (`seam serve --new-token NAME --scope operator` prints one), or listen on 127.0.0.1"
        ))
        .into());
    }
    let listener = bound(address).map_err(|why| {
        let what = match why.kind() {
            std::io::ErrorKind::AddrInUse => format!(
                "{address} is in use; stop the program that listens there, or choose another port with --listen"
            ),
            std::io::ErrorKind::PermissionDenied => {
                format!("this user may not listen on {address}; choose a port above 1023")
            }
            _ => format!("cannot listen on {address}: {why}"),
        };
        Stop::new(Exit::Failed, what)
    })?;
    let address = listener.local_addr().context("cannot read the own address")?;
    Ok((listener, address))
}

/// Listens there. More than a moment's connections wait to be accepted, so that a burst of them is no refusal.
fn bound(address: SocketAddr) -> io::Result<TcpListener> {
    /// Connections that wait to be accepted.
    const BACKLOG: u32 = 1_024;
    let socket = if address.is_ipv4() { TcpSocket::new_v4() } else { TcpSocket::new_v6() }?;
    if cfg!(unix) {
        // A server that was stopped is followed at once; elsewhere this would let two listen.
        socket.set_reuseaddr(true)?;
    }
    socket.bind(address)?;
    socket.listen(BACKLOG)
}

/// As many open files as this program may have, which are for the most part connections: at most what the system allows
/// it to ask for.
#[cfg(unix)]
pub(super) fn files() -> usize {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    // Where it may not, it stays as it was.
    let raised = setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum }).is_ok();
    let files = if raised { maximum } else { current };
    files.map_or(usize::MAX, |it| usize::try_from(it).unwrap_or(usize::MAX))
}

#[cfg(not(unix))]
pub(super) const fn files() -> usize {
    usize::MAX
}

/// The first signal asks to stop, the second one insists.
async fn signals(mut interrupts: Interrupts, stop: CancellationToken) {
    interrupts.next().await;
    stop.cancel();
    tell("finishing what is in flight; once more ends at once");
    interrupts.next().await;
    log::flush();
    std::process::exit(130);
}

/// Ctrl-c, ctrl-\, the end of the terminal and the system's request to end, heard from the moment this exists: before a
/// program says that it is up, so that whoever waits for those words may end it at once.
#[cfg(unix)]
pub(super) struct Interrupts {
    /// Each ends the program.
    ending: [tokio::signal::unix::Signal; 3],
    /// The terminal is gone; `None` where the program was started so that it goes on without one, as by `nohup`.
    hung_up: Option<tokio::signal::unix::Signal>,
    /// Those that mean nothing here, and would end a program that does not take them.
    _ignored: [tokio::signal::unix::Signal; 2],
}

#[cfg(unix)]
impl Interrupts {
    pub(super) fn listen() -> std::io::Result<Self> {
        use tokio::signal::unix::{SignalKind, signal};
        let ending = [SignalKind::interrupt(), SignalKind::terminate(), SignalKind::quit()];
        let [interrupt, terminate, quit] = ending.map(signal);
        let hang_up = SignalKind::hangup();
        Ok(Self {
            ending: [interrupt?, terminate?, quit?],
            hung_up: if is_ignored(hang_up.as_raw_value()) { None } else { Some(signal(hang_up)?) },
            _ignored: [signal(SignalKind::user_defined1())?, signal(SignalKind::user_defined2())?],
        })
    }

    /// The next wish that it ends. The end of the terminal is one, and no second one: it may be told more than once.
    pub(super) async fn next(&mut self) {
        let Self { ending: [interrupt, terminate, quit], hung_up, .. } = self;
        let gone = async {
            match hung_up {
                Some(it) => drop(it.recv().await),
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            _ = interrupt.recv() => {}
            _ = terminate.recv() => {}
            _ = quit.recv() => {}
            () = gone => self.hung_up = None,
        }
    }
}

/// Whether whoever started this program had it ignore a signal; false where the system does not tell.
#[cfg(unix)]
fn is_ignored(signal: i32) -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|it| u64::from_str_radix(it.trim(), 16).ok()).unwrap_or_default();
    (mask >> (signal - 1)) & 1 == 1
}

/// Ctrl-c.
#[cfg(not(unix))]
pub(super) struct Interrupts;

#[cfg(not(unix))]
impl Interrupts {
    pub(super) fn listen() -> std::io::Result<Self> {
        Ok(Self)
    }

    pub(super) async fn next(&mut self) {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    }
}

async fn open(args: &Args, access: &Access) -> anyhow::Result<Engine> {
    let usage = |what: String| Stop::new(Exit::Usage, what);
    let path = match Address::parse(&args.store) {
        Ok(Address::Embedded(path)) => path,
        Err(why @ AddressError::Path(_)) => return Err(usage(format!("--store: {why}")).into()),
        _ => {
            let why = format!(
                "--store {:?} is no store this program knows; write sqlite:PATH, as in sqlite:seamwatch.db",
                args.store
            );
            return Err(usage(why).into());
        }
    };
    let settings = rules::read(args.policies.as_deref(), args.contracts.as_deref())?;
    if matches!(access, Access::Open) {
        rules::tokenless(&settings, "start the server with --tokens FILE")?;
    }
    let store = Sqlite::alone(Lock::take(&path)?)?;
    Ok(Engine::open(Arc::new(store), settings).await?)
}

/// Where it listens, who may come, and on what it works.
fn said(args: &Args, address: SocketAddr, access: &Access) -> String {
    let open = match access {
        Access::Open => "open to every program on this machine, no token needed",
        Access::Tokens(_) => "tokens needed",
    };
    let store = clean(&args.store);
    format!("on http://{address} ({open}), state in {store}")
}

/// One line for people and scripts. A server that had to leave something out does not say that it listens, as if all were
/// well: it serves what is left.
fn up(what: &str, aside: &Aside) -> String {
    let (count, first) = (aside.count(), aside.first(3));
    if count == 0 {
        return format!("listening {what}");
    }
    let first: Vec<String> = first.iter().map(ToString::to_string).collect();
    let (records, are) = if count == 1 { ("record", "is") } else { ("records", "are") };
    format!(
        "serving {what}, but {count} {records} of the store cannot be read and {are} left out ({}); `seam verify` tells all",
        first.join("; ")
    )
}

/// Says it to whoever looks; a server whose terminal or log is gone works on, and ends as it should.
pub(super) fn tell(what: &str) {
    log::say(&format!("seam: {what}"));
}

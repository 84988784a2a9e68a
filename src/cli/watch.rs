//! `seam watch`: the console.

use std::io::{IsTerminal, stdin, stdout};
use std::path::{Path, PathBuf};
use std::time::Duration;

use etcetera::BaseStrategy;

use super::serve::files;
use super::{Exit, Stop, private, rules};
use crate::clock;
use crate::config::{Flags, Origin, Settings};
use crate::console::app::{Connection, Named, Place, Size, Start};
use crate::console::shell::{self, Opened, Opener, SavedViews, Setup};
use crate::domain::time::Time;
use crate::keymap::Keymap;
use crate::log;
use crate::orchestrator::api::Limits;
use crate::source::embedded::PORT;
use crate::source::{self, Address, Options};
use crate::store;
use crate::theme::{self, BUILT_IN, Depth, Theme};

/// Longest wait for the answers to agents that are on their way when the user leaves.
const LAST_ANSWERS: Duration = Duration::from_secs(12);

/// Flags of `seam watch`.
#[derive(Clone, Debug, Default, clap::Args)]
pub struct Args {
    /// What to watch: http(s)://HOST:PORT, sqlite:PATH or file:RECORDING [env: SEAM_ADDRESS]
    #[arg(value_name = "ADDRESS")]
    pub address: Vec<String>,
    /// Context: a named connection of the configuration; `seam contexts` lists them [env: SEAM_CONTEXT]
    #[arg(short = 'x', long, value_name = "NAME")]
    pub context: Option<String>,
    /// Configuration file instead of the one in the configuration directory [env: SEAM_CONFIG]
    #[arg(long, value_name = "FILE")]
    pub config: Option<String>,
    /// Theme by name or file [env: SEAM_THEME]
    #[arg(long, value_name = "NAME")]
    pub theme: Option<String>,
    /// Only ASCII signs, for terminals without UTF-8 [env: SEAM_ASCII]
    #[arg(long)]
    pub ascii: bool,
    /// Look, but act on nothing [env: SEAM_READONLY]
    #[arg(long)]
    pub readonly: bool,
    /// Speed of a replay: 1, 60 or max
    #[arg(long, value_name = "SPEED")]
    pub speed: Option<String>,
    /// Time at which a replay starts (RFC 3339) [default: its beginning]
    #[arg(long, value_name = "TIME", value_parser = Time::parse)]
    pub as_of: Option<Time>,
    /// What stops with the console, as a sentence; `None` where the address tells
    #[arg(skip)]
    pub stops: Option<String>,
    #[command(flatten)]
    #[allow(clippy::missing_docs_in_private_items)]
    pub rules: rules::Flags,
}

impl Args {
    /// A flag that means nothing without a recording.
    fn of_replays(&self) -> Option<&'static str> {
        let speed = self.speed.as_ref().map(|_| "--speed");
        speed.or(self.as_of.map(|_| "--as-of"))
    }
}

/// Opens the console on the addresses, on a context, or on the default address.
///
/// # Errors
/// An address or a configuration file is wrong, or there is no terminal.
pub async fn run(args: Args) -> anyhow::Result<Exit> {
    let settings = settings(&args)?;
    let opened = connect(&args, &settings).await?;
    let is_recording = |it: &String| matches!(Address::parse(it), Ok(Address::File(_)));
    if let (Some(flag), false) = (args.of_replays(), settings.addresses.value.iter().any(is_recording)) {
        let why = format!("{flag} is for recordings, and none of these is one: a live address has its own time");
        return Err(Stop::new(Exit::Usage, why).into());
    }
    Box::pin(open(args, &settings, opened)).await
}

/// Opens every source of the settings.
async fn connect(args: &Args, settings: &Settings) -> anyhow::Result<Opened> {
    let speed = match args.speed.as_deref() {
        None => Some(1.0),
        Some("max") => None,
        Some(text) => Some(
            text.parse()
                .map_err(|_| Stop::new(Exit::Usage, format!("the speed `{text}` is not a number: use 1, 60 or max")))?,
        ),
    };
    let (mut names, mut sources, mut addresses) = (Vec::new(), Vec::new(), Vec::new());
    let (mut notes, mut stops) = (Vec::new(), args.stops.clone());
    // Whoever names a store may have it served elsewhere; whoever names nothing wants one that agents can use.
    let alone = settings.addresses.origin == Origin::Default && settings.lock().is_none();
    let listen = alone.then(|| Limits::default().within(files()));
    for text in &settings.addresses.value {
        let usage = |why: source::AddressError| {
            let meant = super::command_like(text);
            // The flag of a command stands behind its name.
            let context = args.context.as_ref().map(|name| format!(" -x {name}")).unwrap_or_default();
            let meant = meant.map(|it| format!(". Did you mean `seam {it}{context}`?"));
            Stop::new(Exit::Usage, why.to_string() + &meant.unwrap_or_default())
        };
        let address = Address::parse(text).map_err(usage)?;
        let options = Options { speed, jump: args.as_of, listen, ..Options::default() };
        let source = rules::open(&address, settings, options).await?;
        let agents = source.capabilities().agents;
        names.push(name(&address));
        let whole = whole(address);
        if let Address::Embedded(path) = &whole
            && source.capabilities().cannot.is_empty()
        {
            stops = Some(match &agents {
                Ok(url) => format!("the orchestrator at {url} is stopped, too: agents get no answer until `fg`"),
                Err(_) => format!(
                    "the orchestrator on {} is stopped, too: no lease ends and no question times out until `fg`",
                    path.display()
                ),
            });
        }
        notes.extend(agents.ok().filter(|_| alone).and_then(|url| elsewhere(&url)));
        sources.push(source);
        addresses.push(whole.to_string());
    }
    let context = settings.context.as_ref().map(|it| &it.value);
    // With an address of the command line it is not the place that its name says.
    let here = context.filter(|it| it.addresses == settings.addresses).map(|it| it.name.clone());
    let word = |it| settings.environment_of(Some(it)).word().to_owned();
    let contexts = settings.contexts.iter().map(|it| Named { name: it.name.clone(), word: word(it) });
    Ok(Opened {
        sources,
        notes,
        stops,
        saved_views: SavedViews {
            directory: settings.directory.clone(),
            address: here.as_ref().map_or_else(|| addresses.join(" "), |name| format!("context {name}")),
        },
        connection: Connection {
            place: Place {
                title: here.clone().unwrap_or_else(|| names.join(" + ")),
                context: here,
                environment: settings.environment(),
            },
            sources: names,
            locked: settings.lock(),
            filter: context.and_then(|it| it.filter.as_ref()).map(|it| it.value.clone()).unwrap_or_default(),
            contexts: contexts.collect(),
        },
    })
}

/// Says that agents find it at another port than the usual one.
fn elsewhere(url: &str) -> Option<String> {
    let usual = format!(":{PORT}");
    (!url.ends_with(&usual)).then(|| format!("port {PORT} is taken by another program: agents reach this one at {url}"))
}

/// Opens a context as the flags would have it at the start. The configuration is read again, as somebody may have
/// mended it meanwhile.
fn opener(args: Args) -> Opener {
    Box::new(move |name| {
        let args = Args { address: Vec::new(), context: Some(name), stops: None, ..args.clone() };
        Box::pin(async move {
            let opened = async { connect(&args, &settings(&args)?).await };
            opened.await.map_err(|why| format!("{why:#}"))
        })
    })
}

/// Name of a source in the status line: short, and enough to tell one from the other.
fn name(address: &Address) -> String {
    let file = |path: &Path| path.file_name().map(|it| it.to_string_lossy().into_owned());
    match address {
        Address::File(path) | Address::Embedded(path) => file(path),
        Address::Http(url) => url.host_str().map(|host| match url.port() {
            Some(port) => format!("{host}:{port}"),
            None => host.to_owned(),
        }),
    }
    .unwrap_or_else(|| address.to_string())
}

/// The address with an absolute path, so that it is the same from every directory.
fn whole(address: Address) -> Address {
    let whole = |path: PathBuf| std::path::absolute(&path).unwrap_or(path);
    match address {
        Address::Embedded(path) => Address::Embedded(whole(path)),
        Address::File(path) => Address::File(whole(path)),
        Address::Http(url) => Address::Http(url),
    }
}

/// The settings with the flags of `seam watch` on top.
///
/// # Errors
/// Every mistake of the configuration file at once.
fn settings(args: &Args) -> anyhow::Result<Settings> {
    Ok(Settings::load(Flags {
        config: args.config.clone(),
        context: args.context.clone(),
        addresses: args.address.clone(),
        theme: args.theme.clone(),
        ascii: args.ascii.then_some(true),
        readonly: args.readonly.then_some(true),
        policies: args.rules.policies.clone(),
        contracts: args.rules.contracts.clone(),
        ..Flags::default()
    })?)
}

/// Opens the console on what is open, and closes it again when the user leaves.
///
/// # Errors
/// A file of the configuration is wrong, or there is no terminal.
async fn open(args: Args, settings: &Settings, opened: Opened) -> anyhow::Result<Exit> {
    needs_a_terminal()?;
    log_to_file();
    let mut notes = opened.notes;
    let keymap = keymap(&settings.keys.value, &mut notes)?;
    let theme = theme(settings, &mut notes)?;
    // Also before the screen opens: there is room for all of them, and they are still there after it.
    for note in &notes {
        super::say(note);
    }
    let setup = Setup {
        start: Start {
            connection: opened.connection,
            operator: settings.operator.value.clone(),
            keymap,
            now: clock::now(),
            local_offset: clock::local_offset,
            size: Size::default(),
            session: uuid::Uuid::now_v7().to_string(),
        },
        sources: opened.sources,
        stops: opened.stops,
        saved_views: opened.saved_views,
        opener: opener(args),
        theme,
        notes,
    };
    let left = Box::pin(shell::run(setup)).await;
    // Agents that are being answered get their answer; what is still open after that is told at the end of the program.
    let _ = tokio::task::spawn_blocking(|| store::none_open(LAST_ANSWERS)).await;
    if let Some(farewell) = left? {
        super::say(&farewell);
    }
    Ok(Exit::Done)
}

/// The log goes to a file, never to the terminal: `SEAM_LOG` says how much, as in `SEAM_LOG=debug`. A console that
/// cannot log still works.
fn log_to_file() {
    let Ok(base) = etcetera::choose_base_strategy() else {
        return;
    };
    let directory = base.state_dir().unwrap_or_else(|| base.data_dir()).join("seamwatch");
    let opened = std::fs::create_dir_all(&directory).and_then(|()| {
        let mut options = std::fs::OpenOptions::new();
        private::open(options.append(true), &directory.join("seam.log"))
    });
    if let Ok(file) = opened {
        // One set up before, by the demonstration, stays.
        log::to_file(file);
    }
}

fn needs_a_terminal() -> Result<(), Stop> {
    let instead = "Without one use `seam get edges`, `seam get dead` and the like: see `seam get --help`";
    let why = if !stdout().is_terminal() || !stdin().is_terminal() {
        "the console needs a terminal, and this is none"
    } else if std::env::var("TERM").is_ok_and(|it| it == "dumb") {
        "the console needs a terminal that can place text, and TERM says it is dumb"
    } else {
        return Ok(());
    };
    Err(Stop::new(Exit::Usage, format!("{why}. {instead}")))
}

fn keymap(path: &Path, notes: &mut Vec<String>) -> Result<Keymap, Stop> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(why) => {
            if why.kind() != std::io::ErrorKind::NotFound {
                notes.push(format!("cannot read {}: {why}; the keys are the usual ones", path.display()));
            }
            String::new()
        }
    };
    Keymap::load(&text).map_err(|mistakes| {
        let lines: Vec<String> = mistakes.iter().map(|it| format!("\n  {it}")).collect();
        let path = path.display();
        Stop::new(Exit::Usage, format!("{path} is wrong; correct it or remove it:{}", lines.concat()))
    })
}

/// A built-in theme, one of the configuration directory, or a file; in the colours that the terminal has.
fn theme(settings: &Settings, notes: &mut Vec<String>) -> Result<Theme, Stop> {
    let name = &settings.theme.value;
    let own = settings.directory.join("themes").join(format!("{name}.toml"));
    let path = if own.is_file() { own } else { source::at_home(name).unwrap_or_else(|_| PathBuf::from(name)) };
    let theme = match (Theme::named(name), std::fs::read_to_string(&path)) {
        (_, Ok(text)) => {
            let (theme, warnings) = theme::load(&text);
            notes.extend(warnings.iter().map(|it| format!("theme {name}, {it}")));
            theme
        }
        (Some(theme), Err(_)) => theme,
        (None, Err(why)) => {
            let known = BUILT_IN.map(|(name, _)| name).join(", ");
            let origin = &settings.theme.origin;
            let what = format!("there is no theme `{name}` ({origin}): {why}. There are {known}, or name a file");
            return Err(Stop::new(Exit::Usage, what));
        }
    };
    let env = |name: &str| std::env::var(name).ok();
    let depth = Depth::detect(env("NO_COLOR").as_deref(), env("TERM").as_deref(), env("COLORTERM").as_deref());
    let theme = theme.at(depth);
    Ok(if settings.ascii.value { theme.ascii() } else { theme })
}

//! The acts: `seam requeue|escalate|dismiss|approve|reject|respond|claim|release ID…`, with the rules of the console:
//! bound to the versions seen, confirmed, and answered item by item.

use anyhow::Context;
use serde_json::Value;

use super::look::{Look, look_to_act};
use super::{Connect, Exit, Output, Stop, say};
use crate::domain::event::DismissReason;
use crate::domain::id::{HandoffId, RunId};
use crate::domain::json;
use crate::domain::port::{ActKind, Format, Found, Given, Request, SeenToken, Target, Want};
use crate::domain::run::Handoff;
use crate::domain::text::without_mark;

mod ask;
pub mod edge;
mod late;
pub mod refused;
mod result;

use result::{Item, finish};

/// Flags of every act.
#[derive(Clone, Debug, clap::Args)]
pub struct Flags {
    /// Why, in your words: kept in the log, and read by whom it concerns; needed with --yes
    #[arg(long, value_name = "TEXT", default_value = "")]
    pub reason: String,
    /// Do not ask; needed when nobody can be asked
    #[arg(long)]
    pub yes: bool,
    /// Name to act under where no token says who you are [env: SEAM_OPERATOR]
    #[arg(long = "as", value_name = "WHO")]
    pub who: Option<String>,
    #[command(flatten)]
    #[allow(clippy::missing_docs_in_private_items)]
    pub connect: Connect,
}

impl Flags {
    /// The name to act under.
    fn operator(&self) -> anyhow::Result<String> {
        let settings = self.connect.settings()?;
        if let Some(why) = settings.lock() {
            return Err(Stop::new(Exit::Refused, format!("acting is off: {why}")).into());
        }
        Ok(self.who.clone().unwrap_or(settings.operator.value))
    }
}

/// Flags of every act on handoffs.
#[derive(Clone, Debug, clap::Args)]
pub struct On {
    /// Ids of handoffs; - reads them from standard input, one a line
    #[arg(required = true, value_name = "ID")]
    pub ids: Vec<String>,
    #[command(flatten)]
    #[allow(clippy::missing_docs_in_private_items)]
    pub flags: Flags,
    /// Only if it still has this version [default: the one it has now]
    #[arg(long, value_name = "VERSION", value_parser = version)]
    pub version: Option<SeenToken>,
    /// How to print
    #[arg(short, long, value_enum, default_value_t)]
    pub output: Output,
}

/// The acts on handoffs.
#[derive(Clone, Debug, clap::Subcommand)]
pub enum Act {
    /// Return dead letters to the queue
    Requeue(On),
    /// Ask a person; the reason is the question
    Escalate {
        #[command(flatten)]
        #[allow(clippy::missing_docs_in_private_items)]
        on: On,
        /// Whom to ask
        #[arg(long, default_value = "operators")]
        role: String,
        /// Take it away from the agent that works on it
        #[arg(long)]
        force: bool,
    },
    /// End handoffs unprocessed
    Dismiss {
        #[command(flatten)]
        #[allow(clippy::missing_docs_in_private_items)]
        on: On,
        /// Which sort of reason
        #[arg(long, value_parser = because())]
        because: DismissReason,
    },
    /// Let escalated handoffs go ahead
    Approve {
        #[command(flatten)]
        #[allow(clippy::missing_docs_in_private_items)]
        on: On,
        /// The edited body to go ahead with
        #[arg(long, value_name = "FILE")]
        edit: Option<String>,
    },
    /// Send escalated handoffs back to their source; the reason is the feedback
    Reject(On),
    /// Answer the question of an agent
    Respond {
        #[command(flatten)]
        #[allow(clippy::missing_docs_in_private_items)]
        on: On,
        /// The answer as JSON; a text needs its quotes: '"yes"'
        #[arg(long, value_name = "JSON", value_parser = answer)]
        value: Value,
    },
    /// Say what you make of handoffs or runs: a verdict that is kept with your name; the reason is a note
    Annotate {
        #[command(flatten)]
        #[allow(clippy::missing_docs_in_private_items)]
        on: On,
        /// The verdict in a few words, such as 'root cause: writer'
        #[arg(long, value_name = "TEXT")]
        verdict: String,
        /// The ids are those of runs
        #[arg(long)]
        run: bool,
    },
    /// Say that you are on it; others see your name
    Claim(On),
    /// Let others take it again
    Release(On),
}

/// A version as somebody typed it: numbers have one form.
#[allow(clippy::unnecessary_wraps)] // clap wants a result
fn version(text: &str) -> Result<SeenToken, String> {
    Ok(text.parse::<u64>().map_or_else(|_| text.into(), Into::into))
}

fn because() -> impl clap::builder::TypedValueParser<Value = DismissReason> {
    use clap::builder::{PossibleValuesParser, TypedValueParser};
    PossibleValuesParser::new(DismissReason::ALL.map(DismissReason::word)).map(|word| {
        let known = DismissReason::ALL.into_iter().find(|it| it.word() == word);
        known.expect("clap lets only the words of known reasons through")
    })
}

fn answer(text: &str) -> Result<Value, String> {
    json::parse(text.as_bytes()).map_err(|why| match why.keyword.as_str() {
        "json" => format!("{}; a text needs quotes: '\"…\"'", why.message),
        _ => why.to_string(),
    })
}

/// Runs `seam act`: reads the ids, asks for confirmation, sends the requests and prints the result of each item.
///
/// # Errors
/// Nothing was done: the address does not answer, acting is not possible there, or nobody confirmed.
pub async fn run(mut act: Act) -> anyhow::Result<Exit> {
    act.read_ids()?;
    let (on, kind) = act.parts();
    // Whoever is asked can still see that there is none; an act that nobody looks at again says why.
    let needed = kind.row().needs_words() || on.flags.yes && !kind.row().words.is_empty() && !kind.row().adds;
    if needed && on.flags.reason.trim().is_empty() {
        let why = format!("{}: --reason TEXT is needed", kind.verb());
        return Err(Stop::new(Exit::Usage, why).into());
    }
    if kind.row().adds && on.version.is_some() {
        let why = "--version is for what changes something: an annotation is kept whatever happened since";
        return Err(Stop::new(Exit::Usage, why).into());
    }
    if on.ids.len() > 1 && (on.version.is_some() || kind == ActKind::EditApprove) {
        let why = "--version and --edit belong to one handoff: name one";
        return Err(Stop::new(Exit::Usage, why).into());
    }
    let by = on.flags.operator()?;
    let look = look_to_act(&on.flags.connect).await?;
    may(&look, kind)?;
    let by = look.source.capabilities().you.unwrap_or(by);
    for id in &mut act.on_mut().ids {
        *id = look.whole(id)?;
    }
    let (on, kind) = act.parts();
    let edited = act.edited(&look).await?;
    let (targets, mut items) = targets(&look, &act).await;
    if !targets.is_empty() {
        ask::confirm(&look, on, kind, &act.given(), &targets)?;
    }
    for request in requests(&look, &act, edited, &targets, &by).await {
        items.extend(result::of(&request, look.source.perform(request.clone()).await));
    }
    for it in &mut items {
        if let Err(fault) = &it.done {
            let forced = (kind, act.given().force);
            let why = late::explain(&look, forced, on.version.as_ref(), &it.handoff, fault.clone());
            it.done = Err(why.await);
        }
    }
    items.sort_by_key(|it| on.ids.iter().position(|id| *id == *it.handoff.as_str()));
    finish(&look, on, kind, &by, &items)
}

/// Refuses what cannot be done at this address, or not by whoever asks.
fn may(look: &Look, kind: ActKind) -> Result<(), Stop> {
    let can = look.source.capabilities();
    can.may(kind).map_err(|why| Stop::new(Exit::Refused, format!("cannot {}: {why}", kind.verb())))
}

/// Targets at the versions they have now, and a failed item for each id that no open handoff has.
async fn targets(look: &Look, act: &Act) -> (Vec<Target>, Vec<Item>) {
    let (mut targets, mut missing) = (Vec::new(), Vec::new());
    let (on, kind) = act.parts();
    let of_run = act.given().of_run;
    for id in &on.ids {
        let handoff = HandoffId::from(id.as_str());
        let known = look.ledger.run_of(&handoff).zip(look.ledger.handoff(&handoff)).filter(|_| !of_run);
        let found = match known {
            Some((run, it)) => Ok((run.id.clone(), on.version.clone().unwrap_or_else(|| it.seen()))),
            None if of_run => Ok((RunId::from(id.as_str()), 0.into())),
            // It ended, which bars nobody from saying something of it.
            None if kind.row().adds => {
                late::run_of(look, &handoff).await.map(|run| (run, 0.into())).ok_or_else(|| late::unknown(look))
            }
            None => Err(late::missing(look, &handoff).await),
        };
        match found {
            Ok((run, seen)) => {
                let target = Target { run, handoff, seen };
                if !targets.contains(&target) {
                    targets.push(target);
                }
            }
            Err(why) => missing.push(Item { done: Err(why), handoff, run: None, version: None }),
        }
    }
    (targets, missing)
}

/// One request for all where that is possible; one each where a decision is bound to what is decided on.
async fn requests(look: &Look, act: &Act, edited: Option<Value>, targets: &[Target], by: &str) -> Vec<Request> {
    let (on, kind) = act.parts();
    let bound = !matches!(kind, ActKind::Dismiss) && kind.row().answer.is_some();
    let given = Given { value: edited.or(act.given().value), ..act.given() };
    let each = if bound { 1 } else { targets.len().max(1) };
    let mut requests = Vec::new();
    for some in targets.chunks(each) {
        let digest = match some.first() {
            Some(one) if bound => digest(look, &one.handoff).await,
            _ => String::new(),
        };
        if let Some(act) = kind.with(&Given { digest, ..given.clone() }) {
            let key = uuid::Uuid::now_v7().to_string();
            requests.push(Request { on: some.to_vec(), act, by: by.to_owned(), why: on.flags.reason.clone(), key });
        }
    }
    requests
}

/// Digest that an answer is bound to: the one that is known, else the one that comes with the body; empty when there is
/// neither.
async fn digest(look: &Look, handoff: &HandoffId) -> String {
    let known = look.ledger.handoff(handoff).and_then(Handoff::bound_digest);
    if let Some(known) = known {
        return known.to_owned();
    }
    match look.source.fetch(Want::Body(handoff.clone())).await {
        Ok(Found::Body(body)) => body.digest,
        Ok(Found::Timeline { .. } | Found::Revealed(_)) | Err(_) => String::new(),
    }
}

impl Act {
    fn parts(&self) -> (&On, ActKind) {
        match self {
            Self::Requeue(on) => (on, ActKind::Requeue),
            Self::Escalate { on, .. } => (on, ActKind::Escalate),
            Self::Dismiss { on, .. } => (on, ActKind::Dismiss),
            Self::Approve { on, edit: None } => (on, ActKind::Approve),
            Self::Approve { on, .. } => (on, ActKind::EditApprove),
            Self::Reject(on) => (on, ActKind::Reject),
            Self::Respond { on, .. } => (on, ActKind::Respond),
            Self::Annotate { on, .. } => (on, ActKind::Annotate),
            Self::Claim(on) => (on, ActKind::Claim),
            Self::Release(on) => (on, ActKind::Release),
        }
    }

    /// Input of the act (role, reason, answer, ...) as the flags gave it; empty where a flag is absent.
    fn given(&self) -> Given {
        match self {
            Self::Escalate { role, force, .. } => Given { role: role.clone(), force: *force, ..Given::default() },
            Self::Dismiss { because, .. } => Given { reason: Some(*because), ..Given::default() },
            Self::Respond { value, .. } => Given { value: Some(value.clone()), ..Given::default() },
            Self::Annotate { verdict, run, .. } => Given { verdict: verdict.clone(), of_run: *run, ..Given::default() },
            Self::Requeue(_) | Self::Approve { .. } | Self::Reject(_) | Self::Claim(_) | Self::Release(_) => {
                Given::default()
            }
        }
    }

    const fn on_mut(&mut self) -> &mut On {
        let (Self::Requeue(on)
        | Self::Reject(on)
        | Self::Claim(on)
        | Self::Release(on)
        | Self::Escalate { on, .. }
        | Self::Dismiss { on, .. }
        | Self::Approve { on, .. }
        | Self::Annotate { on, .. }
        | Self::Respond { on, .. }) = self;
        on
    }

    /// Puts the ids of standard input in the place of `-`; none is a fine number of them.
    fn read_ids(&mut self) -> anyhow::Result<()> {
        let on = self.on_mut();
        if let Some(at) = on.ids.iter().position(|id| id == "-") {
            let text = std::io::read_to_string(std::io::stdin());
            let text = text.context("cannot read ids from standard input")?;
            let lines = without_mark(&text).lines().map(|line| line.trim().to_owned());
            on.ids.splice(at..=at, lines.filter(|line| !line.is_empty()));
        }
        if on.ids.is_empty() {
            say("no ids on standard input: nothing to do");
        }
        Ok(())
    }

    /// The edited body, read before anything is asked: JSON, unless what is edited is a text.
    async fn edited(&self, look: &Look) -> anyhow::Result<Option<Value>> {
        let Self::Approve { on, edit: Some(file) } = self else {
            return Ok(None);
        };
        let text = super::check::read(file)?;
        let id = on.ids.first().map(|it| HandoffId::from(it.as_str()));
        if let Some(id) = id
            && let Ok(Found::Body(body)) = look.source.fetch(Want::Body(id)).await
            && body.format == Format::Text
        {
            let text = String::from_utf8(text).with_context(|| format!("{file} is not text in UTF-8"))?;
            return Ok(Some(without_mark(&text).into()));
        }
        match json::parse(&text) {
            Ok(value) => Ok(Some(value)),
            Err(wrong) => {
                say(&format!("{file} cannot be approved: {wrong}"));
                Err(Stop::new(Exit::Refused, "nothing was done").into())
            }
        }
    }
}

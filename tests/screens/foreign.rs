//! A source that is no orchestrator of ours: it keeps no log, marks states with words, gives bodies that are no
//! contract, and learns while it is watched what it can do.

use std::sync::{Arc, Mutex};

use futures_util::future::{self, BoxFuture, FutureExt};
use futures_util::stream::{self, BoxStream, StreamExt};
use seamwatch::testing::console::app::msg::{Effect, Msg, Reply};
use seamwatch::testing::domain::contract::Urgency;
use seamwatch::testing::domain::event::{Answer, Emission, Escalation, EscalationKind, Event, Fact, Timeout};
use seamwatch::testing::domain::health::{Measured, Measures};
use seamwatch::testing::domain::id::{Actor, Edge};
use seamwatch::testing::domain::port::{
    Act, ActKind, Batch, Begin, Body, Capabilities, Cursor, Fault, Found, Outcome, Report, Request, Snapshot, Want,
};
use seamwatch::testing::domain::time::{HOUR, MINUTE, Millis, SECOND};
use seamwatch::testing::source::{Source, Supervised, supervise};
use serde_json::{Value, json};
use tokio::sync::mpsc::{UnboundedSender, unbounded_channel};

use super::console::{Console, at, emission};

type Told = Result<Batch, Fault>;

/// A server of agents, as the console sees it: what it tells is told by the test.
struct Agents {
    tell: Mutex<Option<UnboundedSender<Told>>>,
    began: Mutex<Vec<Option<Cursor>>>,
    can: Mutex<Capabilities>,
    requests: Mutex<Vec<Request>>,
    /// State of the refund now: what an act on it has to be bound to.
    state: Mutex<&'static str>,
}

impl Source for Agents {
    fn capabilities(&self) -> Capabilities {
        self.can.lock().unwrap().clone()
    }

    fn watch(&self, from: Option<Cursor>) -> BoxStream<'static, Told> {
        let (tell, heard) = unbounded_channel();
        let begin = match &from {
            None => {
                Begin::Fresh(Box::new(Snapshot { at: at(0), cursor: Cursor::from("poll-a"), ..Snapshot::default() }))
            }
            Some(_) => Begin::Resumed,
        };
        tell.send(Ok(Batch::Begin(begin))).unwrap();
        *self.tell.lock().unwrap() = Some(tell);
        self.began.lock().unwrap().push(from);
        stream::unfold(heard, async |mut heard| Some((heard.recv().await?, heard))).boxed()
    }

    fn fetch(&self, want: Want) -> BoxFuture<'static, Result<Found, Fault>> {
        let body = match want {
            Want::Body(id) if id.as_str() == "refund" => Body::json(json!({"amount": 19.5}), "etag-refund".to_owned()),
            Want::Body(id) if id.as_str() == "mail" => {
                Body::text("Dear Hansen,\nyou get \u{202e}19.50", "etag-mail".to_owned())
            }
            other => return future::ready(Err(Fault::Refused(format!("there is no {other:?}")))).boxed(),
        };
        future::ready(Ok(Found::Body(Box::new(body)))).boxed()
    }

    fn perform(&self, request: Request) -> BoxFuture<'static, Result<Outcome, Fault>> {
        let state = *self.state.lock().unwrap();
        let items = request.on.iter().map(|on| {
            let moved = on.handoff.as_str() == "refund" && on.seen.as_str() != state;
            let done = if moved { Err(Fault::Conflict { found: state.into(), by: None }) } else { Ok(()) };
            (Some(on.handoff.clone()), done)
        });
        let items = items.collect();
        self.requests.lock().unwrap().push(request);
        future::ready(Ok(Outcome { items, note: None })).boxed()
    }
}

/// A console that watches it, by the supervisor.
struct Watched {
    console: Console,
    source: Arc<Agents>,
    reports: Supervised,
    /// Effects of the console that were carried out.
    served: usize,
}

impl Watched {
    /// With what the source can do at first, once it is connected.
    async fn new(can: Capabilities) -> Self {
        let source = Arc::new(Agents {
            tell: Mutex::default(),
            began: Mutex::default(),
            can: Mutex::new(can),
            requests: Mutex::default(),
            state: Mutex::new("cp-1a"),
        });
        let reports = supervise(source.clone());
        let mut it = Self { console: Console::new(120, 40), source, reports, served: 0 };
        it.hear_until(|it| matches!(it, Report::Batch(Batch::Begin(_)))).await;
        it
    }

    /// With three questions to a person.
    async fn asked() -> Self {
        let mut it = Self::new(agents()).await;
        it.tell(Ok(Batch::Events { events: questions(), cursor: Cursor::from("poll-b"), behind: Some(7) })).await;
        it
    }

    /// Lets the source say something, and the console hear it.
    async fn tell(&mut self, told: Told) {
        let failed = told.is_err();
        self.source.tell.lock().unwrap().as_ref().unwrap().send(told).unwrap();
        self.hear_until(|it| failed == matches!(it, Report::Down { .. })).await;
    }

    async fn hear_until(&mut self, last: impl Fn(&Report) -> bool) {
        loop {
            let report = self.reports.next().await.unwrap();
            let is_last = last(&report);
            self.console.hear(report);
            self.serve().await;
            if is_last {
                return;
            }
        }
    }

    async fn keys(&mut self, keys: &str) -> &Console {
        self.console.keys(keys);
        self.serve().await;
        &self.console
    }

    /// Does for the console what the shell does.
    async fn serve(&mut self) {
        while let Some(effect) = self.console.effects.get(self.served).cloned() {
            self.served += 1;
            let (ticket, reply) = match effect {
                Effect::Fetch(ticket, _, want) => (ticket, self.source.fetch(want).await.map(Reply::Found)),
                Effect::Perform(ticket, _, request) => (ticket, self.source.perform(request).await.map(Reply::Done)),
                _ => continue,
            };
            self.console.tell(Msg::Answered(ticket, reply));
        }
    }

    /// The only request so far: the state it is bound to, and the answer with its digest and value.
    fn decision(&self) -> (String, Answer, String, Option<Value>) {
        let requests = self.source.requests.lock().unwrap();
        let [request] = &requests[..] else { panic!("one request: {requests:?}") };
        let Act::Resolve { answer, context_digest, value } = &request.act else { panic!("{request:?}") };
        (request.on[0].seen.to_string(), *answer, context_digest.clone(), value.clone())
    }
}

fn agents() -> Capabilities {
    let why_not = |act| (act == ActKind::Reject).then(|| "this server takes no feedback".to_owned());
    Capabilities { timelines: false, ..Capabilities::everything("agent server").without(why_not) }
}

fn event(offset: Millis, handoff: &str, seen: &str, fact: Fact) -> Event {
    let (run, actor) = ("thread-1".into(), Actor::agent("billing"));
    Event { run, seq: 0, at: at(offset), handoff: Some(handoff.into()), actor, seen: Some(seen.into()), fact }
}

fn question(handoff: &str, allow: Vec<Answer>, schema: Option<Value>, due: Millis) -> [Event; 2] {
    let title = format!("Decide on the {handoff}");
    let head = Emission::observed(Edge::new("refunds", "billing", "stripe"), &title, at(-2 * MINUTE));
    let asked = Escalation {
        id: format!("interrupt-{handoff}"),
        kind: EscalationKind::Approval,
        question: title,
        allow,
        role: Some("operators".to_owned()),
        urgency: Urgency::Normal,
        due_at: Some(at(due)),
        on_timeout: Timeout::DeadLetter,
        proposed_action: None,
        requested_schema: schema,
        context_digest: None,
        required: false,
        asker: None,
        cause: None,
    };
    [
        event(-2 * MINUTE, handoff, "cp-0", Fact::Emitted(Arc::new(head))),
        event(-MINUTE, handoff, "cp-1a", Fact::EscalationOpened(Box::new(asked))),
    ]
}

/// The refund first, then the mail, then a choice.
fn questions() -> Vec<Event> {
    let decide = vec![Answer::Approve, Answer::EditApprove, Answer::Reject];
    let choice = json!({"enum": ["ship", "wait"], "description": "what now?"});
    let all = [
        question("refund", decide.clone(), None, HOUR),
        question("mail", decide, None, 2 * HOUR),
        question("choice", vec![Answer::Respond], Some(choice), 3 * HOUR),
    ];
    all.into_iter().flatten().collect()
}

#[tokio::test(start_paused = true)]
async fn json_that_is_no_contract_is_shown_whole_and_approved_by_its_digest() {
    let mut it = Watched::asked().await;
    it.keys("5").await.must_show("\"amount\": 19.5").must_show("none: the body is other JSON");
    it.keys("A").await.must_show("It goes ahead exactly as shown");
    it.keys("y").await.must_show("approved Decide on the refund");
    assert_eq!(it.decision(), ("cp-1a".to_owned(), Answer::Approve, "etag-refund".to_owned(), None));
}

#[tokio::test(start_paused = true)]
async fn a_long_body_is_approved_only_when_all_of_it_was_seen() {
    let mut it = Watched::asked().await;
    it.console.tell(Msg::Resize(seamwatch::testing::console::app::Size { columns: 80, rows: 14 }));
    it.keys("5").await;
    it.keys("A").await.must_show("not seen yet: ctrl-d scrolls");
    it.keys("<ctrl-d><ctrl-d><ctrl-d><ctrl-d>A").await.must_show("It goes ahead exactly as shown");
}

#[tokio::test(start_paused = true)]
async fn json_is_edited_as_json_and_a_text_as_a_text() {
    for (keys, edit, wanted) in [
        ("5", ("19.5", "5", "~ /amount 5"), ("etag-refund", json!({"amount": 5}))),
        ("5j", ("19.50", "5.00", "+ you get ⟨U+202E⟩5.00"), ("etag-mail", json!("Dear Hansen,\nyou get ⟨U+202E⟩5.00"))),
    ] {
        let mut it = Watched::asked().await;
        it.keys(keys).await;
        it.keys("e").await;
        let Some(Effect::Edit(ticket, text)) = it.console.effects.last().cloned() else {
            panic!("{:?}", it.console.effects.last());
        };
        assert!(!text.contains('\u{202e}'), "nothing hides in what an editor gets: {text}");
        it.console.tell(Msg::Edited(ticket, Ok(text.replace(edit.0, edit.1))));
        it.console.must_show(edit.2);
        it.keys("y").await;
        let (_, answer, digest, value) = it.decision();
        assert_eq!((answer, &*digest, value), (Answer::EditApprove, wanted.0, Some(wanted.1)));
    }
}

#[tokio::test(start_paused = true)]
async fn a_text_is_shown_and_copied_as_a_text() {
    let mut it = Watched::asked().await;
    it.keys("5j").await.must_show("Dear Hansen,").must_show("none: the body is a text");
    it.keys("<enter>").await.must_show("Dear Hansen,");
    it.keys("Y").await;
    let copied = it.console.effects.iter().rev().find_map(|it| match it {
        Effect::Copy(text) => Some(text.clone()),
        _ => None,
    });
    assert!(copied.is_some_and(|it| it.contains("Dear Hansen,") && !it.contains('\u{202e}') && !it.contains("\\n")));
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_a_value_of_its_schema() {
    let mut it = Watched::asked().await;
    it.keys("5jjr").await.must_show("your answer (string): what now?").must_show("wait");
    it.keys("j<enter>y").await;
    let (_, answer, _, value) = it.decision();
    assert_eq!((answer, value), (Answer::Respond, Some(json!("wait"))));
}

#[tokio::test(start_paused = true)]
async fn each_act_has_its_reason_and_the_reasons_change_while_connected() {
    let mut it = Watched::asked().await;
    it.keys("5X").await.must_show("this server takes no feedback");
    it.keys("A").await.must_show("It goes ahead exactly as shown");
    it.keys("<esc>").await;
    let narrowed = |act| (act == ActKind::Approve).then(|| "the key was narrowed at noon".to_owned());
    let can = Capabilities::everything("agent server").without(narrowed);
    it.tell(Ok(Batch::Capabilities(Box::new(can)))).await;
    it.keys("A").await.must_show("the key was narrowed at noon");
    it.keys("X").await.must_show("feedback: what must change");
    it.keys("<esc>7").await.must_show("approve: the key was narrowed at noon").must_show("7 events behind");
    assert!(it.source.requests.lock().unwrap().is_empty());
}

#[tokio::test(start_paused = true)]
async fn what_is_not_measured_of_an_edge_is_no_number_and_not_bad() {
    let edges = [Edge::new("refunds", "billing", "stripe"), Edge::new("refunds", "stripe", "mailer")];
    let unseen = Measures { latency: false, retries: false, ..Measures::ALL };
    let edge = |edges: &[Edge]| Measured {
        edges: edges.iter().map(|it| (it.clone(), unseen)).collect(),
        ..Measured::default()
    };
    let mut it = Watched::new(Capabilities { measured: edge(&edges[..1]), ..agents() }).await;
    let waiting = edges.iter().zip(["one", "two"]);
    let emitted = waiting.map(|(edge, id)| {
        event(-3 * HOUR, id, "cp-0", Fact::Emitted(Arc::new(emission(edge.clone(), "waits", at(-3 * HOUR)))))
    });
    it.tell(Ok(Batch::Events { events: emitted.collect(), cursor: Cursor::from("poll-b"), behind: None })).await;
    let row = |console: &Console, name: &str| {
        let rows = console.rows();
        rows.into_iter().find(|row| row.contains(name)).unwrap_or_default()
    };
    it.keys("2").await;
    let (one, two) = (row(&it.console, "billing>stripe"), row(&it.console, "stripe>mailer"));
    assert_eq!(one.matches("n/m").count(), 4, "P50, P95, P99 and retries: {one}");
    assert!(!one.contains("slow") && two.contains("slow") && !two.contains("n/m"), "{one}\n{two}");
    it.keys("7").await.must_show("latency and retries not on billing>stripe");
    // It learns to see acknowledgements there, and no longer sees those of the other.
    let can = Capabilities { measured: edge(&edges[1..]), ..agents() };
    it.tell(Ok(Batch::Capabilities(Box::new(can)))).await;
    it.console.tick(SECOND);
    it.keys("2").await;
    let (one, two) = (row(&it.console, "billing>stripe"), row(&it.console, "stripe>mailer"));
    assert!(one.contains("slow") && !two.contains("slow") && two.contains("n/m"), "{one}\n{two}");
}

#[tokio::test(start_paused = true)]
async fn a_beginning_that_resumes_keeps_what_was_known() {
    let mut it = Watched::asked().await;
    it.keys("5").await.must_show("Decide on the refund");
    for _ in 0..3 {
        it.tell(Err(Fault::Transient("the poll failed".to_owned()))).await;
        it.hear_until(|it| matches!(it, Report::Batch(Batch::Begin(Begin::Resumed)))).await;
    }
    it.console.must_show("Decide on the refund").must_not_show("the poll failed");
    let began = it.source.began.lock().unwrap().clone();
    let known = || Some(Cursor::from("poll-b"));
    assert_eq!(began, [None, known(), known(), known()], "however often it failed");
}

#[tokio::test(start_paused = true)]
async fn an_act_is_bound_to_a_state_that_is_no_number() {
    let mut it = Watched::asked().await;
    *it.source.state.lock().unwrap() = "cp-2b";
    it.keys("5").await;
    it.keys("A").await;
    it.keys("y").await.must_show("it changed since you saw it (now cp-2b)");
    assert_eq!(it.decision().0, "cp-1a");
    // What the console knows to have moved is not sent at all.
    it.keys("A").await.must_show("It goes ahead exactly as shown");
    let claimed = Fact::EscalationClaimed { until: at(15 * MINUTE) };
    let by = Event { actor: Actor::user("ben"), ..event(SECOND, "refund", "cp-2b", claimed) };
    it.tell(Ok(Batch::Events { events: vec![by], cursor: Cursor::from("poll-c"), behind: None })).await;
    it.console.must_show("ben").must_show("nothing will be sent");
    it.keys("y").await;
    assert_eq!(it.source.requests.lock().unwrap().len(), 1);
    let fetches = it.console.effects.iter().filter(|it| matches!(it, Effect::Fetch(..))).count();
    assert_eq!(fetches, 2, "a body without a digest that is known is that of one state");
}

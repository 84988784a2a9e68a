//! Contexts: production is named wherever an act is confirmed, and another context is opened from the palette.

use seamwatch::testing::console::app::act::{ActTarget, Proposal};
use seamwatch::testing::console::app::msg::{Effect, Msg, Ticket};
use seamwatch::testing::console::app::{Connection, Named, Place, Reply};
use seamwatch::testing::domain::environment::{Color, Environment};
use seamwatch::testing::domain::id::Edge;
use seamwatch::testing::domain::port::{ActKind, Body, Found, Target};
use seamwatch::testing::domain::time::SECOND;
use seamwatch::testing::theme::Theme;
use serde_json::json;

use super::console::{Console, SOURCE, Story, at, production};
use super::support::connected;

const EDGE: (&str, &str, &str) = ("launch-article", "writer", "reviewer");

/// A console in production that knows one handoff, and three contexts.
fn console(columns: u16, rows: u16) -> Console {
    let named = |name: &str, word: &str| Named { name: name.to_owned(), word: word.to_owned() };
    let contexts = vec![named("prod-eu", "PROD"), named("staging", "staging"), named("bare", "")];
    let place = Place { context: Some("prod-eu".to_owned()), ..production().place };
    let connection = Connection { place, contexts, ..production() };
    let mut console = Console::on(columns, rows, connection);
    for report in connected(at(0)) {
        console.hear(report);
    }
    console.happen(Story::new("r1").emitted(-60 * SECOND, "h-1", EDGE, "One").events);
    console
}

fn proposal(act: ActKind) -> Proposal {
    Proposal::new(
        act,
        vec![ActTarget {
            source: SOURCE,
            target: Target { run: "r1".into(), handoff: "h-1".into(), seen: 1.into() },
            version: 1,
            label: "One".to_owned(),
            edge: Edge::new(EDGE.0, EDGE.1, EDGE.2),
            since: at(-60 * SECOND),
            digest: String::new(),
        }],
    )
}

/// What staging is: another environment, locked, with a filter.
fn staging() -> Connection {
    Connection {
        place: Place {
            title: "staging".to_owned(),
            context: Some("staging".to_owned()),
            environment: Environment::new("staging", Some(Color::Warning)),
        },
        sources: vec!["127.0.0.1:7600".to_owned(), "127.0.0.1:7601".to_owned()],
        locked: Some("the context staging is read-only".to_owned()),
        filter: "to:reviewer".to_owned(),
        contexts: vec![Named { name: "staging".to_owned(), word: "staging".to_owned() }],
    }
}

/// The ticket of the latest context that was asked for, and its name.
fn asked(console: &Console) -> (Ticket, String) {
    let mut asked = console.effects.iter().rev().filter_map(|it| match it {
        Effect::Open(ticket, name) => Some((*ticket, name.clone())),
        _ => None,
    });
    asked.next().expect("a context was asked for")
}

#[test]
fn production_is_named_wherever_an_act_is_confirmed() {
    let mut console = console(80, 24);
    console.propose(proposal(ActKind::Requeue));
    console.must_show("PROD: requeue One").must_show("[ Requeue on PROD ]");
    console.golden("confirm-prod-80x24");
    // Without colours and signs the word is still there.
    console.theme = Theme::named("mono").unwrap().ascii();
    console.tick(0);
    console.must_show("PROD: requeue One").must_show("[ Requeue on PROD ]");
    console.keys("<esc>");
    console.propose(proposal(ActKind::Dismiss));
    console.keys("<enter><enter>").must_show("[ Dismiss on PROD ]");
    let mut small = self::console(40, 10);
    small.propose(proposal(ActKind::Requeue));
    small.must_show("PROD: requeue One").must_show("[ Requeue on PROD ]");
    console.keys("yq").must_show("PROD: leave Seamwatch").must_show("dismissal of 1 handoff on PROD was not sent");
}

#[test]
fn the_border_of_a_confirmation_has_the_colour_of_the_environment() {
    let border = |connection: Connection| {
        let mut console = Console::on(80, 24, Connection { locked: None, ..connection });
        for report in connected(at(0)) {
            console.hear(report);
        }
        console.propose(proposal(ActKind::Requeue));
        let corner = console.buffer().content.iter().find(|it| it.symbol() == "╭").unwrap().fg;
        console.keys("<esc>");
        let word = console.state.place.environment.word();
        if !word.is_empty() {
            let at = console.rows()[0].find(word).unwrap();
            assert_eq!(console.buffer().content[at].fg, corner, "{word} in the status line");
        }
        corner
    };
    let nowhere = Connection { sources: vec!["local".to_owned()], ..Connection::default() };
    let colours = [border(production()), border(staging()), border(nowhere)];
    assert_ne!(colours[0], colours[1]);
    assert_eq!(colours[0], colours[2], "a change is a danger without a word, too");
}

#[test]
fn another_context_is_opened_from_the_palette_and_nothing_of_the_first_is_left() {
    let mut console = console(120, 30);
    console.keys("6").must_show("writer>reviewer");
    console.keys(":context").must_show("context staging").must_show("you are here");
    console.keys(" stag<enter>").must_show("context staging").must_show("Stay here");
    let (ticket, name) = asked(&console);
    assert_eq!(name, "staging");
    console.must_show("prod-eu");
    let effects = console.tell(Msg::Opened(ticket, Ok(staging())));
    assert_eq!(effects, [Effect::Attach]);
    console.must_not_show("prod-eu").must_not_show("writer>reviewer").must_not_show("Stay here");
    console.must_show("Nothing is known yet").must_show("staging").must_show("READ-ONLY");
    assert_eq!(console.state.world.feeds.len(), 2);
    for report in connected(at(0)) {
        console.hear(report);
    }
    let mut story = Story::new("r1").emitted(-SECOND, "h-1", EDGE, "One").events;
    story.extend(Story::new("r2").emitted(-SECOND, "h-2", ("launch-article", "research", "writer"), "Two").events);
    console.happen(story);
    console.keys("6").must_show("writer>reviewer").must_not_show("research>writer");
    console.propose(proposal(ActKind::Requeue));
    console.must_show("the context staging is read-only");
}

#[test]
fn nothing_that_is_begun_is_lost_by_a_change() {
    let switch = ":context staging<enter>";
    let opens = |console: &Console| console.effects.iter().any(|it| matches!(it, Effect::Open(..)));
    let mut pending = console(120, 30);
    pending.propose(proposal(ActKind::Dismiss));
    pending
        .keys("<enter><enter>y")
        .keys(switch)
        .must_show("still on prod-eu: the dismissal of 1 handoff was not sent yet");
    assert!(!opens(&pending));
    pending.keys("z").keys(switch);
    assert!(opens(&pending), "taken back, it holds up nothing");

    let mut sent = console(120, 30);
    sent.propose(proposal(ActKind::Requeue));
    sent.keys("y").keys(switch).must_show("still on prod-eu: what was sent is not answered yet");
    assert!(!opens(&sent));

    let mut edited = console(120, 30);
    edited.edit_approve(proposal(ActKind::EditApprove).targets.remove(0));
    edited.keys(switch).must_show("still on prod-eu: a contract is being edited");
    assert!(!opens(&edited));
}

#[test]
fn an_edit_that_is_given_up_holds_up_nothing() {
    let mut console = console(120, 30);
    console.edit_approve(proposal(ActKind::EditApprove).targets.remove(0));
    let Some(Effect::Fetch(ticket, ..)) = console.effects.last().cloned() else {
        panic!("{:?}", console.effects);
    };
    let body = Body::contract(json!({"amount": 10}), "sha256:00".to_owned());
    let found = Found::Body(Box::new(body));
    console.tell(Msg::Answered(ticket, Ok(Reply::Found(found))));
    let Some(Effect::Edit(ticket, _)) = console.effects.last().cloned() else {
        panic!("{:?}", console.effects);
    };
    console.tell(Msg::Edited(ticket, Ok("{ not json".to_owned())));
    console.keys("<esc>:context staging<enter>").must_show("Stay here");
    asked(&console);
}

#[test]
fn a_context_that_cannot_be_opened_says_why_and_everything_stays() {
    let mut console = console(120, 30);
    console.keys("6:context staging<enter>");
    let (ticket, _) = asked(&console);
    let why = "cannot read the token file ~/staging.token: No such file or directory".to_owned();
    assert_eq!(console.tell(Msg::Opened(ticket, Err(why))), []);
    console.must_show("still on prod-eu").must_show("cannot read the token file ~/staging.token");
    console.keys("<enter>").must_not_show("still on").must_show("EVENTS").must_show("writer>reviewer");
}

#[test]
fn a_filter_that_no_screen_has_is_told() {
    let filter = |filter: &str| Console::on(120, 30, Connection { filter: filter.to_owned(), ..production() });
    filter("nobody:knows").must_show("no screen can be filtered by nobody:knows");
    for known in ["code:timeout", "words", ""] {
        filter(known).must_not_show("no screen can be filtered");
    }
}

#[test]
fn whoever_thinks_better_of_it_stays() {
    let mut console = console(120, 30);
    console.keys("6:context staging<enter>");
    let (ticket, _) = asked(&console);
    console.keys("<esc>").must_not_show("Stay here");
    assert_eq!(console.effects.last(), Some(&Effect::Cancel(ticket)));
    assert_eq!(console.tell(Msg::Opened(ticket, Ok(staging()))), [], "it comes too late");
    console.must_show("prod-eu").must_show("writer>reviewer");
}

//! Pipelines, edges, tasks and sources.

use seamwatch::testing::console::app::feed::Feed;
use seamwatch::testing::console::app::msg::Reply;
use seamwatch::testing::console::app::{Effect, Msg, Ticket};
use seamwatch::testing::domain::health::{Measured, Measures};
use seamwatch::testing::domain::id::RunId;
use seamwatch::testing::domain::ledger::Ledger;
use seamwatch::testing::domain::port::{
    Act, Batch, Begin, Capabilities, Fault, Found, Replay, Report, Skipped, Snapshot, SourceId, Want,
};
use seamwatch::testing::domain::run::Run;
use seamwatch::testing::domain::time::SECOND;
use seamwatch::testing::theme::{BUILT_IN, Theme};

use super::console::{Console, Story, at};
use super::incident::incident;

fn console(columns: u16, rows: u16) -> Console {
    let mut console = Console::with(columns, rows, incident());
    // Rows are made again after a moment, not for every event.
    console.tick(1_000);
    console
}

#[test]
fn the_landing_screen_at_three_sizes() {
    for (columns, rows) in [(80, 24), (120, 40), (200, 60)] {
        console(columns, rows).golden(&format!("pipelines-{columns}x{rows}"));
    }
}

#[test]
fn the_landing_screen_in_every_theme() {
    for (name, _) in BUILT_IN {
        let mut console = console(120, 40);
        console.theme = Theme::named(name).unwrap();
        console.tick(1_000);
        console.golden(&format!("theme-{name}"));
    }
}

#[test]
fn edges_and_the_page_of_one() {
    let mut console = console(120, 40);
    console.keys("2").golden("edges");
    console.keys("<enter>").golden("edge");
}

#[test]
fn tasks_and_sources() {
    let mut console = console(120, 40);
    console.keys("3").golden("tasks");
    console.keys("7").golden("sources");
}

#[test]
fn names_of_edges_are_worth_more_than_the_trend() {
    console(100, 30).must_show("reviewer>publisher").must_not_show("last hour  ");
}

#[test]
fn why_a_task_stands_out_is_said_on_a_small_screen_too() {
    let mut console = console(80, 24);
    console.keys("3").must_show("revision 4 of at most 3");
}

#[test]
fn every_screen_fits_every_size() {
    for (columns, rows) in [(40, 10), (60, 15), (80, 24), (100, 30), (160, 24), (220, 70)] {
        let mut console = console(columns, rows);
        for keys in ["", "jl", "<enter>", "<esc>2", "<enter>", "<esc>3", "7"] {
            console.keys(keys).must_show("? help");
        }
    }
}

#[test]
fn a_branch_opens_to_its_tasks_and_the_cursor_climbs_back() {
    let mut console = console(120, 60);
    console.keys("jj").must_show("l tasks").must_not_show("waits for reviewer");
    console.keys("l").must_show("waits for reviewer").must_show("14 more");
    console.keys("jjh").must_show("▌   ├▾writer>reviewer");
    console.keys("h").must_not_show("waits for reviewer");
    console.keys("h").must_show("▌ ▾ launch-article");
    console.keys("<enter>").must_show("▌ ▸ launch-article").must_show("writer>reviewer: slow since 03:04");
}

#[test]
fn enter_on_an_edge_opens_its_page_and_esc_comes_back() {
    let mut console = console(120, 40);
    console.keys("jj<enter>").must_show("EDGE  launch-article  writer>reviewer");
    console.must_show("EMIT TO ACK").must_show("RECENT HANDOFFS");
    console.keys("<esc>").must_show("PIPELINES");
    console.keys("j").must_show("▌   ├ reviewer>publisher");
}

#[test]
fn what_changed_is_one_glance() {
    let mut console = console(120, 40);
    console.keys("j<enter>").must_show("violations since 02:51, prompt research-brief v18");
    console.must_show("VIOLATIONS BY PROMPT").must_show("/payload/confidence").must_show("02:51:44");
}

#[test]
fn a_task_opens_its_handoff() {
    let mut console = console(120, 40);
    console.keys("jjlj<enter>");
    assert!(console.state.views.page.is_some());
    console.keys("<esc>3<enter>");
    assert!(console.state.views.page.is_some());
}

#[test]
fn sorting_moves_rows_and_the_cursor_stays_on_its_edge() {
    let mut console = console(120, 40);
    console.keys("2j").must_show("▌ sales>crm");
    let first = |console: &Console| console.rows()[4].clone();
    assert!(first(&console).contains("writer>reviewer"));
    console.click("P50").must_show("P50▾").must_show("▌ sales>crm");
    assert!(first(&console).contains("writer>editor"), "{}", first(&console));
    console.keys("S").must_show("P50▴");
    console.keys("/crm<enter>").must_show("EDGES 2").must_not_show("support>triage");
    console.keys("<esc>").must_show("support>triage");
}

#[test]
fn the_filter_has_one_language_on_every_screen() {
    for screen in ["1", "2"] {
        let mut console = console(120, 40);
        console.keys(screen).keys("/to:crm<enter>");
        console.must_show("sales>crm").must_not_show("support");
        console.keys("<esc>").must_show("support");
        console.keys("/tto:crm").must_show("there is no field `tto` here");
    }
    let mut console = console(120, 40);
    console.keys("3/verdict:\"retry storm\"<enter>").must_show("4 retries").must_not_show("looping since");
    console.keys("<esc>/to:crm").must_show("there is no field `to` here");
}

#[test]
fn the_window_changes_the_numbers() {
    let mut console = console(120, 40);
    let acked = |console: &Console| {
        let rows = console.rows();
        let row = rows.iter().find(|it| it.contains("support>triage")).unwrap();
        row.split_whitespace().nth(2).unwrap().to_owned()
    };
    console.keys("2");
    assert_eq!(acked(&console), "59");
    console.click(" 5m ");
    assert_eq!(acked(&console), "4");
    console.keys("<tab><tab>");
    assert_eq!(acked(&console), "180");
}

#[test]
fn pausing_an_edge_asks_first_and_goes_to_the_source() {
    let mut console = console(120, 40);
    console.keys("2P").must_show("pause writer>reviewer");
    console.keys("<tab>");
    let asked = |console: &Console| {
        let mut sent = console.effects.iter();
        sent.any(|it| matches!(it, Effect::Perform(_, _, request) if matches!(request.act, Act::PauseEdge(_))))
    };
    assert!(!asked(&console));
    for _ in 0..3 {
        console.keys("x");
    }
    console.keys("<enter>");
    console.keys("y");
    assert!(asked(&console), "{}", console.rows().join("\n"));
}

#[test]
fn what_was_refused_on_an_edge_is_dismissed_at_once() {
    let mut console = console(120, 40);
    console.keys("2/edge:research>writer<enter><enter>").must_show("D dismiss refused");
    console.keys("D<enter>").must_show("6 refused contracts on it now");
    console.keys("y");
    let mut sent = console.effects.iter();
    let dismissed = Act::DismissRefused("launch-article>research>writer".to_owned());
    let sends = sent.any(|it| matches!(it, Effect::Perform(_, _, request) if request.act == dismissed));
    assert!(sends, "{}", console.rows().join("\n"));
}

#[test]
fn a_loop_can_be_seen_in_full_and_a_storm_be_handed_to_a_person() {
    let mut console = console(120, 40);
    console.keys("3").must_show("looping since 03:03: revision 4 of at most 3");
    console.must_show("writer <> reviewer x4 (max 3)").must_show("4>4>4>4");
    console.must_show("4 claims still have no source").must_not_show("E escalate");
    console.keys("jj").must_show("4 retries").must_show("E escalate");
    console.keys("E").must_show("escalate Lead: Acme, 40 seats");
}

#[test]
fn edges_that_nothing_is_wrong_with_stand_still() {
    // The one that is behind in the alphabet waits longer, as the other one did a moment ago.
    let handed = |run: &str, ago, from| {
        let edge = ("calm", from, "sink");
        Story::new(run).emitted(ago, run, edge, "A thing").events
    };
    let mut events = handed("r1", -3_000, "zoe");
    events.extend(handed("r2", -1_000, "abe"));
    let mut console = Console::with(120, 40, events);
    console.tick(1_000);
    let rows = console.keys("2").rows();
    let line = |name: &str| rows.iter().position(|row| row.contains(name));
    assert!(line("abe>sink") < line("zoe>sink"), "{}", rows.join("\n"));
}

#[test]
fn nothing_known_is_never_all_clear() {
    let mut console = Console::new(100, 24);
    for keys in ["1", "2", "3"] {
        console.keys(keys).must_show("Connecting to prod-eu");
    }
    let fault = Fault::Transient("connection refused. Is it there?".to_owned());
    console.hear(Report::Down { fault, retry_in: 5_000 });
    console.keys("1").must_show("cannot be reached").must_show("connection refused. Is it there? Next try in 5s.");
    console
        .keys("7")
        .must_show("down for 0s, next try in 5s")
        .must_show("last error  connection refused")
        .must_show("retry now");
    console.keys("r");
    let retried = console.effects.last();
    assert!(matches!(retried, Some(Effect::Retry(SourceId(0)))), "{retried:?}");
    let mut console = Console::with(100, 24, Vec::new());
    console.keys("2").must_show("no handoff was seen yet").must_show("seam demo");
    let reached =
        |url: &str| Report::Capabilities(Capabilities { agents: Ok(url.to_owned()), ..super::console::everything() });
    console.hear(reached("http://127.0.0.1:7600"));
    console.must_show("Agents reach it at http://127.0.0.1:7600:").must_show("examples/agent.py emit`");
    console.hear(reached("http://h.example:1"));
    console.must_show("`HANDOFF_URL=http://h.example:1 python3 examples/agent.py emit`");
}

#[test]
fn old_numbers_are_dimmed_and_say_how_old() {
    let mut console = console(120, 40);
    let role = |console: &Console| console.buffer()[(45, 5)].modifier;
    let fresh = role(&console);
    console.tick(5 * 60_000);
    console.tick(5 * 60_000 + 1_000);
    assert_ne!(role(&console), fresh, "{}", console.rows().join("\n"));
    console.must_show("unknown: data 5m01s old");
}

#[test]
fn a_recording_says_what_it_does_not_measure_and_where_it_stands() {
    let mut console = console(120, 40);
    console.hear(Report::Capabilities(Capabilities {
        kind: "recording".to_owned(),
        measured: Measured { everywhere: Measures { latency: false, ..Measures::ALL }, ..Measured::default() },
        replay: true,
        ..super::console::everything().without(|_| Some("a recording cannot be changed".to_owned()))
    }));
    console.hear(Report::Batch(Batch::Replay(Replay {
        at: at(-1_800_000),
        from: at(-3_600_000),
        until: at(0),
        speed: Some(60.0),
        paused: false,
        ended: false,
        shared_ids: 2,
    })));
    console.hear(Report::Batch(Batch::Skipped(vec![Skipped {
        cause: "not JSON".to_owned(),
        count: 3,
        first: 17,
        example: "{\"type\u{1b}[2J".to_owned(),
    }])));
    console.tick(2_000);
    console.keys("1").must_show("healthy, acks not measured");
    console.keys("2").must_show("n/m");
    console.keys("7").must_show("no acknowledgements: P95 is not measured");
    console.must_show("a recording cannot be changed").must_show("50%").must_show("60 s in one");
    console.must_show("3 not JSON, first at line 17").must_show("␛[2J");
    console.must_show("2 ids of handoffs stand in several runs: the run is in front of it, RUN/ID");
    console.golden("sources-recording");
}

#[test]
fn several_sources_are_the_first_level() {
    let mut console = console(120, 40);
    console.state.world.feeds.push(Feed::new(SourceId(1), "laptop"));
    console.tick(9_000);
    console.keys("1").must_show("▾ prod-eu").must_show("laptop").must_show("├▾ launch-article");
    console.must_show("connecting");
}

#[test]
fn hostile_names_are_marked_everywhere() {
    let edge = ("p\u{1b}]0;x\u{7}", "a\u{202e}b", "c\u{9b}2J");
    let events = Story::new("r\u{1b}[6n").emitted(-90_000, "h\u{200b}", edge, "t\u{1b}[31m").events;
    let mut console = Console::with(120, 40, events);
    console.tick(1_000);
    for keys in ["1jl", "j", "2", "<enter>", "<esc>3", "7"] {
        console.keys(keys);
        for cell in &console.buffer().content {
            let raw = ['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{200b}'];
            assert!(!cell.symbol().contains(raw), "{keys}");
        }
    }
}

#[test]
fn the_feedback_of_an_old_loop_is_asked_for_when_it_is_looked_at() {
    let events = incident();
    let mut ledger = Ledger::default();
    for event in &events {
        ledger.apply(event);
    }
    let id = RunId::from("9c1e00aa77b0d7f1");
    let run = ledger.run(&id).unwrap().clone();
    let mut console = Console::with(120, 40, Vec::new());
    // The log of a console opened later does not reach back to the returns.
    let snapshot = Snapshot { at: at(0), cursor: 1.into(), runs: vec![run.clone().into()], ..Snapshot::default() };
    console.hear(Report::Batch(Batch::Begin(Begin::Fresh(Box::new(snapshot)))));
    console.tick(1_000);
    console.keys("3").must_not_show("FEEDBACK");
    let fetched = console.effects.iter().find_map(|it| match it {
        Effect::Fetch(ticket, _, Want::Timeline(run)) => Some((*ticket, run.clone())),
        _ => None,
    });
    let (ticket, asked) = fetched.unwrap();
    assert_eq!(asked, id);
    let events = events.into_iter().filter(|it| it.run == id).collect();
    let run = Box::new(run);
    let found = Found::Timeline { run, events };
    console.tell(Msg::Answered(ticket, Ok(Reply::Found(found))));
    console.must_show("4 claims still have no source");
}

/// What is asked of the source since the last time.
fn wanted(console: &mut Console) -> Vec<(Ticket, RunId)> {
    let effects = std::mem::take(&mut console.effects).into_iter();
    effects
        .filter_map(|it| match it {
            Effect::Fetch(ticket, _, Want::Timeline(run)) => Some((ticket, run)),
            _ => None,
        })
        .collect()
}

#[test]
fn a_run_that_was_closed_and_goes_on_is_fetched_whole() {
    let edge = ("launch", "writer", "reviewer");
    let mut story = Story::new("reopened");
    for nth in 0..3 {
        story = story.emitted(nth - 10, &format!("h-{nth}"), edge, "Again");
    }
    let events = story.events;
    let mut console = Console::with(100, 30, Vec::new());
    console.happen(events[2..].to_vec());
    let asked = wanted(&mut console);
    let [(ticket, run)] = asked.as_slice() else {
        panic!("one run is asked for: {asked:?}");
    };
    assert_eq!(run.as_str(), "reopened");
    console.happen(Vec::new());
    assert_eq!(wanted(&mut console), [], "asked for once");

    // It could not be had: asked for again when the source is there again, not before.
    let gone = Fault::Transient("gone".to_owned());
    console.tell(Msg::Answered(*ticket, Err(gone)));
    assert_eq!(wanted(&mut console), []);
    console.hear(Report::Batch(Batch::Begin(Begin::Resumed)));
    let asked = wanted(&mut console);
    let run = Box::new(Run::new(run.clone(), at(0)));
    let found = Reply::Found(Found::Timeline { run, events });
    console.tell(Msg::Answered(asked[0].0, Ok(found)));
    let ledger = console.state.world.feeds[0].ledger();
    assert_eq!(ledger.run(&"reopened".into()).unwrap().handoffs.len(), 3);
    assert!(ledger.irregular().is_empty());
    assert_eq!(wanted(&mut console), []);
}

#[test]
fn not_everything_that_goes_on_is_fetched_at_once() {
    let edge = ("launch", "writer", "reviewer");
    let mut runs = Vec::new();
    for nth in 0..20 {
        let story = Story::new(&format!("r-{nth}")).emitted(-9, &format!("a-{nth}"), edge, "First").emitted(
            -8,
            &format!("b-{nth}"),
            edge,
            "Second",
        );
        runs.push(story.events);
    }
    let mut console = Console::with(100, 30, Vec::new());
    console.happen(runs.iter().map(|it| it[1].clone()).collect());
    let mut fetched = 0;
    let mut waiting = wanted(&mut console);
    while let Some((ticket, run)) = waiting.pop() {
        assert!(waiting.len() < 8);
        let events = runs.iter().find(|it| it[0].run == run).unwrap().clone();
        let run = Box::new(Run::new(run, at(0)));
        let found = Reply::Found(Found::Timeline { run, events });
        console.tell(Msg::Answered(ticket, Ok(found)));
        waiting.extend(wanted(&mut console));
        fetched += 1;
    }
    assert_eq!(fetched, 20);
    assert_eq!(console.state.world.feeds[0].ledger().fragments().len(), 0);
}

#[test]
fn what_came_after_the_draw_moves_no_branch_before_the_next_one() {
    let (first, second) = (("launch", "writer", "reviewer"), ("launch", "reviewer", "editor"));
    let events = Story::new("r").emitted(-3 * SECOND, "h-1", first, "A draft").events;
    let more = Story::new("s").emitted(-2 * SECOND, "h-2", second, "Another").events;
    let mut console = Console::with(100, 40, [events, more].concat());
    console.keys("1j<right>");
    let drawn = console.state.views.screens.pipelines.list.rows().to_vec();
    console.hear_undrawn(Story::new("t").emitted(-SECOND, "h-3", first, "A third").events);
    console.keys_undrawn("G<right>");
    let rows = console.state.views.screens.pipelines.list.rows().to_vec();
    assert!(rows.len() > drawn.len(), "{rows:?}");
    assert_eq!(rows[..drawn.len()], drawn);
}

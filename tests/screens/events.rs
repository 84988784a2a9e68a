//! The live log.

use seamwatch::testing::domain::event::{DeadReason, Fact};
use seamwatch::testing::domain::id::Actor;
use seamwatch::testing::domain::time::{HOUR, MINUTE, Millis};

use super::console::{Console, Story, at};

const EDGE: (&str, &str, &str) = ("launch-article", "writer", "reviewer");

fn leased() -> Fact {
    Fact::Leased {
        attempt: 1,
        total: 1,
        lease: "l-1".to_owned(),
        holder: "reviewer-2".to_owned(),
        until: Some(at(MINUTE)),
        lease_ms: MINUTE,
        resumed_at: None,
    }
}

fn story() -> Story {
    let agent = || Actor::agent("reviewer");
    Story::new("4bf92f3577b34da6a3ce929d0e0e4736")
        .emitted(-90_000, "h-7f3a", EDGE, "Review the draft on agent handoffs")
        .then(-88_000, "h-7f3a", agent(), leased())
        .then(-87_500, "h-7f3a", agent(), Fact::Acknowledged { until: None })
        .then(
            -60_000,
            "h-7f3a",
            agent(),
            Fact::RetryScheduled {
                attempt: 1,
                code: "timeout".to_owned(),
                detail: "no answer from the style checker".to_owned(),
                ready_at: at(-30_000),
            },
        )
        .then(
            -20_000,
            "h-7f3a",
            Actor::system("sweeper"),
            Fact::DeadLettered {
                code: "timeout".to_owned(),
                reason: DeadReason::BudgetSpent,
                detail: "no answer from the style checker".to_owned(),
                violations: Vec::new(),
            },
        )
        .then(-5_000, "h-7f3a", Actor::user("dana"), Fact::Requeued { reason: "checker is back".to_owned() })
        .emitted(-2_000, "h-7f41", ("lead-to-crm", "sales", "crm"), "Store the lead of Acme, 40 seats")
}

#[test]
fn the_log_with_the_acts_of_people_in_it() {
    let mut console = Console::with(120, 40, story().events);
    console.keys("6").golden("events");
}

#[test]
fn local_times_have_the_offset_of_their_own_day() {
    let mut console = Console::with(120, 40, story().events);
    let local = |offset: Millis, hours: Millis| (at(offset) + hours * HOUR).utc().format("%H:%M:%S").to_string();
    console.keys("6t").must_show(&local(-90_000, 1)).must_show(&local(-2_000, 2));
    console.must_show(&format!("{} local", local(0, 2)));
}

#[test]
fn the_log_fits_the_smallest_screens() {
    for (columns, rows) in [(80, 24), (40, 10)] {
        let mut console = Console::with(columns, rows, story().events);
        console.keys("6").must_show("requeued").must_show("? help");
        if columns == 80 {
            console.must_show("dana: checker is back");
        }
    }
}

#[test]
fn it_follows_until_the_user_moves_away_and_counts_what_is_new() {
    let mut console = Console::with(100, 24, story().events);
    console.keys("6").must_show("following");
    console.keys("kk").must_show("holding").must_not_show("new");
    console.happen(Story::new("aa").emitted(-1_000, "h-9", EDGE, "One more").events);
    console.happen(Story::new("bb").emitted(-500, "h-10", EDGE, "And another").events);
    console.must_show("2 new");
    console.keys("G").must_show("following").must_not_show("2 new");
}

#[test]
fn the_filter_narrows_while_it_is_typed_and_esc_brings_all_back() {
    let mut console = Console::with(100, 24, story().events);
    console.keys("6/reque").must_show("requeued").must_not_show("attempt 1");
    console.keys("<enter>").must_show("esc clear filter");
    console.keys("<esc>").must_show("leased");
    // The words of `seam get events --filter`.
    console
        .keys("/event:retry handoff:h-7f3a by:reviewer detail:\"style checker\"<enter>")
        .must_show("retry scheduled")
        .must_not_show("dead lettered");
    console.keys("<esc>/-dead sweeper<enter>").must_show("No event matches");
}

#[test]
fn hostile_text_is_marked_and_never_reaches_a_cell_raw() {
    let title = "\u{1b}]52;c;eA==\u{7}\u{202e}gpj.exe\u{200b}\u{9b}6n";
    let console = &mut Console::with(140, 24, Story::new("r").emitted(0, "h\u{1b}[2J", EDGE, title).events);
    console.keys("6").must_show("␛]52;c;eA==␇⟨U+202E⟩gpj.exe⟨U+200B⟩⟨U+009B⟩6n");
    for cell in &console.buffer().content {
        assert!(!cell.symbol().contains(['\u{1b}', '\u{7}', '\u{9b}', '\u{202e}', '\u{200b}']));
    }
}

//! Every command in every state: where it leads, or that it is refused.

use super::*;

/// States: P pending, L leased, A acknowledged, W waiting for a retry, E escalated, D dead letter, C completed,
/// R returned, X dismissed, K cancelled. A cell is the state the command leads to; `-` is refused because of the
/// state, `!` because the lease is lost, `~` because there is nothing to do it to.
const TABLE: &str = "
    row command            P L A W E D C R X K
    4   claim              L - - L - - - - - -
    5   acknowledge        ! A A ! ! ! ! ! ! !
    6   heartbeat          ! L A ! ! ! ! ! ! !
    9   complete           ! C C ! ! ! C ! ! !
    10  return             ! - R ! ! ! ! R ! !
    11  fail_retryable     ! W W ! ! ! ! ! ! !
    12  fail_undeclared    ! D D ! ! ! ! ! ! !
    13  fail_escalated     ! E E ! ! ! ! ! ! !
    14  reject             ! D - ! ! ! ! ! ! !
    15  timer_lease        P W W W E D C R X K
    16  snooze             ! P P ! ! ! ! ! ! !
    18  escalate           E - - E - E - - - -
    18  escalate_forced    E E E E - E - - - -
    19  approve            - - - - P - - - - -
    19  edit_approve       - - - - P - - - - -
    19  respond            - - - - P - - - - -
    19  reject_answer      - - - - R - - - - -
    19  dismiss_answer     - - - - X - - - - -
    19  timer_question     P L A W D D C R X K
    20  timer_deadline     D L A D E D C R X K
    21  requeue            - - - P - P - - - -
    22  amend              - - - - E D - - - -
    23  dismiss            X - - X X X - - - -
    24  complete_manually  - - - - C C - - - -
    25  cancel             K K K K K K ~ R ~ ~
    -   take               A - - A - - - - - -
    -   claim_question     - - - - E - - - - -
    -   release_question   - - - - E - - - - -
    -   annotate           P L A W E D C R X K
";

const STATES: [(char, State); 10] = [
    ('P', State::Pending),
    ('L', State::Leased),
    ('A', State::Acknowledged),
    ('W', State::RetryWait),
    ('E', State::Escalated),
    ('D', State::DeadLettered),
    ('C', State::Completed),
    ('R', State::Returned),
    ('X', State::Dismissed),
    ('K', State::Cancelled),
];

/// The world just before `name` is asked, and the command.
fn ready(name: &str, state: State) -> (World, Command) {
    let mut world = World::at(state);
    let mut after = 20 * SECOND;
    let timer = Command::Timer(vec![("a".into(), 1.0)]);
    let seen = world.seen("a");
    let command = match name {
        "claim" => Command::Claim {
            handoff: "a".into(),
            holder: "editor-2".into(),
            lease: "another lease".into(),
            lease_ms: MINUTE,
            flow: Flow::default(),
        },
        "acknowledge" => Command::Acknowledge(held("a")),
        "heartbeat" => Command::Heartbeat(held("a")),
        "complete" => complete("a", vec![]),
        "return" => give_back("a", "b"),
        "fail_retryable" => fail("a", "timeout"),
        "fail_undeclared" => fail("a", "unheard_of"),
        "fail_escalated" => fail("a", "policy"),
        "reject" => {
            let errors = vec![crate::domain::contract::Violation::new("/brief", "required", "is missing")];
            Command::Reject { held: held("a"), errors }
        }
        "snooze" => Command::Snooze { held: held("a"), until: world.now + HOUR },
        "timer_lease" => {
            after = 2 * MINUTE;
            timer
        }
        "timer_question" => {
            // Leases that end as well are another row.
            if state.is_held() {
                world.change("a", |it| it.lease.as_mut().unwrap().until = None);
            }
            after = 2 * HOUR;
            timer
        }
        "timer_deadline" => {
            let deadline = Some(Time::from_millis(10 * SECOND));
            world.change("a", |it| terms(Arc::make_mut(&mut it.emission)).deadline = deadline);
            timer
        }
        "escalate" | "escalate_forced" => Command::Escalate {
            seen,
            escalation: Box::new(question(EscalationKind::DeadLetter)),
            force: name == "escalate_forced",
        },
        "approve" => resolve(seen, Answer::Approve),
        "edit_approve" => resolve(seen, Answer::EditApprove),
        "respond" => resolve(seen, Answer::Respond),
        "reject_answer" => resolve(seen, Answer::Reject),
        "dismiss_answer" => resolve(seen, Answer::Dismiss),
        "requeue" => Command::Requeue { seen, why: "again".into() },
        "amend" => Command::Amend { seen, head: Box::new(edited()) },
        "dismiss" => dismiss(seen),
        "complete_manually" => Command::CompleteManually { seen, result: None, next: vec![], note: "by hand".into() },
        "cancel" => Command::Cancel { expect: None, why: "stop".into() },
        "take" => {
            let to = crate::domain::contract::Party::human("dana");
            world.change("a", |it| it.emission = Emission { to, ..(*it.emission).clone() }.into());
            Command::Take { seen, lease: "hers".into() }
        }
        "claim_question" => Command::ClaimEscalation { seen, until: world.now + MINUTE },
        "release_question" => Command::Release { seen },
        "withhold" => Command::Withhold { handoff: seen.handoff, detail: "the draft is gone".into() },
        "annotate" => annotate(Some("a"), "root cause: writer"),
        other => panic!("no command {other}"),
    };
    world.now = world.now + after;
    (world, command)
}

#[test]
fn every_command_in_every_state() {
    let mut cells = 0;
    for line in TABLE.lines().filter(|it| !it.trim().is_empty()).skip(1) {
        let mut words = line.split_whitespace().skip(1);
        let name = words.next().unwrap();
        for ((_, state), expected) in STATES.iter().zip(words) {
            let (mut world, command) = ready(name, *state);
            let before = world.run.clone();
            let found = match world.ask(&Actor::user("dana"), command) {
                Ok(_) => {
                    let now = world.it("a").state;
                    STATES.iter().find(|(_, it)| *it == now).expect("one of ours").0
                }
                Err(why) => {
                    assert_eq!(before, world.run, "{name} was refused and changed something");
                    match &why {
                        Refusal::IllegalTransition { state: told, allowed, .. } => {
                            assert_eq!(told, state);
                            assert!(!allowed.contains(state), "{name} in {state:?}");
                            '-'
                        }
                        Refusal::LeaseLost { .. } => '!',
                        Refusal::Invalid(_) => '~',
                        Refusal::NotFound(_)
                        | Refusal::VersionConflict { .. }
                        | Refusal::ContextMoved
                        | Refusal::AnswerNotAllowed { .. }
                        | Refusal::SelfApproval { .. }
                        | Refusal::Stranger { .. }
                        | Refusal::PlaceTaken { .. }
                        | Refusal::RoleNeeded { .. }
                        | Refusal::Expired { .. }
                        | Refusal::IdempotencyMismatch { .. } => panic!("{name} in {state:?}: {why}"),
                    }
                }
            };
            assert_eq!(found.to_string(), expected, "{name} in {state:?}");
            cells += 1;
        }
    }
    assert_eq!(cells, 29 * 10);
}

/// The events of each kind of command where nothing stands against it. None at all is the exception, with its reason.
const fn events(command: &Command) -> &'static [&'static str] {
    match command {
        Command::Emit(_) => &["handoff.emitted"],
        Command::Refuse(_) => &["handoff.rejected"],
        Command::DismissRejections { .. } => &["rejection.resolved"],
        Command::Claim { .. } => &["handoff.leased"],
        Command::Acknowledge(_) => &["handoff.acknowledged"],
        Command::Heartbeat(_) => &[], // it moves the end of the lease, which the log need not know
        Command::Complete { .. } => &["handoff.acknowledged", "handoff.completed"],
        Command::Return { .. } => &["handoff.returned", "handoff.emitted"],
        Command::Fail { .. } | Command::Timer(_) => &["handoff.retry_scheduled"],
        Command::Reject { .. } | Command::Withhold { .. } => &["handoff.dead_lettered"],
        Command::Snooze { .. } => &["handoff.snoozed"],
        Command::Escalate { .. } => &["escalation.opened"],
        Command::ClaimEscalation { .. } => &["escalation.claimed"],
        Command::Release { .. } => &["escalation.released"],
        Command::Resolve { .. } => &["escalation.resolved"],
        Command::Requeue { .. } => &["handoff.requeued"],
        Command::Amend { .. } => &["handoff.amended"],
        Command::Dismiss { .. } => &["handoff.dismissed"],
        Command::CompleteManually { .. } => &["handoff.completed"],
        Command::Take { .. } => &["handoff.leased", "handoff.acknowledged"],
        Command::Cancel { .. } => &["handoff.cancelled"],
        Command::Annotate(_) => &["run.annotated"],
        Command::Reveal { .. } => &["payload.revealed"],
        Command::PauseEdge { .. } => &["edge.paused"],
        Command::ResumeEdge { .. } => &["edge.resumed"],
    }
}

/// How many kinds of command there are: as many as [`events`] names.
const KINDS: usize = 26;

#[test]
fn every_kind_of_command_is_decided() {
    use State::{Acknowledged, DeadLettered, Escalated, Leased, Pending};
    let named = [
        (Pending, "claim"),
        (Pending, "withhold"),
        (Leased, "acknowledge"),
        (Leased, "heartbeat"),
        (Leased, "complete"),
        (Acknowledged, "return"),
        (Leased, "fail_retryable"),
        (Leased, "reject"),
        (Leased, "snooze"),
        (Leased, "timer_lease"),
        (DeadLettered, "escalate"),
        (Escalated, "claim_question"),
        (Escalated, "release_question"),
        (Pending, "annotate"),
        (Escalated, "approve"),
        (DeadLettered, "requeue"),
        (DeadLettered, "amend"),
        (DeadLettered, "dismiss"),
        (DeadLettered, "complete_manually"),
        (Pending, "take"),
        (Pending, "cancel"),
    ];
    let mut asked: Vec<_> = named.map(|(state, name)| ready(name, state)).into();
    let (why, edge) = (String::new(), Edge::new("news", "writer", "editor"));
    let emit = Command::Emit(Box::new(offer("a", "writer", "editor")));
    asked.push((World::new(), emit));
    asked.push((World::new(), Command::Refuse(vec![rejection("r")])));
    let mut refused = World::new();
    refused.must(Command::Refuse(vec![rejection("r")]));
    asked.push((refused, Command::DismissRejections { rejections: vec!["r".into()], why: why.clone() }));
    let pause = Command::PauseEdge { edge: edge.clone(), why: why.clone() };
    asked.push((World::new(), pause.clone()));
    let mut paused = World::new();
    paused.must(pause);
    asked.push((paused, Command::ResumeEdge { edge, why }));

    let mut kinds = std::collections::HashSet::new();
    for (mut world, command) in asked {
        kinds.insert(std::mem::discriminant(&command));
        let (before, expected) = (world.events.len(), events(&command));
        let told = format!("{command:?}");
        world.ask(&Actor::user("dana"), command).unwrap_or_else(|why| panic!("{told}: {why}"));
        let said: Vec<_> = world.events[before..].iter().map(|it| it.fact.name()).collect();
        assert_eq!(said, expected, "{told}");
    }
    assert_eq!(kinds.len(), KINDS, "a kind of command has no line here");
}

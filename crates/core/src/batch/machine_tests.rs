//! The machine in a small world, with a process that is killed at every point, and by itself.

use super::world::{World, scenarios};
use super::*;
use proptest::prelude::*;
use std::time::Duration;

#[test]
fn a_kill_at_any_point_loses_nothing_and_pays_nothing_twice() {
    let (mut runs, mut points) = (0, 0);
    for scenario in scenarios() {
        let mut whole = World::new(scenario, &[]);
        whole.run();
        whole.check();
        for kill in 1..=whole.points {
            let mut world = World::new(scenario, &[kill]);
            world.run();
            world.check();
            runs += 1;
        }
        points += whole.points;
    }
    assert!(runs == points && runs > 5000, "{runs}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 500, ..ProptestConfig::default() })]

    #[test]
    fn nor_do_kills_at_several(scenario in prop::sample::select(scenarios()), kills in prop::collection::vec(1_usize..80, 0..8)) {
        let mut world = World::new(scenario, &kills);
        world.run();
        world.check();
    }

    /// Whatever is heard in whatever state: no final state is left, and no unanswered create is forgotten but where it is
    /// known not to have happened.
    #[test]
    fn no_event_revives_a_batch_or_forgets_a_create(
        events in prop::collection::vec(events(), 1..40), matching in prop::sample::select(vec![Matching::Label, Matching::Contents]),
    ) {
        let mut now = Moment(0);
        let mut batch = Batch::new(1, 1, matching, true, 10, now);
        for (event, wait) in events {
            now = now.after(Duration::from_secs(wait));
            if let Some(due) = batch.due(now, true) {
                prop_assert!(due.effect != Effect::Create || batch.submitted_at.is_none() && !batch.is_unanswered());
                batch = due.record;
            }
            let heard = batch.heard(event.clone(), now, &Pace::default());
            if batch.state.is_final() {
                prop_assert_eq!((&heard.record, heard.rest), (&batch, Rest::Waits));
            }
            if batch.is_unanswered() && !heard.record.is_unanswered() && heard.record.remote.is_none() {
                let over = now >= batch.submitted_at.unwrap().after(SUSPECT_FOR) && matches!(event, Event::Listed(_));
                prop_assert!(over || matches!(event, Event::NotDone(_)), "{event:?}");
            }
            prop_assert_eq!(heard.rest == Rest::Waits, !heard.record.state.is_final() || batch.state.is_final());
            batch = heard.record;
        }
    }
}

fn events() -> impl Strategy<Value = (Event, u64)> {
    let trouble = prop::sample::select(vec![Trouble::Passing(None), Trouble::Lasting, Trouble::Stopped]);
    let end = prop::sample::select(vec![End::Completed, End::Refused, End::NoRoom, End::Expired, End::Cancelled]);
    let candidates = prop::collection::vec((0_u8..3, any::<bool>()), 0..3)
        .prop_map(|list| list.into_iter().map(|(id, ended)| Candidate { remote: id.to_string(), ended }).collect());
    let event = prop_oneof![
        Just(Event::Uploaded("f".to_owned())),
        trouble.clone().prop_map(Event::NotDone),
        Just(Event::Created("r".to_owned())),
        Just(Event::Unanswered),
        Just(Event::Found("r".to_owned())),
        candidates.prop_map(Event::Listed),
        (0_u8..3, any::<bool>()).prop_map(|(id, ours)| Event::Inspected { remote: id.to_string(), ours }),
        Just(Event::Running),
        (end, proptest::option::of(0_u32..12)).prop_map(|(how, lines)| Event::Ended { how, lines }),
        Just(Event::Gone),
        Just(Event::CancelTold),
        (0_u32..12).prop_map(Event::Fetched),
        trouble.prop_map(Event::Failed),
        Just(Event::CancelWanted),
    ];
    (event, 0_u64..20_000)
}

#[test]
fn a_suspect_is_neither_sent_again_nor_given_up_before_a_day_and_an_hour() {
    for matching in [Matching::Label, Matching::Contents] {
        let start = Moment(0);
        let due = Batch::new(1, 1, matching, false, 10, start).due(start, true).unwrap();
        assert_eq!((due.effect, due.record.state), (Effect::Create, State::Submitted));
        let mut batch = due.record.heard(Event::Unanswered, start, &Pace::default()).record;
        assert!(!may_create([&batch]) && batch.suspect);
        let other = Batch::new(2, 1, matching, false, 10, start);
        assert_eq!(other.due(start, may_create([&batch])), None, "one unanswered create at a time");
        let mut looked = 0;
        while !batch.state.is_final() {
            let now = batch.next_at;
            let due = batch.due(now, true).unwrap();
            assert_eq!(due.effect, Effect::Find { since: start });
            assert!(batch.due(Moment(now.0 - 1), true).is_none());
            let heard = due.record.heard(Event::Listed(Vec::new()), now, &Pace::default());
            assert_eq!(heard.record.state.is_final(), now >= start.after(SUSPECT_FOR));
            assert!(!heard.record.state.is_final() || heard.rest == Rest::NotRun { blamed: false });
            (batch, looked) = (heard.record, looked + 1);
        }
        assert!((50..200).contains(&looked), "{looked}");
    }
}

#[test]
fn a_cancel_reaches_a_batch_wherever_it_is() {
    let start = Moment(0);
    let hear = |batch: &Batch, event| batch.heard(event, start, &Pace::default());
    let built = Batch::new(1, 1, Matching::Label, true, 10, start);
    assert_eq!(hear(&built, Event::CancelWanted).rest, Rest::Dropped);
    let uploaded = hear(&built, Event::Uploaded("f".to_owned())).record;
    let sent = uploaded.due(start, true).unwrap().record;
    let wanted = hear(&hear(&sent, Event::Unanswered).record, Event::CancelWanted);
    assert_eq!((wanted.rest, wanted.record.state), (Rest::Waits, State::Submitted), "it has to be found first");
    let found = hear(&wanted.record, Event::Found("r".to_owned())).record;
    assert_eq!(found.due(start, true).unwrap().effect, Effect::Cancel { remote: "r".to_owned() });
    let told = hear(&found, Event::CancelTold).record;
    assert_eq!(told.due(start, true).unwrap().effect, Effect::Poll { remote: "r".to_owned() });
    let ended = hear(&told, Event::Ended { how: End::Cancelled, lines: None }).record;
    let done = hear(&ended, Event::Fetched(3));
    assert_eq!((done.record.state, done.rest), (State::Cancelled, Rest::Missing));
    let gone = hear(&wanted.record, Event::NotDone(Trouble::Passing(None)));
    assert_eq!((gone.record.state, gone.rest), (State::Cancelled, Rest::Dropped));
}

#[test]
fn results_that_are_too_few_are_read_again_before_the_others_are_given_up() {
    let start = Moment(0);
    let hear = |batch: &Batch, event| batch.heard(event, start, &Pace::default());
    let ended = |lines| {
        let sent = Batch::new(1, 1, Matching::Contents, false, 10, start).due(start, true).unwrap().record;
        let created = hear(&sent, Event::Created("r".to_owned())).record;
        hear(&created, Event::Ended { how: End::Completed, lines }).record
    };
    for (told, read) in [(Some(10), 10), (Some(12), 10), (None, 3)] {
        let done = hear(&ended(told), Event::Fetched(read));
        assert_eq!((done.record.state, done.rest), (State::Done, Rest::Missing), "{told:?}");
    }
    let mut batch = ended(Some(10));
    for event in [Event::Fetched(8), Event::Failed(Trouble::Passing(None)), Event::Fetched(9)] {
        let heard = hear(&batch, event);
        assert_eq!((heard.record.state, heard.rest), (State::Ingesting, Rest::Waits));
        assert!(heard.record.next_at > start && heard.record.due(start, true).is_none());
        batch = heard.record;
    }
    assert_eq!(hear(&batch, Event::Fetched(9)).rest, Rest::Missing, "the third time");
}

#[test]
fn states_have_names() {
    for state in State::ALL {
        assert_eq!(State::named(state.name()), Some(state));
        assert_eq!(serde_json::to_string(&state).unwrap(), format!("\"{}\"", state.name()));
    }
    assert_eq!(State::named("suspect"), None);
}
